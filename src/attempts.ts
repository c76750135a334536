// The loop inside one request: choose, authorize, send, judge, until one answer is good or the budget is spent.
import type { Credential } from "./contract/credential.ts";
import type { RouteDecision } from "./contract/route.ts";
import type { Ending, Life } from "./life.ts";
import type { LastAttempt } from "./failure.ts";
import type { ReplyResult } from "./stream/reply.ts";
import type { Rooms } from "./rooms.ts";
import { authorize } from "./attempts/authorize.ts";
import { nextEndpoint, reachableTargets } from "./attempts/endpoints.ts";
import { send, tellAttempt } from "./attempts/send.ts";
import { settleFailure } from "./attempts/setback.ts";
import {
  type Again,
  createStanding,
  type Errand,
  excludedFor,
  giveSlotBack,
  poolOf,
  type Standing,
  type Taken,
} from "./attempts/standing.ts";
import type { Blocked } from "./pool/pool.ts";
import { finalError, waitForCredential } from "./attempts/wait.ts";
import { RelayError } from "./errors.ts";
import { ANY_MODEL } from "./request/targets.ts";
import { lookAt } from "./routes.ts";

/** What became of all attempts: the client has its answer, or a failure is to be told. */
export type Outcome =
  | { kind: "ended"; ending: Ending }
  | { kind: "failed"; error: RelayError; last: LastAttempt | undefined };

/** Attempts an errand until it has ended for the client, or cannot be helped. Throws where the request itself is over. */
export async function runAttempts(rooms: Rooms, errand: Errand): Promise<Outcome> {
  const standing = createStanding(rooms.config.limits.maxWait);
  rooms.retries.enter();
  try {
    for (;;) {
      errand.life.check();
      const taken = takeCredential(rooms, errand, standing);
      if (!taken) {
        const error = await waitForCredential(rooms, errand, standing);
        if (error) return { kind: "failed", error, last: standing.last };
        continue;
      }
      if (taken.secret === undefined && !(await authorize(rooms, errand, standing, taken)))
        continue;
      let step: Outcome | { delay: number };
      try {
        let result: ReplyResult;
        try {
          result = await attemptOnce(rooms, errand, standing, taken);
        } finally {
          giveSlotBack(rooms, errand, taken);
        }
        step = follow(rooms, errand, standing, taken, result);
      } finally {
        taken.trial?.end(rooms.clock.now());
        taken.passage.end();
      }
      if ("kind" in step) return step;
      if (step.delay > 0) await errand.life.sleep(rooms.clock.now() + step.delay);
    }
  } finally {
    standing.endRetry?.();
    leaveLine(standing);
    rooms.retries.leave();
  }
}

function leaveLine(standing: Standing): void {
  standing.place?.leave();
  standing.place = undefined;
}

/** Sends once. */
function attemptOnce(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  taken: Taken,
): Promise<ReplyResult> {
  taken.sentAt = rooms.clock.now();
  taken.usageOption = rooms.usage?.optionFor(errand, standing, taken.passage.endpoint);
  standing.spent.attempts++;
  errand.life.attempts++;
  return send(rooms, errand, taken);
}

/** What follows from the end of one attempt: the outcome, or the pause before the next. */
function follow(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  taken: Taken,
  result: ReplyResult,
): Outcome | { delay: number } {
  if (result.kind === "left") throw errand.life.ended ?? new RelayError("ERR_RELAY_CLIENT_GONE");
  if (result.kind === "ended") {
    rooms.usage?.served(standing, taken, errand.target);
    tellAttempt(rooms, errand, taken, { status: errand.life.delivery.status, verdict: undefined });
    tellEnd(rooms, errand, taken, result);
    return { kind: "ended", ending: { reason: result.end, error: result.error } };
  }
  if (result.kind === "failed" && result.fault === "permission")
    throw notPermitted(rooms, errand, result.code);
  const step = settleFailure(rooms, errand, standing, { ...taken, result });
  return step.go === "stop"
    ? { kind: "failed", error: finalError(rooms, errand, standing), last: standing.last }
    : step;
}

