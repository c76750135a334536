// Where a request goes and why (J4): told as data for each decision where somebody listens, or asked without sending anything.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Asked } from "../contract/dialect.ts";
import type { RouteCandidate, RouteDecision, Skipped } from "../contract/route-decision.ts";
import type { Target } from "../contract/target.ts";
import type { PassedOver, Seen } from "../pool/explain-choice.ts";
import type { Wanted } from "../pool/selection.ts";
import type { Services } from "../wiring/create-services.ts";
import { toTierName } from "../shared/tier-names.ts";
import { WebRequestCall } from "../http/web-request.ts";
import { toISOTime } from "../shared/times.ts";

/** A request to be explained. */
export interface RouteQuestion {
  /** What follows the mount point: `/chat/completions`. */
  path: string;
  /** @default "POST" */
  method?: string;
  /** The body as an object; the model stands in it, or in the path. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Id that `authorize` would give. */
  caller?: string;
}

/** Candidates listed of each kind. */
const MOST = 50;

/** Looks at one target as choosing does, and changes nothing. */
export function toRouteDecision(
  rooms: Services,
  wanted: Omit<Wanted, "target"> & { target: Target },
): RouteDecision {
  const { config, pools, clock } = rooms;
  const { upstream, pool, model } = wanted.target;
  const now = clock.now();
  const { candidates, left, chosen } = pools.get(upstream)!.explain(wanted, now, MOST);
  const closed = closedFor(rooms, wanted, now);
  return {
    at: toISOTime(now),
    upstream,
    pool,
    model,
    candidates: candidates.map((seen) => toCandidate(seen, config.tiers)),
    left,
    closed,
    chosen: closed ? undefined : chosen,
  };
}

function toCandidate(
  { credential, tier, inFlight, skipped }: Seen,
  tiers: readonly string[] | undefined,
): RouteCandidate {
  return {
    credential,
    tier: toTierName(tier, tiers),
    inFlight,
    skipped: skipped && toSkipped(skipped),
  };
}

function toSkipped({ until, ...why }: PassedOver): Skipped {
  const isEndless = until === undefined || until === Infinity;
  return isEndless ? why : { ...why, expiresAt: toISOTime(until) };
}

function closedFor(
  { pools, circuits }: Services,
  wanted: Parameters<typeof toRouteDecision>[1],
  at: number,
): RouteDecision["closed"] {
  const { target } = wanted;
  const down = Math.min(...target.endpoints.map((one) => circuits.openUntil(one, at)));
  if (down > 0) return { why: "down", expiresAt: toISOTime(down) };
  const members = pools.get(target.upstream)!;
  const shared = members.sharedUntil(target, at);
  if (shared > 0) return { why: "shared", expiresAt: toISOTime(shared) };
  const { why, until } = members.blocked(wanted, at);
  return why === "held" ? { why, expiresAt: toISOTime(until) } : undefined;
}

/**
 * Tells where a request would go now: one decision for each place, in order; it would go to the first with somebody chosen.
 * @throws RelayError where it would be refused before anything is chosen (`ERR_RELAY_MODEL_…`, `ERR_RELAY_POOL_UNKNOWN`).
 */
export function explain(rooms: Services, question: RouteQuestion): RouteDecision[] {
  const { path, method = "POST", body, headers = {}, caller } = question;
  const request = new Request(`http://relay.invalid${path}`, { method, headers });
  const call: InboundCall = new WebRequestCall(request, {
    mount: "",
    target: path,
    address: undefined,
  });
  const [pathname = "", query] = path.split("?", 2);
  const asked: Asked = { method, path: pathname, query: query ? `?${query}` : "", json: body };
  const session = rooms.sessionOf({ call, caller });
  return rooms.planner
    .plan(asked, call)
    .map((target) => toRouteDecision(rooms, { target, session, excluded: [] }));
}
