// The secrets that the attempts of one request have sent. They are known as long as the request is open, also when its credential has
// another secret by then.
import type { Dialect } from "../contract/dialect.ts";
import { LazyRedactor } from "./lazy-redactor.ts";

/** Where an attempt was sent. */
export interface SecretPlace {
  dialect: Pick<Dialect, "credentialHeader">;
  /** Values of configured headers that are secrets. */
  secrets: readonly string[];
}

export class SentSecrets extends LazyRedactor {
  readonly #secret: string;
  readonly #place: SecretPlace;
  readonly #before: SentSecrets | undefined;

  /** `before`: what the earlier attempts of the request have sent. */
  constructor(secret: string, place: SecretPlace, before: SentSecrets | undefined) {
    super();
    this.#secret = secret;
    this.#place = place;
    this.#before = before;
  }

  /** The secrets, and what a dialect makes of them. */
  listAll(): string[] {
    return [...this.list(), ...this.listForms()];
  }

  override list(): string[] {
    return this.#collect((sent) => [sent.#secret, ...sent.#place.secrets]);
  }

  /** What a dialect makes of the secrets for the header that it sends. */
  protected override listForms(): string[] {
    return this.#collect((sent) => {
      try {
        return [sent.#place.dialect.credentialHeader(sent.#secret)[1]];
      } catch {
        return [];
      }
    });
  }

  #collect(read: (sent: SentSecrets) => string[]): string[] {
    const all = read(this);
    for (let sent = this.#before; sent; sent = sent.#before) all.push(...read(sent));
    return all;
  }
}
