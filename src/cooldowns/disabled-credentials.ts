// Which credentials are out of use for good, and why; until an operator, or a new secret, brings them back (F1, F5).
import type { DisabledMark, DisableRecord } from "../contract/records.ts";

/** Told of each change, so that pool, state and hooks follow. */
export type MarkChanged = (mark: DisableRecord) => void;

export class DisabledCredentials {
  readonly #marks = new Map<string, DisableRecord>();
  /** Requests in which a bare 403 came, by credential: the second distinct one disables (E7). */
  readonly #bareRefusals = new Map<string, string>();
  readonly #onChange: MarkChanged;

  constructor(onChange: MarkChanged) {
    this.#onChange = onChange;
  }

  get(credential: string): DisabledMark | undefined {
    return this.#marks.get(credential)?.disabled;
  }

  disable(credential: string, mark: DisabledMark): void {
    this.#put(credential, mark, mark.at);
  }

  /** Brings a credential back; false where it was not out of use. */
  enable(credential: string, now: number): boolean {
    this.#bareRefusals.delete(credential);
    if (!this.get(credential)) return false;
    this.#put(credential, undefined, now);
    return true;
  }

  /** Notes a 403 without a reason; true where it is the second request that met one. */
  refusedBarely(credential: string, request: string): boolean {
    const before = this.#bareRefusals.get(credential);
    this.#bareRefusals.set(credential, request);
    return before !== undefined && before !== request;
  }

  succeeded(credential: string): void {
    if (this.#bareRefusals.size > 0) this.#bareRefusals.delete(credential);
  }

  /** Takes in what a store remembers; the higher revision wins. */
  restore(record: DisableRecord): boolean {
    const known = this.#marks.get(record.credential);
    if (known && known.revision >= record.revision) return false;
    this.#marks.set(record.credential, record);
    return true;
  }

  /** A credential is gone, and nobody asks for it again. */
  forget(credential: string): void {
    this.#marks.delete(credential);
    this.#bareRefusals.delete(credential);
  }

  mark(credential: string): DisableRecord | undefined {
    return this.#marks.get(credential);
  }

  #put(credential: string, disabled: DisabledMark | undefined, writtenAt: number): void {
    const known = this.#marks.get(credential);
    const record: DisableRecord = {
      credential,
      disabled,
      secretHash: known?.secretHash ?? "",
      revision: (known?.revision ?? 0) + 1,
      writtenAt,
    };
    this.#marks.set(credential, record);
    this.#onChange(record);
  }
}
