/** What a state is created with. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import type { StateStorage } from "./store/storage.ts";
import type { FaultListener } from "./store/store-faults.ts";

export interface StateOptions {
  /** Root storage of unstorage, 1 or 2. Without one the state ends with the process. */
  storage?: StateStorage | undefined;
  /** Prefix of every key, without a trailing colon. */
  base: string;
  clock: Clock;
  /** Measures the time limits of calls to the store. @default `clock` */
  limits?: Pick<Clock, "after"> | undefined;
  random: Random;
  log: Log;
  /** Secrets that seal tokens and keys at rest: the first seals, all open. */
  secrets?: readonly string[] | undefined;
  /** ms between two exchanges of changes, instead of the driver's own interval; `false` exchanges nothing with other instances. */
  sync?: number | false | undefined;
  /** The clock that all instances share, UTC epoch ms; by default the store's. */
  sharedTime?: (() => Promise<number>) | undefined;
  /** Declares this the only instance: no other can restore what a store has lost. */
  isOnly?: boolean | undefined;
  /** Ids of the configured credentials: their marks are read by name, too (K18). */
  credentials?: (() => Iterable<string>) | undefined;
  /** Names of the cooldowns that such credentials may have: upstream, credential, pool, family. */
  cooldowns?: (() => Iterable<readonly string[]>) | undefined;
  /** Called for each failed call to the store. */
  onFault?: FaultListener | undefined;
}
