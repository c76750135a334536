// Where a request goes and why (J4): emitted with each decision, or asked for without sending anything.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Asked } from "../contract/dialect.ts";
import type { RouteCandidate, RouteDecision, Skipped } from "../contract/route-decision.ts";
import type { Target } from "../contract/target.ts";
import type { PassedOver, Seen } from "../pool/explain-choice.ts";
import { downUntil, type EndpointAccessDeps } from "../policies/endpoint-access.ts";
import type { Pool } from "../pool/pool.ts";
import type { Wanted } from "../pool/selection.ts";
import type { Clock } from "../contract/clock.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { Planner } from "./planner.ts";
import { toTierName } from "../shared/tier-names.ts";
import { WebRequestCall } from "../http/web-request.ts";
import { toISOTime } from "../shared/times.ts";

/** A request to explain. */
export interface RouteQuestion {
  /** The path after the mount path: `/chat/completions`. */
  path: string;
  /** @default "POST" */
  method?: string;
  /** The body as an object; it names the model, unless the path does. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Id that `authorize` would return. */
  caller?: string;
}

/** What a decision is read from. */
export interface RouteDeps extends EndpointAccessDeps {
  config: Pick<RelayConfig, "tiers">;
  pools: ReadonlyMap<string, Pool>;
  clock: Clock;
}

export interface ExplainDeps extends RouteDeps {
  planner: Planner;
  /** Stickiness key of a request; `undefined` if it has none. */
  sessionOf(request: { call: InboundCall; caller: string | undefined }): string | undefined;
}

/** Maximum number of candidates that are listed. */
const MOST = 50;

/** Shows what a selection at one target would look at and choose. Changes nothing. */
export function toRouteDecision(
  deps: RouteDeps,
  wanted: Omit<Wanted, "target"> & { target: Target },
): RouteDecision {
  const { config, pools, clock } = deps;
  const { upstream, pool, model } = wanted.target;
  const now = clock.now();
  const { candidates, left, chosen } = pools.get(upstream)!.explain(wanted, now, MOST);
  const closed = closedFor(deps, wanted, now);
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
  deps: RouteDeps,
  wanted: Parameters<typeof toRouteDecision>[1],
  at: number,
): RouteDecision["closed"] {
  const { target } = wanted;
  const down = downUntil(deps, target, at);
  if (down > 0) return { why: "down", expiresAt: toISOTime(down) };
  const members = deps.pools.get(target.upstream)!;
  const shared = members.sharedUntil(target, at);
  if (shared > 0) return { why: "shared", expiresAt: toISOTime(shared) };
  const { why, until } = members.blocked(wanted, at);
  return why === "held" ? { why, expiresAt: toISOTime(until) } : undefined;
}

/**
 * Explains where a request would go now: one decision for each target, in order; the request would go to the first with a chosen credential.
 * Fallbacks whose upstream does not allow the operation come last.
 * @throws RelayError if the request would be refused before the selection (`ERR_RELAY_MODEL_…`, `ERR_RELAY_POOL_UNKNOWN`, `ERR_RELAY_OPERATION`).
 */
export function explain(deps: ExplainDeps, question: RouteQuestion): RouteDecision[] {
  const { path, method = "POST", body, headers = {}, caller } = question;
  const request = new Request(`http://relay.invalid${path}`, { method, headers });
  const call: InboundCall = new WebRequestCall(request, {
    mount: "",
    target: path,
    address: undefined,
  });
  const [pathname = "", query] = path.split("?", 2);
  const asked: Asked = { method, path: pathname, query: query ? `?${query}` : "", json: body };
  deps.planner.admit(asked, call.mount);
  const session = deps.sessionOf({ call, caller });
  const disallowed: Target[] = [];
  const targets = deps.planner.plan(asked, call, disallowed);
  const decide = (target: Target): RouteDecision =>
    toRouteDecision(deps, { target, session, excluded: [] });
  return [
    ...targets.map(decide),
    ...disallowed.map((target): RouteDecision => ({
      ...decide(target),
      closed: { why: "operation", expiresAt: undefined },
      chosen: undefined,
    })),
  ];
}
