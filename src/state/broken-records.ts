/** Values that could not be parsed at start are read again: the driver may have answered wrongly for a while (K3). */
import type { CancelTimer } from "../contract/clock.ts";
import type { LoadedState } from "../contract/state.ts";
import { recordKey } from "./records/list-records.ts";
import { readStored } from "./records/record-kinds.ts";
import type { StateParts } from "./state-parts.ts";
import { readItem } from "./store/storage.ts";
import { receiveChanges } from "./sync/receive-changes.ts";
import type { Change } from "./sync/sync-loop.ts";

/** Time until the first reading, doubled for each further one, ms. */
const FIRST_DELAY = 5_000;
/** Number of readings: the last is 21 minutes after the load. */
const READINGS = 8;

export class BrokenRecords {
  readonly #parts: StateParts;
  readonly #pass: (changes: LoadedState) => Promise<void>;
  #keys: readonly string[] = [];
  #readings = 0;
  #cancelTimer: CancelTimer | undefined;
  #isStopped = false;

  constructor(parts: StateParts, pass: (changes: LoadedState) => Promise<void>) {
    this.#parts = parts;
    this.#pass = pass;
  }

  begin(keys: readonly string[]): void {
    this.#cancelTimer?.();
    this.#keys = keys;
    this.#readings = 0;
    this.#schedule();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #schedule(): void {
    if (this.#isStopped || this.#keys.length === 0 || this.#readings >= READINGS) return;
    const delay = FIRST_DELAY * 2 ** this.#readings++;
    this.#cancelTimer = this.#parts.clock.after(delay, () => void this.#readAgain());
  }

  async #readAgain(): Promise<void> {
    const { storage, quarantine, log } = this.#parts;
    const found: Change[] = [];
    const broken: string[] = [];
    for (const place of this.#keys) {
      const value = await readItem(storage, place).catch(() => undefined);
      if (!this.#isRecord(value)) broken.push(place);
      else {
        found.push({ key: recordKey(place), value });
        quarantine.release(place);
      }
    }
    this.#keys = broken;
    if (found.length > 0) {
      log.info(`state: ${found.length} records that could not be parsed at start are read now`);
      await this.#pass(await receiveChanges(this.#parts, found));
    }
    this.#schedule();
  }

  #isRecord(value: unknown): boolean {
    const { cooldown, mark, credential } = this.#parts.kinds;
    const readings = [
      readStored(cooldown, value),
      readStored(mark, value),
      readStored(credential, value),
    ];
    return readings.some(({ kind }) => kind === "record");
  }
}
