// Why nobody can carry a request, and whether a token that is still to come might (H5, H6).
import type { Forecast } from "../anonymous/acquirer.ts";
import type { Target } from "../contract/target.ts";
import type { Blocked, Wanted } from "../pool/selection.ts";
import type { Services } from "../wiring/create-services.ts";

export interface Unavailability extends Omit<Blocked, "why"> {
  /** `acquiring`: a token is being created. */
  why: Blocked["why"] | "acquiring";
  /** How the last token could not be created, where that was no limit of the provider's. */
  failure?: string | undefined;
}

type Later = Extract<Forecast, { kind: "later" }>;

/** What comes free by itself goes before a token that is to be made. */
const SOON: ReadonlySet<Blocked["why"]> = new Set<Blocked["why"]>(["busy", "trial", "held"]);

/** Says why nobody can be chosen for a target, and when that may change. */
export function whyBlocked(
  { acquirers, pools }: Pick<Services, "acquirers" | "pools">,
  wanted: Omit<Wanted, "target"> & { target: Target },
  now: number,
): Unavailability {
  const pool = pools.get(wanted.target.upstream)!;
  const blocked = pool.blocked(wanted, now);
  if (!acquirers || SOON.has(blocked.why) || pool.sharedUntil(wanted.target, now) > 0)
    return blocked;
  // Who has failed this request alone is still there for others: no token is made in its place.
  if (blocked.why === "spent" && pool.hasAny({ ...wanted, excluded: [] }, now)) return blocked;
  const outlook = acquirers.forecast(wanted.target);
  if (!outlook || (outlook.kind === "later" && outlook.at <= now)) return blocked;
  if (outlook.kind === "creating") return { why: "acquiring", until: Infinity, key: undefined };
  return outlook.at < blocked.until ? laterThan(outlook) : blocked;
}

function laterThan({ at, key, failure }: Later): Unavailability {
  return { why: "cooling", until: at, key, failure };
}
