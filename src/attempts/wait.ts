// Nobody may carry the request now: whether it waits, and what it is told when it does not.
import type { Target } from "../contract/target.ts";
import type { Rooms } from "../rooms.ts";
import { RelayError } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { ANY_MODEL } from "../request/targets.ts";
import { type BlockedOrAcquiring, whyBlocked } from "./blocked.ts";
import { triedTargets } from "./chain.ts";
import { downUntil, reachableTargets } from "./endpoints.ts";
import { type Errand, excludedFor, openTargets, poolOf, type Standing } from "./standing.ts";
import { ANY } from "../pool/cooldowns.ts";
import { tallyOf } from "./tally.ts";
import { tokenError, toTokenError } from "./tokenless.ts";

/** What passes by itself: a cap, a trial under way, a token on its way, a window. */
const WAITABLE: ReadonlySet<BlockedOrAcquiring["why"]> = new Set<BlockedOrAcquiring["why"]>([
  "acquiring",
  "busy",
  "trial",
  "cooling",
  "protected",
  "held",
]);

/** Nobody is eligible: waits where waiting is worthwhile, otherwise returns the error to end with. */
export async function waitForCredential(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
): Promise<RelayError | undefined> {
  const { life, session } = errand;
  const { clock, config } = rooms;
  const startedAt = clock.now();
  if (reachableTargets(rooms, errand, standing).length === 0)
    return downError(rooms, errand, standing);
  const { target, blocked } = firstToOpen(rooms, errand, standing);
  const { why, until } = blocked;
  if (why === "empty" || why === "spent" || standing.spent.attempts >= config.limits.maxAttempts)
    return finalError(rooms, errand, standing);
  // A session's own wait has a cap of its own (A5).
  const patience = why === "held" ? Infinity : standing.patience;
  if ((why === "cooling" || why === "protected") && until - startedAt > patience)
    return listing(rooms, errand, standing, limitedError(rooms, standing, target, blocked));
  if (patience <= 0)
    return new RelayError("ERR_RELAY_LIMITED", {
      ...factsOf(target),
      retryAfter: 1,
      detail: why,
    });
  const pool = poolOf(rooms, { target });
  // The place in line is kept until a credential is taken or the request is over.
  const canGo = (): boolean =>
    pool.hasAny({ target, session, excluded: excludedFor(standing, target) }, clock.now());
  if (standing.line !== target) standing.place?.leave();
  const isInLine = standing.place && standing.line === target;
  const place = isInLine ? standing.place! : rooms.waiting.enter(target.upstream, canGo);
  standing.place = place;
  standing.line = target;
  await life.sleep(Math.min(until, startedAt + patience), (wake) => place.asleep(wake));
  const now = clock.now();
  if (why !== "held") standing.patience -= now - startedAt;
  const isOut = (id: string, at: Target): boolean =>
    !standing.setbacks?.cooled.has(id) || !poolOf(rooms, { target: at }).isOpen(id, at, now);
  standing.excluded = standing.excluded.filter((id) => isOut(id, target));
  for (const [at, ids] of standing.setbacks?.excludedAt ?? [])
    standing.setbacks!.excludedAt.set(
      at,
      ids.filter((id) => isOut(id, at)),
    );
  return undefined;
}

/** The target to wait for: where a slot comes free, else whose first key opens first. */
function firstToOpen(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
): { target: Target; blocked: BlockedOrAcquiring } {
  const { session } = errand;
  const now = rooms.clock.now();
  const places = reachableTargets(rooms, errand, standing).map((target) => {
    const excluded = excludedFor(standing, target);
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
function downError(rooms: Rooms, errand: Errand, standing: Standing): RelayError {
  const targets = openTargets(errand, standing);
  if (standing.last || targets.length === 0) return finalError(rooms, errand, standing);
  const until = Math.min(...targets.map((target) => downUntil(rooms, target)));
  const retryAfter = Math.max(1, Math.ceil((until - rooms.clock.now()) / 1_000));
  const { upstream } = targets[0]!;
  const error = new RelayError("ERR_RELAY_UPSTREAM_DOWN", { upstream, retryAfter });
  return listing(rooms, errand, standing, error);
}

/** Adds to an error where the request could have gone (D10). */
function listing(rooms: Rooms, errand: Errand, standing: Standing, error: RelayError): RelayError {
  const tried = triedTargets(rooms, errand, standing);
  if (!tried) return error;
  const waits = tried.flatMap((one) => one.retryAfter ?? []);
  const retryAfter = waits.length > 0 ? Math.min(...waits) : error.facts.retryAfter;
  return new RelayError(error.code, { ...error.facts, status: error.status, retryAfter, tried });
}

/** The error for a target whose credentials are all closed: which one depends on what closed them. */
function limitedError(
  rooms: Rooms,
  standing: Standing,
  target: Target,
  { why, until, key, failure }: BlockedOrAcquiring,
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
    key?.credential === ANY ? undefined : tallyOf(rooms, target, excludedFor(standing, target));
  const own = tally === undefined || reason === "CREATE_LIMITED" ? reason : undefined;
  const detail = [tally, own].filter((it) => it !== undefined).join(", ") || undefined;
  return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail });
}

/** The error of a request that cannot be helped any more. */
export function finalError(rooms: Rooms, errand: Errand, standing: Standing): RelayError {
  const { target, asked, session } = errand;
  const { last } = standing;
  const now = rooms.clock.now();
  const excluded = excludedFor(standing, target);
  const { until } = whyBlocked(rooms, { target, session, excluded }, now);
  const retryAfter = until === Infinity ? undefined : Math.ceil((until - now) / 1_000);
  const error = last
    ? toFailure(last, target, asked.path, retryAfter, tallyOf(rooms, target, excluded))
    : (tokenError(rooms, standing, target, factsOf(target)) ??
      new RelayError("ERR_RELAY_NO_CREDENTIAL", {
        ...factsOf(target),
        detail: tallyOf(rooms, target, excluded) ?? "none is configured",
      }));
  return listing(rooms, errand, standing, error);
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === ANY_MODEL ? undefined : model };
}
