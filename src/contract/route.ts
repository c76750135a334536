import type { Reason } from "./verdict.ts";

/** Why a credential was chosen. `again`: the same one once more, after a refusal that lets it. */
export type ChosenBy = "again" | "preferred" | "session" | "reuse" | "strategy";

/** Why a credential was not, and until when, UTC epoch ms. */
export interface Skipped {
  why: "disabled" | "model" | "excluded" | "cooling" | "trial" | "protected" | "busy";
  until?: number;
  /** Of a cooldown: what was refused, and whether for this family alone or for the whole credential. */
  reason?: Reason;
  level?: "model" | "credential";
}

/** One credential as a choice saw it. */
export interface RouteCandidate {
  credential: string;
  tier: number;
  inFlight: number;
  /** `undefined` where it could have been chosen. */
  skipped: Skipped | undefined;
}

/** One look at one place where a request may go. */
export interface RouteDecision {
  /** UTC epoch ms. */
  at: number;
  upstream: string;
  pool: string;
  model: string;
  /** Those who could have been chosen, in order of preference, then the others; up to 50 of each. */
  candidates: RouteCandidate[];
  /** Members of the pool that are not listed. */
  left: number;
  /**
   * Why nobody could be, whatever the candidates: the upstream is left alone, a limit that all share, or a session that waits
   * for its own credential; `undefined` otherwise.
   */
  closed: { why: "down" | "shared" | "held"; until: number } | undefined;
  chosen: { credential: string; by: ChosenBy } | undefined;
}
