// Which credentials are disabled, and why; until an operator or a new secret enables them (F1, F5).
import type { DisabledMark, DisableRecord } from "../contract/records.ts";

/** Called for each change. */
export type MarkChanged = (mark: DisableRecord) => void;

export class DisabledCredentials {
  readonly #marks = new Map<string, DisableRecord>();
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

  /** Enables a credential; false if it was not disabled. */
  enable(credential: string, now: number): boolean {
    if (!this.get(credential)) return false;
    this.#put(credential, undefined, now);
    return true;
  }

  /** Applies a record of the store; the higher revision wins. Returns whether it was applied. */
  restore(record: DisableRecord): boolean {
    const known = this.#marks.get(record.credential);
    if (known && known.revision >= record.revision) return false;
    this.#marks.set(record.credential, record);
    return true;
  }

  /** Deletes what is known of a credential that no longer exists. */
  forget(credential: string): void {
    this.#marks.delete(credential);
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
