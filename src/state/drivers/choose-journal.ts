/** How instances hear of each other's changes: what one appends, all others read, by the driver that stands behind `base`. */
import type { Clock, Random } from "../../contract/clock.ts";
import type { SyncTier } from "../../contract/state.ts";
import type { RedisJournalClient } from "./redis-journal.ts";
import { driverOf, type StateStorage } from "../store/storage.ts";
import type { SqlDatabase } from "../store/sql-table.ts";
import { createProcessJournal } from "./process-journal.ts";
import { createRedisJournal } from "./redis-journal.ts";
import { createSlotsJournal } from "./slots-journal.ts";
import { createSqlJournal } from "./sql-journal.ts";

export interface ReceivedChanges {
  /** What was appended since the last exchange, in order; our own may be among it. */
  texts: string[];
  /** Something is gone that we have not read: everything must be read anew. */
  hasMissed: boolean;
  /** There was more than one exchange carries. */
  hasMore: boolean;
  /** Something of our own is gone: the store may have been emptied. */
  isDoubtful?: boolean;
}

/** Where changes are appended and read. An exchange is one call to the store, or two where the driver knows only values. */
export interface Journal {
  tier: SyncTier;
  /** ms from one exchange to the next; 0 where `onNews` tells when there is something. */
  interval: number;
  /** Begins here: whatever is appended from now on will be heard. */
  begin(): Promise<void>;
  exchange(text: string | undefined): Promise<ReceivedChanges>;
  /** Calls `wake` when another has appended; returns what ends that. */
  onNews?(wake: () => void): () => void;
}

export interface JournalOptions {
  storage: StateStorage | undefined;
  base: string;
  /** Name of this instance among all. */
  instance: string;
  clock: Clock;
  random: Random;
}

/** Chooses the journal for a storage; `undefined` without one, where there is nobody to hear of. */
export function createJournal(options: JournalOptions): Journal | undefined {
  const { storage, base } = options;
  if (!storage) return undefined;
  const driver = driverOf(storage, base);
  const instance = driver?.getInstance;
  const settings = (driver?.options ?? {}) as Record<string, unknown>;
  const prefix = typeof settings["base"] === "string" ? `${settings["base"]}:` : "";
  switch (driver?.name) {
    case "memory":
    case "lru-cache":
      return createProcessJournal(driver);
    case "redis":
      if (instance)
        return createRedisJournal(
          async () => (await instance()) as RedisJournalClient,
          `${prefix}${base}:changes`,
        );
      break;
    case "db0": {
      const database = settings["database"] as SqlDatabase | undefined;
      const table = typeof settings["tableName"] === "string" ? settings["tableName"] : "unstorage";
      const journal = database && createSqlJournal(database, `${table}_changes`);
      if (journal) return journal;
      break;
    }
    default:
  }
  return createSlotsJournal({ ...options, storage });
}
