// What a selection looks for, and what stands in its way.
import type { Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";

/** What a choice looks at. */
export interface Wanted {
  target: Pick<Target, "upstream" | "pool" | "model" | "family">;
  /** Stickiness key; `undefined` where the request has none. */
  session: string | undefined;
  /** Credentials (ids) that failed in this request already. */
  excluded: readonly string[];
}

/** Why nothing could be chosen, and when that may change. */
export interface Blocked {
  /**
   * `empty`: nobody could ever serve it as things stand; `busy`: a cap alone holds somebody back; `trial`: another request is
   * finding out; `cooling`: time will tell; `protected`: what is left of the quota is kept back; `held`: its session waits for
   * its own credential; `spent`: all were tried.
   */
  why: "empty" | "busy" | "trial" | "cooling" | "protected" | "held" | "spent";
  /** When the first key opens, UTC epoch ms; `Infinity` where time alone opens none. */
  until: number;
  /** The key that opens first. */
  key: Key | undefined;
}

/** One request's trial of keys whose time is over. */
export interface Probe {
  /** When it began: what is closed since then is closed by it, for others. */
  startedAt: number;
  keys: readonly Key[];
  /** Makes room for the next; nothing where the trial has succeeded or failed. */
  end(now: number): void;
}