// The call has not left: neither the upstream nor the credential has anything to do with it, and another would be denied too.
function notPermitted(
  { reporter }: Rooms,
  { target }: Errand,
  line: string | undefined,
): RelayError {
  if (line !== undefined) reporter.error(line);
  const { upstream, model } = target;
  return new RelayError("ERR_RELAY_PERMISSION", {
    upstream,
    model: model === ANY_MODEL ? undefined : model,
  });
}

function tellEnd(
  { faults }: Rooms,
  { target }: Errand,
  { passage, sentAt }: Taken,
  { end, error }: Extract<ReplyResult, { kind: "ended" }>,
): void {
  if (error) faults.brokeOff(target, passage.endpoint, error);
  else if (end === "completed") faults.well(target, passage.endpoint, "completed", sentAt);
}

/** Chooses and takes the slot; sending follows in the same turn. */
function takeCredential(rooms: Rooms, errand: Errand, standing: Standing): Taken | undefined {
  const { life } = errand;
  const { again } = standing;
  standing.again = undefined;
  const same = again && retake(rooms, errand, standing, again);
  if (same && rooms.hooks.has("route")) tellAgain(rooms, errand, standing, same.id);
  const chosen = same ?? chooseAmong(rooms, errand, standing);
  if (!chosen) return undefined;
  leaveLine(standing);
  announceRotation(rooms, life, standing, chosen.id);
  life.credential = { id: chosen.id, label: chosen.label };
  const now = rooms.clock.now();
  const trial = poolOf(rooms, errand).beginTrial(chosen.id, errand.target, now);
  // Looked for before anybody was taken, in this same turn.
  const passage = rooms.circuits.enter(nextEndpoint(rooms, standing, errand.target)!, now);
  return {
    credential: chosen.id,
    met: same ? again?.met : undefined,
    trial,
    passage,
    sentAt: now,
    secret: rooms.auth.peek(chosen.id),
    usageOption: undefined,
  };
}

function tellAgain(rooms: Rooms, errand: Errand, standing: Standing, credential: string): void {
  const { life, target, session } = errand;
  const decision = lookAt(rooms, { target, session, excluded: excludedFor(standing, target) });
  tellRoute(rooms, life.id, standing, { ...decision, chosen: { credential, by: "again" } });
}

function retake(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  { credential, met }: Again,
): Credential | undefined {
  const { target } = errand;
  if (!nextEndpoint(rooms, standing, target)) return undefined;
  return poolOf(rooms, errand).retake(credential, target, met?.openedAt, rooms.clock.now());
}

/** The first target that somebody can carry it to. One where all are merely in use is waited for. */
function chooseAmong(rooms: Rooms, errand: Errand, standing: Standing): Credential | undefined {
  const { life, session, targets } = errand;
  const now = rooms.clock.now();
  for (const target of reachableTargets(rooms, errand, standing)) {
    const pool = poolOf(rooms, { target });
    const wanted = { target, session, excluded: excludedFor(standing, target) };
    // Looked at before somebody is taken: afterwards it is another turn.
    if (rooms.hooks.has("route")) tellRoute(rooms, life.id, standing, lookAt(rooms, wanted));
    const chosen = pool.take(wanted, now);
    rooms.acquirers?.wanted(target, chosen?.tier ?? Infinity);
    if (chosen) life.target = errand.target = target;
    if (chosen || (targets.length > 1 && isWorthWaiting(pool.blocked(wanted, now)))) return chosen;
  }
  return undefined;
}

function tellRoute(
  { hooks }: Rooms,
  requestId: string,
  { spent }: Standing,
  decision: RouteDecision,
): void {
  hooks.emit("route", { requestId, attempt: spent.attempts + 1, decision });
}

// A slot that comes free, or the session's own credential: that is better than another model.
function isWorthWaiting({ why }: Blocked): boolean {
  return why === "busy" || why === "held";
}

function announceRotation({ hooks }: Rooms, life: Life, standing: Standing, to: string): void {
  const { lastCredential: from, last } = standing;
  standing.lastCredential = to;
  if (last && from !== undefined && from !== to)
    hooks.emit("rotation", { requestId: life.id, from, to, reason: last.verdict.reason });
}
