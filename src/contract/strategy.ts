/** A credential as a strategy function sees it. */
export interface Candidate {
  /** Id of the credential. */
  id: string;
  /** Its display name. */
  label: string;
  /** Priority; a lower number is used first. */
  tier: number;
  /** Share of the requests under the strategy `weighted`, from 1 to 100. */
  weight: number;
  /** Number of concurrent requests. */
  inFlight: number;
  /** Share of its quota that is left for this model, from 0 to 1; `undefined` if unknown. */
  remaining: number | undefined;
}

/**
 * Selects a credential among the available ones of one tier: at most 1,000, in the order of their turn. Returns an id;
 * `undefined` selects the one whose turn it is. Called synchronously for each request, so it must be fast.
 */
export type ChooseFunction = (
  candidates: readonly Candidate[],
  request: { model: string; pool: string; session: string | undefined },
) => string | undefined;

/** Names of the built-in strategies. */
export type StrategyName = "round-robin" | "weighted" | "least-in-flight" | "quota";
