import type { Reason } from "./verdict.ts";

/** Why a credential was selected. `again`: the same one once more, after a refusal that allows it. */
export type ChosenBy = "again" | "preferred" | "session" | "reuse" | "strategy";

/** Why a credential was not available. */
export type SkippedWhy =
  | "disabled"
  | "model"
  | "excluded"
  | "cooling"
  | "trial"
  | "protected"
  | "busy";

/** Why a credential was not available, and until when. */
export interface Skipped {
  /**
   * `disabled`; `model`: not allowed for this model; `excluded`: it failed in this request before; `cooling`: it has a cooldown;
   * `trial`: other requests probe it; `protected`: too little quota left; `busy`: at its `maxInFlight`.
   */
  why: SkippedWhy;
  /** End of that, ISO UTC; `undefined` if it does not end by itself. */
  expiresAt?: string;
  /** Meaning of the refusal; `undefined` if there is no cooldown. */
  reason?: Reason;
  /** What the cooldown applies to: this family of models on this credential, or the whole credential. */
  scope?: "model" | "credential";
}

/** One credential at the time of a decision. */
export interface RouteCandidate {
  /** Id of the credential. */
  credential: string;
  /** Its priority: a name out of `tiers` if that is configured, otherwise a number; lower is used first. */
  tier: number | string;
  /** Number of its requests in progress. */
  inFlight: number;
  /** Why it was not available; `undefined` if it was. */
  skipped: Skipped | undefined;
}

/** Why no credential could be selected, regardless of the candidates. */
export interface RouteClosed {
  /**
   * `down`: the circuit of every endpoint is open; `shared`: a limit that all credentials share; `held`: the session
   * waits for its own credential; `operation`: the upstream's option `allow` does not name the operation.
   */
  why: "down" | "shared" | "held" | "operation";
  /** End of that, ISO UTC; `undefined` for `operation`. */
  expiresAt: string | undefined;
}

/** One decision about one possible destination of a request. */
export interface RouteDecision {
  /** Time of the decision, ISO UTC. */
  at: string;
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool. */
  pool: string;
  /** Model name sent to the upstream; `"*"` if the request names none. */
  model: string;
  /** Available credentials in order of preference, then the others; at most 50 of each. */
  candidates: RouteCandidate[];
  /** Number of further credentials of the pool, which are not listed. */
  left: number;
  /** Why none could be selected, regardless of the candidates; `undefined` otherwise. */
  closed: RouteClosed | undefined;
  /** Id of the selected credential, and what selected it; `undefined` if none was. */
  chosen: { credential: string; by: ChosenBy } | undefined;
}
