// Nobody may carry the request now: whether it waits, and what it is told when it does not.
import type { Target } from "../contract/target.ts";
import type { Services } from "../wiring/create-services.ts";
import { RelayError } from "../shared/errors.ts";
import { toUpstreamError } from "./upstream-error.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { type Unavailability, whyBlocked } from "./availability.ts";
import { triedTargets } from "./fallback-targets.ts";
import { downUntil, reachableTargets } from "./endpoints.ts";
import {
  type RequestPlan,
  excludedFor,
  openTargets,
  poolOf,
  type AttemptState,
} from "./attempt-state.ts";
import { ANY } from "../cooldowns/cooldowns.ts";
import { summarize } from "./availability-summary.ts";
import { tokenError, toTokenError } from "./tokenless.ts";

/** What passes by itself: a cap, a trial under way, a token on its way, a window. */
const WAITABLE: ReadonlySet<Unavailability["why"]> = new Set<Unavailability["why"]>([
  "acquiring",
  "busy",
  "trial",
  "cooling",
  "protected",
  "held",
]);

/** Nobody is eligible: waits where waiting is worthwhile, otherwise returns the error to end with. */
export async function waitForCredential(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
): Promise<RelayError | undefined> {
  const { context, session } = plan;
  const { clock, config } = rooms;
  const startedAt = clock.now();
  if (reachableTargets(rooms, plan, state).length === 0) return downError(rooms, plan, state);
  const { target, blocked } = firstToOpen(rooms, plan, state);
  const { why, until } = blocked;
  if (why === "empty" || why === "spent" || state.spent.attempts >= config.limits.maxAttempts)
    return finalError(rooms, plan, state);
  // A session's own wait has a cap of its own (A5).
  const patience = why === "held" ? Infinity : state.remainingWait;
  if ((why === "cooling" || why === "protected") && until - startedAt > patience)
    return listing(rooms, plan, state, limitedError(rooms, state, target, blocked));
  if (patience <= 0)
    return new RelayError("ERR_RELAY_LIMITED", {
      ...factsOf(target),
      retryAfter: 1,
      detail: why,
    });
  const pool = poolOf(rooms, { target });
  // The place in line is kept until a credential is taken or the request is over.
  const canGo = (): boolean =>
    pool.hasAny({ target, session, excluded: excludedFor(state, target) }, clock.now());
  if (state.queuedFor !== target) state.queueEntry?.leave();
  const isInLine = state.queueEntry && state.queuedFor === target;
  const place = isInLine ? state.queueEntry! : rooms.waiting.enter(target.upstream, canGo);
  state.queueEntry = place;
  state.queuedFor = target;
  await context.sleep(Math.min(until, startedAt + patience), (wake) => place.park(wake));
  const now = clock.now();
  if (why !== "held") state.remainingWait -= now - startedAt;
  const isOut = (id: string, at: Target): boolean =>
    !state.history?.cooled.has(id) || !poolOf(rooms, { target: at }).isOpen(id, at, now);
  state.excluded = state.excluded.filter((id) => isOut(id, target));
  for (const [at, ids] of state.history?.excludedAt ?? [])
    state.history!.excludedAt.set(
      at,
      ids.filter((id) => isOut(id, at)),
    );
  return undefined;
}

/** The target to wait for: where a slot comes free, else whose first key opens first. */
function firstToOpen(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
): { target: Target; blocked: Unavailability } {
  const { session } = plan;
  const now = rooms.clock.now();
  const places = reachableTargets(rooms, plan, state).map((target) => {
    const excluded = excludedFor(state, target);
    return {
      target,
      blocked: whyBlocked(rooms, { target, session, excluded }, now),
    };
  });
  const waitable = places.filter(({ blocked: { why } }) => WAITABLE.has(why));
  const soon = waitable.find(({ blocked: { why } }) => why !== "cooling" && why !== "protected");
  return soon ?? waitable.toSorted((a, b) => a.blocked.until - b.blocked.until)[0] ?? places[0]!;
}

/** The error where nothing that could carry the request on may be called: what it met itself, else that (F2). */
function downError(rooms: Services, plan: RequestPlan, state: AttemptState): RelayError {
  const targets = openTargets(plan, state);
  if (state.last || targets.length === 0) return finalError(rooms, plan, state);
  const until = Math.min(...targets.map((target) => downUntil(rooms, target)));
  const retryAfter = Math.max(1, Math.ceil((until - rooms.clock.now()) / 1_000));
  const { upstream } = targets[0]!;
  const error = new RelayError("ERR_RELAY_UPSTREAM_DOWN", { upstream, retryAfter });
  return listing(rooms, plan, state, error);
}

/** Adds to an error where the request could have gone (D10). */
function listing(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  error: RelayError,
): RelayError {
  const tried = triedTargets(rooms, plan, state);
  if (!tried) return error;
  const waits = tried.flatMap((one) => one.retryAfter ?? []);
  const retryAfter = waits.length > 0 ? Math.min(...waits) : error.facts.retryAfter;
  return new RelayError(error.code, { ...error.facts, status: error.status, retryAfter, tried });
}

/** The error for a target whose credentials are all closed: which one depends on what closed them. */
function limitedError(
  rooms: Services,
  state: AttemptState,
  target: Target,
  { why, until, key, failure }: Unavailability,
): RelayError {
  const { cooldowns, clock } = rooms;
  const reason = key && cooldowns.get(key)?.reason;
  // Creating that fails is no limit (H1).
  if (failure !== undefined)
    return toTokenError({ detail: failure, retryAt: until }, factsOf(target), clock.now());
  const facts = { ...factsOf(target), retryAfter: Math.ceil((until - clock.now()) / 1_000) };
  if (why === "protected") return new RelayError("ERR_RELAY_PROTECTED", facts);
  if (reason === "NOT_FOUND") return new RelayError("ERR_RELAY_MODEL_NOT_FOUND", factsOf(target));
  if (reason === "MODEL_CAPACITY_EXHAUSTED") return new RelayError("ERR_RELAY_CAPACITY", facts);
  // A limit that all share, or that of an anonymous source, stands at no credential.
  const tally =
    key?.credential === ANY ? undefined : summarize(rooms, target, excludedFor(state, target));
  const own = tally === undefined || reason === "CREATE_LIMITED" ? reason : undefined;
  const detail = [tally, own].filter((it) => it !== undefined).join(", ") || undefined;
  return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail });
}

/** The error of a request that cannot be helped any more. */
export function finalError(rooms: Services, plan: RequestPlan, state: AttemptState): RelayError {
  const { target, asked, session } = plan;
  const { last } = state;
  const now = rooms.clock.now();
  const excluded = excludedFor(state, target);
  const { until } = whyBlocked(rooms, { target, session, excluded }, now);
  const retryAfter = until === Infinity ? undefined : Math.ceil((until - now) / 1_000);
  const error = last
    ? toUpstreamError(last, target, asked.path, retryAfter, summarize(rooms, target, excluded))
    : (tokenError(rooms, state, target, factsOf(target)) ??
      new RelayError("ERR_RELAY_NO_CREDENTIAL", {
        ...factsOf(target),
        detail: summarize(rooms, target, excluded) ?? "none is configured",
      }));
  return listing(rooms, plan, state, error);
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === ANY_MODEL ? undefined : model };
}
