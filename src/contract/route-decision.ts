import type { Reason } from "./verdict.ts";

/** Why a credential was chosen. `again`: the same one once more, after a refusal that lets it. */
export type ChosenBy = "again" | "preferred" | "session" | "reuse" | "strategy";

/** Why a credential was passed over. */
export type SkippedWhy =
  | "disabled"
  | "model"
  | "excluded"
  | "cooling"
  | "trial"
  | "protected"
  | "busy";

/** Why a credential was passed over, and until when. */
export interface Skipped {
  /**
   * `disabled`: out of use; `model`: not allowed for this model; `excluded`: it failed in this request already; `cooling`: a
   * cooldown; `trial`: another request tries it; `protected`: quota that is kept back; `busy`: at its `maxInFlight`.
   */
  why: SkippedWhy;
  /** When that ends, ISO UTC; `undefined` where time alone does not end it. */
  expiresAt?: string;
  /** What was refused; `undefined` where there is no cooldown. */
  reason?: Reason;
  /** What the cooldown closes: this family of models on this credential, or the whole credential. */
  scope?: "model" | "credential";
}

/** One credential as a choice saw it. */
export interface RouteCandidate {
  /** Id of the credential. */
  credential: string;
  /** Its name where `tiers` is configured, else its number; lower is preferred. */
  tier: number | string;
  /** Requests under way on it. */
  inFlight: number;
  /** `undefined` where it could have been chosen. */
  skipped: Skipped | undefined;
}

/** Why no credential could be chosen, whatever the candidates. */
export interface RouteClosed {
  /**
   * `down`: the circuit of every endpoint is open; `shared`: a limit that all credentials share; `held`: the session
   * waits for its own credential.
   */
  why: "down" | "shared" | "held";
  /** When that ends, ISO UTC. */
  expiresAt: string;
}

/** One look at one place where a request may go. */
export interface RouteDecision {
  /** When it was looked at, ISO UTC. */
  at: string;
  /** Name of the upstream. */
  upstream: string;
  /** Name of the quota pool. */
  pool: string;
  /** As the upstream knows it; `"*"` where the request names none. */
  model: string;
  /** Those that could have been chosen, in order of preference, then the others; up to 50 of each. */
  candidates: RouteCandidate[];
  /** Number of credentials of the pool that are not listed. */
  left: number;
  /** `undefined` where the candidates alone decide. */
  closed: RouteClosed | undefined;
  /** Id of the credential that was chosen, and by what; `undefined` where none was. */
  chosen: { credential: string; by: ChosenBy } | undefined;
}
