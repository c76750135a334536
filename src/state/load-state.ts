/** Loads a state, and begins to follow the changes of other instances with the first load that succeeds. */
import type { LoadedState } from "../contract/state.ts";
import { followClient } from "./drivers/client-events.ts";
import { BrokenRecords } from "./broken-records.ts";
import { indexRecords } from "./records/find-records.ts";
import { recordKey } from "./records/list-records.ts";
import { applyStored, readStore } from "./records/load-records.ts";
import type { StateParts } from "./state-parts.ts";
import { createPostgresTable } from "./store/create-postgres-table.ts";
import { LISTING_TIME, within } from "./store/time-limit.ts";
import type { ChangeFollower } from "./sync/follow-changes.ts";

export class StateLoader {
  readonly #parts: StateParts;
  readonly #follower: ChangeFollower;
  #loading: Promise<LoadedState> | undefined;
  #isLoaded = false;
  #unread: readonly string[] = [];
  readonly #rereads: BrokenRecords;
  #isClosing = false;
  #unfollowClient: (() => void) | undefined;

  constructor(parts: StateParts, follower: ChangeFollower) {
    this.#parts = parts;
    this.#follower = follower;
    this.#rereads = new BrokenRecords(parts, (changes) => follower.pass(changes));
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Joins the load under way. Rejects when the store cannot be read. */
  load(): Promise<LoadedState> {
    return (this.#loading ??= this.#loadOnce().finally(() => (this.#loading = undefined)));
  }

  unread(): readonly string[] {
    return this.#unread;
  }

  /** A load that ends after this follows no changes. */
  beginClose(): void {
    this.#isClosing = true;
  }

  stop(): void {
    this.#follower.stop();
    this.#rereads.stop();
    this.#unfollowClient?.();
  }

  async #loadOnce(): Promise<LoadedState> {
    const { faults } = this.#parts;
    try {
      const state = await this.#read();
      this.#isLoaded = true;
      this.#unread = [];
      if (!this.#isClosing) this.#follower.start();
      faults.clear("load");
      return state;
    } catch (error) {
      faults.report("load", undefined, error);
      this.#unread = await unreadCredentials(this.#parts);
      void this.#parts.prover?.abandon();
      throw error;
    }
  }

  async #read(): Promise<LoadedState> {
    const parts = this.#parts;
    const { root, base, limits, faults } = parts;
    this.#unfollowClient ??= followClient(root, base, {
      onError: (error) => faults.report("connect", undefined, error),
      onReady: () => faults.clear("connect"),
    });
    await within(createPostgresTable(root, base), LISTING_TIME, limits);
    // Changes that are written during the read are received afterwards.
    await Promise.all([parts.clockOffset.measure(), this.#follower.begin()]);
    await parts.prover?.begin();
    const stored = await readStore(parts);
    const state = await applyStored(parts, stored);
    await parts.guard?.begin();
    await parts.prover?.conclude();
    await indexRecords(parts);
    this.#rereads.begin(stored.broken);
    return state;
  }
}

/** Ids of the configured credentials whose mark is listed and has not been read. */
async function unreadCredentials(parts: StateParts): Promise<string[]> {
  const { keys, unread, configured } = parts;
  if (unread.size === 0) return [];
  const places = new Set(Array.from(unread, recordKey));
  const isUnread = async (id: string): Promise<string[]> =>
    places.has(await keys.of("m", [id])) ? [id] : [];
  return (await Promise.all(Array.from(configured.credentials(), isUnread))).flat();
}
