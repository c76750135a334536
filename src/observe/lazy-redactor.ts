// A redactor that is built only when a text may quote a secret: most texts are told apart by a quick look.
import { DEEPEST, mapTexts, Redactor } from "./redact.ts";
import { mayBeDisguised, mayBeEncoded } from "./quick-look.ts";
import { base64Forms, PART, SHORTEST_SECRET } from "./secret-forms.ts";

/** A short text that shares no group of characters of this length with a secret does not quote it. */
const GROUP = 4;
/** From this length on, in characters, a secret is hidden in parts, whatever its prefix is. */
const LONG_SECRET = 40;
/** From this length on a text is searched at once, in characters. */
const LONG_TEXT = 512;

export abstract class LazyRedactor {
  #plain = "";
  #isASCII = true;
  #shortest: number | undefined;
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
    if (text.length >= LONG_TEXT || mayBeDisguised(text)) return true;
    if (text.length < SHORTEST_SECRET) return false;
    const shortest = (this.#shortest ??= this.#read());
    if (text.length < shortest) return false;
    if (sharesGroup(text.toLowerCase(), this.#plain, shortest)) return true;
    if (!this.#isASCII) return true;
    if (!mayBeEncoded(text)) return false;
    this.#encoded ??= this.list().flatMap(base64Forms).join("\0");
    return sharesGroup(text.toLowerCase(), this.#encoded, SHORTEST_SECRET);
  }

  /** Reads the secrets. Returns the length of the shortest text that shows one, in characters. */
  #read(): number {
    const secrets = this.list();
    const joined = secrets.join("\0");
    this.#plain = joined.toLowerCase();
    this.#isASCII = /^[\0-\u007f]*$/.test(joined);
    const areLong = secrets.every(
      (one) => one.length >= LONG_SECRET || one.length < SHORTEST_SECRET,
    );
    return areLong ? PART : SHORTEST_SECRET;
  }
}

/** Whether a text has a group of characters of a secret. So many groups are looked up that each `shortest` characters have a whole one. */
function sharesGroup(text: string, secrets: string, shortest: number): boolean {
  const stride = shortest - GROUP + 1;
  for (let at = 0; at + GROUP <= text.length; at += stride)
    if (secrets.includes(text.slice(at, at + GROUP))) return true;
  return false;
}
