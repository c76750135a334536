// A redactor that is built only when a text may quote a secret: most texts are told apart by a quick look.
import { DEEPEST, mapTexts, Redactor } from "./redact.ts";
import { base64Forms, SHORTEST_SECRET } from "./secret-forms.ts";

/** A short text that shares no group of characters of this length with a secret does not quote it. */
const GROUP = 4;
/** So that each 8 characters contain a whole group. */
const STRIDE: number = SHORTEST_SECRET - GROUP + 1;
/** From this length on a text is searched at once, in characters. */
const LONG_TEXT = 512;
/** What may be an escape or a mask. */
const DISGUISE = /[\\%&\0*•…·]|\.\.|xxx|end(?:s|ing) |last /i;
/** What may be base64 of a text: hardly any stretch of it has no capital letter. */
const BASE64 = /[\w+/-]{8}/;
const CAPITAL = /[A-Z]/;

export abstract class LazyRedactor {
  #plain: string | undefined;
  #encoded: string | undefined;
  #redactor: Redactor | undefined;

  /** The secrets to hide. */
  abstract list(): readonly string[];

  /** More forms of them, which are read only when a text may quote a secret. */
  protected listForms(): readonly string[] {
    return [];
  }

  /** True for a text that contains a secret or a part of one. */
  shows(text: string): boolean {
    return this.#mayShow(text) && this.#built().finds(text);
  }

  /** Replaces secrets in a text; see `Redactor`. */
  hide(text: string): string {
    return this.#mayShow(text) ? this.#built().hide(text) : text;
  }

  /** Replaces secrets in all texts of a plain object, whose names stay. An object without secrets is returned as it is. */
  hideIn<T>(value: T): T {
    return mapTexts(value, this, DEEPEST) as T;
  }

  #built(): Redactor {
    return (this.#redactor ??= new Redactor([...this.list(), ...this.listForms()]));
  }

  #mayShow(text: string): boolean {
    if (text.length >= LONG_TEXT || DISGUISE.test(text)) return true;
    if (text.length < SHORTEST_SECRET) return false;
    this.#plain ??= this.list().join("\0").toLowerCase();
    const lower = text.toLowerCase();
    if (sharesGroup(lower, this.#plain)) return true;
    if (!CAPITAL.test(text) || !BASE64.test(text)) return false;
    this.#encoded ??= this.list().flatMap(base64Forms).join("\0");
    return sharesGroup(lower, this.#encoded);
  }
}

function sharesGroup(text: string, secrets: string): boolean {
  for (let at = 0; at + GROUP <= text.length; at += STRIDE)
    if (secrets.includes(text.slice(at, at + GROUP))) return true;
  return false;
}
