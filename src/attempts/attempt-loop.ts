// The loop inside one request: choose, authorize, send, judge, until one answer is good or the budget is spent.
import type { Credential } from "../contract/credential.ts";
import type { RouteDecision } from "../contract/route-decision.ts";
import type { RequestOutcome, RequestContext } from "../request/request-context.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { ReplyResult } from "../stream/reply.ts";
import type { Services } from "../wiring/create-services.ts";
import { authenticate } from "./authenticate.ts";
import { nextEndpoint, reachableTargets } from "./endpoints.ts";
import { sendAttempt, reportAttempt } from "./send-attempt.ts";
import { handleFailure } from "./after-failure.ts";
import {
  type RetryTarget,
  createAttemptState,
  type RequestPlan,
  excludedFor,
  giveSlotBack,
  poolOf,
  type AttemptState,
  type Selection,
} from "./attempt-state.ts";
import type { Blocked } from "../pool/selection.ts";
import { finalError, waitForCredential } from "./wait-for-credential.ts";
import { RelayError } from "../shared/errors.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { toRouteDecision } from "../routing/explain-route.ts";

/** What became of all attempts: the client has its answer, or a failure is to be told. */
export type Outcome =
  | { kind: "ended"; ending: RequestOutcome }
  | { kind: "failed"; error: RelayError; last: LastAttempt | undefined };

/** Attempts an errand until it has ended for the client, or cannot be helped. Throws where the request itself is over. */
export async function runAttempts(rooms: Services, plan: RequestPlan): Promise<Outcome> {
  const state = createAttemptState(rooms.config.limits.maxWait);
  rooms.retries.enter();
  try {
    for (;;) {
      plan.context.check();
      const selection = selectCredential(rooms, plan, state);
      if (!selection) {
        const error = await waitForCredential(rooms, plan, state);
        if (error) return { kind: "failed", error, last: state.last };
        continue;
      }
      if (selection.secret === undefined && !(await authenticate(rooms, plan, state, selection)))
        continue;
      let step: Outcome | { delay: number };
      try {
        let result: ReplyResult;
        try {
          result = await attemptOnce(rooms, plan, state, selection);
        } finally {
          giveSlotBack(rooms, plan, selection);
        }
        step = follow(rooms, plan, state, selection, result);
      } finally {
        selection.probe?.end(rooms.clock.now());
        selection.circuitCall.end();
      }
      if ("kind" in step) return step;
      if (step.delay > 0) await plan.context.sleep(rooms.clock.now() + step.delay);
    }
  } finally {
    state.endRetry?.();
    leaveQueue(state);
    rooms.retries.leave();
  }
}

function leaveQueue(state: AttemptState): void {
  state.queueEntry?.leave();
  state.queueEntry = undefined;
}

/** Sends once. */
function attemptOnce(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  selection: Selection,
): Promise<ReplyResult> {
  selection.sentAt = rooms.clock.now();
  selection.usageOption = rooms.usage?.optionFor(plan, state, selection.circuitCall.endpoint);
  state.spent.attempts++;
  plan.context.attempts++;
  return sendAttempt(rooms, plan, selection);
}

/** What follows from the end of one attempt: the outcome, or the pause before the next. */
function follow(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  selection: Selection,
  result: ReplyResult,
): Outcome | { delay: number } {
  if (result.kind === "left") throw plan.context.ended ?? new RelayError("ERR_RELAY_CLIENT_GONE");
  if (result.kind === "ended") {
    rooms.usage?.served(state, selection, plan.target);
    reportAttempt(rooms, plan, selection, {
      status: plan.context.delivery.status,
      verdict: undefined,
    });
    reportEnd(rooms, plan, selection, result);
    return { kind: "ended", ending: { reason: result.end, error: result.error } };
  }
  if (result.kind === "failed" && result.fault === "permission")
    throw notPermitted(rooms, plan, result.code);
  const step = handleFailure(rooms, plan, state, { ...selection, result });
  return step.go === "stop"
    ? { kind: "failed", error: finalError(rooms, plan, state), last: state.last }
    : step;
}

