/** Passes records to their writers under the key that each has in the store. */
import type { CredentialRecord } from "../../contract/records.ts";
import { readStored, type RecordKind } from "./record-kinds.ts";
import type { StoreParts } from "../store/store-parts.ts";
import type { WriteBehind } from "./write-behind.ts";

type SubmitDeps = Pick<StoreParts, "keys" | "faults" | "log" | "seal">;

/** Passes each record to its writer: in this turn if its key is cached, since hashing a key is asynchronous. */
export class RecordSubmitter {
  readonly #deps: SubmitDeps;
  readonly #preparing = new Set<Promise<void>>();

  constructor(deps: SubmitDeps) {
    this.#deps = deps;
  }

  put<R>(kind: RecordKind<R>, writer: WriteBehind<R>, record: R): void {
    const { keys, log } = this.#deps;
    // A record that no reader would accept is a defect of this process, and must not replace a valid one.
    if (readStored(kind, kind.toStored(record)).kind !== "record")
      return log.error(`state: a ${kind.name} record with invalid values was not stored`);
    const key = keys.of(kind.letter, kind.nameParts(record));
    if (typeof key === "string") return writer.put(key, record);
    this.#after(key, (name) => writer.put(name, record));
  }

  /** Seals the API key first. */
  putCredential(
    kind: RecordKind<CredentialRecord>,
    writer: WriteBehind<CredentialRecord>,
    record: CredentialRecord,
  ): void {
    this.#after(this.#sealed(record), (sealed) => this.put(kind, writer, sealed));
  }

  /** Resolves when every record submitted so far has reached its writer. */
  async settled(): Promise<void> {
    while (this.#preparing.size > 0) await Promise.all(this.#preparing);
  }

  #after<T>(preparing: Promise<T>, use: (prepared: T) => void): void {
    const { faults } = this.#deps;
    const done: Promise<void> = preparing
      .then(use)
      .catch((error: unknown) => faults.report("crypto", undefined, error))
      .finally(() => this.#preparing.delete(done));
    this.#preparing.add(done);
  }

  async #sealed(record: CredentialRecord): Promise<CredentialRecord> {
    const { id, credential } = record;
    if (credential?.apiKey === undefined) return record;
    const apiKey = await this.#deps.seal.seal(credential.apiKey, `credential ${id}`);
    return { ...record, credential: { ...credential, apiKey } };
  }
}
