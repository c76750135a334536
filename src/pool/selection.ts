// The types of a selection: its input, why it found no credential, and the probe that it may begin.
import type { Key } from "../contract/credential.ts";
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import type { Target } from "../contract/target.ts";

/** The input of a selection. */
export interface Wanted {
  target: Pick<Target, "upstream" | "pool" | "model" | "family">;
  /** Stickiness key; `undefined` where the request has none. */
  session: string | undefined;
  /** Ids of the credentials that have failed in this request. */
  excluded: readonly string[];
}

/** Why no credential can be selected, and when that may change. */
export interface Blocked {
  /**
   * `empty`: no credential can serve the request at all; `busy`: one only lacks a free slot; `trial`: other requests are probing it;
   * `cooling`: a cooldown will end; `protected`: its remaining quota is protected; `held`: the session waits for its own credential;
   * `spent`: all were tried.
   */
  why: "empty" | "busy" | "trial" | "cooling" | "protected" | "held" | "spent";
  /** When the first key opens, in UTC epoch ms; `Infinity` where none opens by time. */
  until: number;
  /** The key that opens first. */
  key: Key | undefined;
}

/** The places of one request in the paced return of keys whose cooldown has ended. */
export interface Probe {
  keys: readonly Key[];
  /** True for a cooldown that is closed to other requests because this one, and others of its wave, probe the key. */
  covers(cooldown: Cooldown): boolean;
  /** The request was served: further requests are admitted. */
  serve(now: number): void;
  /** Ends without a result, so that another request may probe; no effect after success or failure. */
  end(now: number): void;
}
