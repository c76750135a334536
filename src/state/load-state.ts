/** Loads a state, and begins to follow the changes of other instances with the first load that succeeds. */
import type { LoadedState } from "../contract/state.ts";
import { followClient } from "./drivers/client-events.ts";
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
  #isClosing = false;
  #unfollowClient: (() => void) | undefined;

  constructor(parts: StateParts, follower: ChangeFollower) {
    this.#parts = parts;
    this.#follower = follower;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Joins the load under way. Rejects when the store cannot be read. */
  load(): Promise<LoadedState> {
    return (this.#loading ??= this.#loadOnce().finally(() => (this.#loading = undefined)));
  }

  /** A load that ends after this follows no changes. */
  beginClose(): void {
    this.#isClosing = true;
  }

  stop(): void {
    this.#follower.stop();
    this.#unfollowClient?.();
  }

  async #loadOnce(): Promise<LoadedState> {
    const { faults } = this.#parts;
    try {
      const state = await this.#read();
      this.#isLoaded = true;
      if (!this.#isClosing) this.#follower.start();
      faults.clear("load");
      return state;
    } catch (error) {
      faults.report("load", undefined, error);
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
    const state = await applyStored(parts, await readStore(parts));
    await parts.guard?.begin();
    return state;
  }
}
