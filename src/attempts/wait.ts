// Nobody may carry the request now: whether it waits, and what it is told when it does not.
import type { Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";
import type { Rooms } from "../rooms.ts";
import { RelayError } from "../errors.ts";
import { toFailure } from "../failure.ts";
import { ANY_MODEL } from "../request/targets.ts";
import { type Errand, poolOf, type Standing } from "./standing.ts";

/** Nobody is eligible: waits where waiting is worthwhile, otherwise returns the error to end with. */
export async function waitForCredential(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
): Promise<RelayError | undefined> {
  const { life, target, session } = errand;
  const { clock, config } = rooms;
  const { spent, excluded } = standing;
  const startedAt = clock.now();
  const pool = poolOf(rooms, errand);
  const { why, until, key } = pool.blocked({ target, session, excluded }, startedAt);
  if (why === "empty" || why === "spent" || spent.attempts >= config.limits.maxAttempts)
    return finalError(rooms, errand, standing);
  if (why === "cooling" && until - startedAt > standing.patience)
    return limitedError(rooms, target, until, key);
  if (standing.patience <= 0)
    return new RelayError("ERR_RELAY_LIMITED", {
      ...factsOf(target),
      retryAfter: 1,
      detail: "all in use",
    });
  // The place in line is kept until a credential is taken or the request is over.
  const canGo = (): boolean =>
    pool.hasAny({ target, session, excluded: standing.excluded }, clock.now());
  const place = (standing.place ??= rooms.waiting.enter(target.upstream, canGo));
  await life.sleep(Math.min(until, startedAt + standing.patience), (wake) => place.asleep(wake));
  const now = clock.now();
  standing.patience -= now - startedAt;
  standing.excluded = excluded.filter(
    (id) => !standing.cooled.has(id) || !pool.isOpen(id, target, now),
  );
  return undefined;
}

/** The error for a target whose credentials are all closed: which one depends on what closed them. */
function limitedError(
  { cooldowns, clock }: Rooms,
  target: Target,
  until: number,
  key: Key | undefined,
): RelayError {
  const reason = key && cooldowns.get(key)?.reason;
  const facts = { ...factsOf(target), retryAfter: Math.ceil((until - clock.now()) / 1_000) };
  if (reason === "NOT_FOUND") return new RelayError("ERR_RELAY_MODEL_NOT_FOUND", factsOf(target));
  if (reason === "MODEL_CAPACITY_EXHAUSTED") return new RelayError("ERR_RELAY_CAPACITY", facts);
  return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail: reason });
}

/** The error of a request that cannot be helped any more. */
export function finalError(rooms: Rooms, errand: Errand, { last, excluded }: Standing): RelayError {
  const { target, asked, session } = errand;
  if (!last) return new RelayError("ERR_RELAY_NO_CREDENTIAL", factsOf(target));
  const now = rooms.clock.now();
  const { until } = poolOf(rooms, errand).blocked({ target, session, excluded }, now);
  return toFailure(
    last,
    target,
    asked.path,
    until === Infinity ? undefined : Math.ceil((until - now) / 1_000),
  );
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === ANY_MODEL ? undefined : model };
}
