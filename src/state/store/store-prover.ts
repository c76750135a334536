/** Proves at start what a store does: a record is written, read back by name, found in the listing, and removed (K18). */
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import type { LeaseTier } from "../../contract/lease.ts";
import type { Log } from "../../contract/log.ts";
import type { StoreProof } from "../../contract/state.ts";
import { isFields } from "../../shared/json.ts";
import { toDurationText } from "../../shared/times.ts";
import { VERSION } from "../records/record-kinds.ts";
import type { StateStorage } from "./storage.ts";
import type { Faults } from "./store-faults.ts";

export interface StoreProverDeps {
  storage: StateStorage;
  base: string;
  /** Name of the driver, for the log. */
  driver: string;
  /** Unique name of this instance. */
  instance: string;
  clock: Clock;
  log: Log;
  faults: Faults;
  leases: { tier: LeaseTier; areExclusive(): Promise<boolean> };
}

/** Time until a record is looked for again that was not read back, ms; doubled up to the second figure. */
const FIRST_LOOK = 250;
const LAST_LOOK = 60_000;

/** The record of an instance that started this long ago is not needed, ms. */
const STALE_AFTER = 3_600_000;
const STALE_AT_ONCE = 10;

export class StoreProver {
  readonly #deps: StoreProverDeps;
  readonly #prefix: string;
  readonly #key: string;
  /** Records of other instances, which may have ended before they removed them. */
  #stale: string[] = [];
  #isWritten = false;
  #writtenAt = 0;
  #proof: StoreProof | undefined;
  #delay = FIRST_LOOK;
  #cancelTimer: CancelTimer | undefined;
  #isStopped = false;
  readonly #told = new Set<string>();

  constructor(deps: StoreProverDeps) {
    this.#deps = deps;
    this.#prefix = `${deps.base}:probe:`;
    this.#key = this.#prefix + deps.instance;
  }

  /** What is known; `undefined` before the first attempt. */
  proof(): StoreProof | undefined {
    return this.#proof && { ...this.#proof, lag: this.#lag() };
  }

  /** True while what is written is not read back, or was read back late. */
  isLagging(): boolean {
    return this.#proof !== undefined && (!this.#proof.keeps || this.#proof.lag > 0);
  }

  /** True while nothing that is written is read back. */
  isForgetful(): boolean {
    return this.#proof?.keeps === false;
  }

  /** Writes the record, and reads it back, before the keys are listed. Never rejects. */
  async begin(): Promise<void> {
    const { storage, clock, faults } = this.#deps;
    try {
      // Some stores remember for a while that a key was absent: records are read before they are written, too.
      await storage.getItem(this.#key);
      const at = clock.now();
      await storage.setItem(this.#key, { v: VERSION, kind: "probe", at });
      this.#writtenAt = at;
      this.#isWritten = true;
      faults.clear("probe");
    } catch (error) {
      this.#isWritten = false;
      faults.report("probe", this.#key, error);
      return;
    }
    const before = this.#proof;
    this.#proof = { keeps: false, lag: 0, lists: before?.lists, locks: before?.locks };
    await this.#look();
  }

  /** True if the listing contains what is known to be stored; `undefined` if nothing is known. */
  sees(listed: ReadonlySet<string>, identity: string | undefined): boolean | undefined {
    this.#stale = [...listed].filter((key) => key.startsWith(this.#prefix) && key !== this.#key);
    const isKept = this.#isWritten && this.#proof?.keeps === true;
    const expected = [
      ...(isKept ? [this.#key] : []),
      ...(identity === undefined ? [] : [identity]),
    ];
    if (expected.length === 0) return undefined;
    const lists = expected.every((key) => listed.has(key));
    if (this.#proof) this.#proof.lists = lists;
    if (!lists)
      this.#tell(
        "lists",
        "does not list a key that was written: its listing is late or incomplete (one page only, or another prefix). Records of configured credentials are read by name, and all others through an index that the relay keeps from now on; give the relay a store or a bucket of its own",
      );
    return lists;
  }

  /** Checks the leases, and removes the record. Never rejects. */
  async conclude(): Promise<void> {
    if (this.#proof) this.#proof.locks = await this.#checkLocks();
    if (this.#proof?.keeps) await this.#remove();
    else this.#schedule();
    await this.#removeStale().catch(() => {});
  }

  /** Removes the record of a load that has failed. Never rejects. */
  async abandon(): Promise<void> {
    if (this.#isWritten) await this.#remove();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #checkLocks(): Promise<boolean | undefined> {
    const { leases } = this.#deps;
    if (leases.tier !== "atomic") return undefined;
    const areExclusive = await leases.areExclusive().catch(() => false);
    if (!areExclusive)
      this.#tell(
        "locks",
        "did not lock a lease: rotating refresh tokens are not sent and anonymous tokens not created while it cannot",
      );
    return areExclusive;
  }

  async #look(): Promise<void> {
    const { storage, clock, log, driver } = this.#deps;
    const value = await storage.getItem(this.#key).catch(() => undefined);
    const proof = this.#proof!;
    if (isFields(value) && value["kind"] === "probe") {
      const isLate = this.#told.has("keeps");
      proof.keeps = true;
      proof.lag = isLate ? Math.max(1, clock.now() - this.#writtenAt) : 0;
      if (isLate)
        log.warn(
          `state store ${driver} returned a record ${toDurationText(proof.lag)} after it was written: changes and tokens of other instances are seen that late`,
        );
      this.#told.delete("keeps");
      return;
    }
    this.#tell(
      "keeps",
      "does not return a record that was just written: it drops what is written, or returns it late. What it drops is lost at a restart: cooldowns, disabled credentials, tokens. Check the mount and the driver of `storage`",
    );
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#deps.clock.after(this.#delay, () => void this.#lookAgain());
    this.#delay = Math.min(this.#delay * 2, LAST_LOOK);
  }

  async #lookAgain(): Promise<void> {
    if (this.#isWritten) await this.#look();
    else await this.begin();
    if (this.#proof?.keeps) await this.#remove();
    else this.#schedule();
  }

  async #removeStale(): Promise<void> {
    const { storage, clock } = this.#deps;
    for (const key of this.#stale.splice(0, STALE_AT_ONCE)) {
      const value = await storage.getItem(key);
      const at = isFields(value) ? value["at"] : undefined;
      if (typeof at === "number" && at < clock.now() - STALE_AFTER) await storage.removeItem(key);
    }
  }

  async #remove(): Promise<void> {
    this.#isWritten = false;
    await this.#deps.storage.removeItem(this.#key).catch(() => {});
  }

  #lag(): number {
    const { keeps, lag } = this.#proof!;
    return keeps ? lag : this.#deps.clock.now() - this.#writtenAt;
  }

  #tell(what: string, text: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#deps.log.warn(`state store ${this.#deps.driver} ${text}`);
  }
}
