/** What a strategy of an operator's own sees of a credential. */
export interface Candidate {
  id: string;
  label: string;
  tier: number;
  weight: number;
  /** Requests under way. */
  inFlight: number;
  /** Share of its quota that is left for this model, 0 to 1; `undefined` where nobody knows. */
  remaining: number | undefined;
}

/**
 * Chooses among the eligible credentials of one tier, which come in the order of their turn, 1,000 at most. Returns an id;
 * `undefined` leaves it to the turn. Runs in the way of each request: it must not be slow, and cannot wait.
 */
export type ChooseFunction = (
  candidates: readonly Candidate[],
  request: { model: string; pool: string; session: string | undefined },
) => string | undefined;

export type StrategyName = "round-robin" | "weighted" | "least-in-flight" | "quota";
