/** Builds dist where it is missing or made from other sources than those that are here now. */
export function ensureBuilt(): Promise<void>;
/** Builds dist, whatever is there. */
export function buildAlways(): Promise<void>;
