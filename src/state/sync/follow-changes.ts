/** Passes the changes of other instances to the follower, and reads everything again when something was missed (M1, M5). */
import type { LoadedState, StateHealth } from "../../contract/state.ts";
import type { Journal } from "../drivers/driver.ts";
import { applyStored, readStore } from "../records/load-records.ts";
import { refill, refillFirst } from "../refill-store.ts";
import type { StateParts } from "../state-parts.ts";
import { receiveChanges } from "./receive-changes.ts";
import { type Change, createSync, type Sync } from "./sync-loop.ts";

type Follower = (changes: LoadedState) => void | Promise<void>;

export interface ChangeFollower {
  follow(follower: Follower): void;
  /** Passes changes to the follower. */
  pass(changes: LoadedState): Promise<void>;
  begin(): Promise<void>;
  start(): void;
  flush(): Promise<void>;
  stop(): void;
  health(): Pick<StateHealth, "sync" | "viewAge">;
}

/** How often the store's identity is read again, ms: with each exchange of a timed journal, otherwise with each write. */
const LOOK_EVERY = { shared: 3_000, "best-effort": 15_000, process: 10_000, none: 10_000 };

/** `interval`: ms between two exchanges, instead of the journal's own. */
export function createChangeFollower(
  parts: StateParts,
  interval: number | undefined,
): ChangeFollower {
  const { journal } = parts;
  const reloader = new StoreReloader(parts);
  // Without a timed exchange the identity is read when something is written anyway.
  if (!journal || journal.interval === 0) parts.onTouched(() => void reloader.check());
  return journal
    ? followJournal(parts, journal, reloader, interval)
    : {
        follow: (follower) => reloader.setFollower(follower),
        pass: (changes) => reloader.pass(changes),
        begin: async () => {},
        start() {},
        flush: () => reloader.check(0),
        stop: () => reloader.stop(),
        health: () => ({ sync: "none", viewAge: undefined }),
      };
}

function followJournal(
  parts: StateParts,
  journal: Journal,
  reloader: StoreReloader,
  interval: number | undefined,
): ChangeFollower {
  const sync = createJournalSync(parts, journal, reloader, interval);
  parts.onWritten((key, value) => sync.announce(key, value));
  return {
    follow: (follower) => reloader.setFollower(follower),
    pass: (changes) => reloader.pass(changes),
    begin: () => sync.begin(),
    start: () => void (reloader.hasFollower() && sync.start()),
    flush: () => sync.flush(),
    stop() {
      reloader.stop();
      sync.stop();
    },
    health() {
      const seenAt = sync.seenAt();
      const viewAge = seenAt === undefined ? undefined : parts.clock.now() - seenAt;
      return { sync: journal.tier, viewAge };
    },
  };
}

function createJournalSync(
  parts: StateParts,
  journal: Journal,
  reloader: StoreReloader,
  interval: number | undefined,
): Sync {
  const { clock, limits, faults, instance } = parts;
  return createSync({
    journal,
    interval,
    clock,
    limits,
    faults,
    instance,
    receive: async (changes) => reloader.pass(await receiveChanges(parts, changes)),
    mustRefill: (changes, now) => reloader.mustRefill(changes, now),
    reload: () => reloader.reload(),
    isForgetful: () => parts.prover?.isForgetful() ?? false,
    // Failed writes are retried now, not after their own delay.
    onRecovered() {
      void Promise.all([parts.cooldowns.flush(), parts.marks.flush(), parts.credentials.flush()]);
    },
  });
}

/** Reads a store again that has lost records, after writing back what this instance knows. */
class StoreReloader {
  readonly #parts: StateParts;
  readonly #lookEvery: number;
  #follower: Follower | undefined;
  #reloading: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: StateParts) {
    this.#parts = parts;
    this.#lookEvery = LOOK_EVERY[parts.journal?.tier ?? "none"];
    parts.guard?.onLost(() => void this.check());
  }

  setFollower(follower: Follower): void {
    this.#follower = follower;
  }

  hasFollower(): boolean {
    return this.#follower !== undefined;
  }

  async pass(changes: LoadedState): Promise<void> {
    await this.#follower?.(changes);
  }

  /** Joins the reload under way. Rejects when the store cannot be read or written. */
  reload(): Promise<void> {
    return (this.#reloading ??= this.#readAgain().finally(() => (this.#reloading = undefined)));
  }

  async mustRefill(changes: readonly Change[], now: boolean): Promise<boolean> {
    const { guard, identity } = this.#parts;
    const isNamed = changes.some(({ key }) => key === identity.key);
    return (await guard?.mustRefill(now || isNamed ? 0 : this.#lookEvery)) ?? false;
  }

  /** Checks outside of any exchange, which may be far away. Never rejects. */
  async check(every: number = this.#lookEvery): Promise<void> {
    const { guard, journal, faults } = this.#parts;
    try {
      if (!this.#isStopped && (await guard?.mustRefill(every))) await this.reload();
      if (!journal) faults.clear("sync");
    } catch (error) {
      faults.report("sync", undefined, error);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #readAgain(): Promise<void> {
    const parts = this.#parts;
    await refillFirst(parts);
    const stored = await readStore(parts);
    await refill(parts, stored);
    parts.guard?.markFilled();
    await this.pass(await applyStored(parts, stored));
  }
}