// The call has not left: neither the upstream nor the credential has anything to do with it, and another would be denied too.
function notPermitted(
  { reporter }: Services,
  { target }: RequestPlan,
  line: string | undefined,
): RelayError {
  if (line !== undefined) reporter.error(line);
  const { upstream, model } = target;
  return new RelayError("ERR_RELAY_PERMISSION", {
    upstream,
    model: model === ANY_MODEL ? undefined : model,
  });
}

function reportEnd(
  { faults }: Services,
  { target }: RequestPlan,
  { circuitCall, sentAt }: Selection,
  { end, error }: Extract<ReplyResult, { kind: "ended" }>,
): void {
  if (error) faults.brokeOff(target, circuitCall.endpoint, error);
  else if (end === "completed") faults.well(target, circuitCall.endpoint, "completed", sentAt);
}

/** Chooses and takes the slot; sending follows in the same turn. */
function selectCredential(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
): Selection | undefined {
  const { context } = plan;
  const { retry } = state;
  state.retry = undefined;
  const same = retry && retake(rooms, plan, state, retry);
  if (same && rooms.hooks.has("route")) reportRetry(rooms, plan, state, same.id);
  const chosen = same ?? chooseAmong(rooms, plan, state);
  if (!chosen) return undefined;
  leaveQueue(state);
  announceRotation(rooms, context, state, chosen.id);
  context.credential = { id: chosen.id, label: chosen.label };
  const now = rooms.clock.now();
  const probe = poolOf(rooms, plan).beginProbe(chosen.id, plan.target, now);
  // Looked for before anybody was taken, in this same turn.
  const circuitCall = rooms.circuits.enter(nextEndpoint(rooms, state, plan.target)!, now);
  return {
    credential: chosen.id,
    met: same ? retry?.met : undefined,
    probe,
    circuitCall,
    sentAt: now,
    secret: rooms.auth.getCached(chosen.id),
    usageOption: undefined,
  };
}

function reportRetry(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  credential: string,
): void {
  const { context, target, session } = plan;
  const decision = toRouteDecision(rooms, {
    target,
    session,
    excluded: excludedFor(state, target),
  });
  reportRoute(rooms, context.id, state, { ...decision, chosen: { credential, by: "again" } });
}

function retake(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  { credential, met }: RetryTarget,
): Credential | undefined {
  const { target } = plan;
  if (!nextEndpoint(rooms, state, target)) return undefined;
  return poolOf(rooms, plan).retake(credential, target, met?.openedAt, rooms.clock.now());
}

/** The first target that somebody can carry it to. One where all are merely in use is waited for. */
function chooseAmong(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
): Credential | undefined {
  const { context, session, targets } = plan;
  const now = rooms.clock.now();
  for (const target of reachableTargets(rooms, plan, state)) {
    const pool = poolOf(rooms, { target });
    const wanted = { target, session, excluded: excludedFor(state, target) };
    // Looked at before somebody is taken: afterwards it is another turn.
    if (rooms.hooks.has("route"))
      reportRoute(rooms, context.id, state, toRouteDecision(rooms, wanted));
    const chosen = pool.take(wanted, now);
    rooms.acquirers?.requestToken(target, chosen?.tier ?? Infinity);
    if (chosen) context.target = plan.target = target;
    if (chosen || (targets.length > 1 && isWorthWaiting(pool.blocked(wanted, now)))) return chosen;
  }
  return undefined;
}

function reportRoute(
  { hooks }: Services,
  requestId: string,
  { spent }: AttemptState,
  decision: RouteDecision,
): void {
  hooks.emit("route", { requestId, attempt: spent.attempts + 1, decision });
}

// A slot that comes free, or the session's own credential: that is better than another model.
function isWorthWaiting({ why }: Blocked): boolean {
  return why === "busy" || why === "held";
}

function announceRotation(
  { hooks }: Services,
  context: RequestContext,
  state: AttemptState,
  to: string,
): void {
  const { lastCredential: from, last } = state;
  state.lastCredential = to;
  if (last && from !== undefined && from !== to)
    hooks.emit("rotation", { requestId: context.id, from, to, reason: last.verdict.reason });
}
