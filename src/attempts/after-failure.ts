// An attempt that failed: what it means, what follows from it, and what the request does next.
import type { Refusal, Verdict } from "../contract/verdict.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Failure } from "../cooldowns/apply-verdict.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Cooldown } from "../cooldowns/cooldowns.ts";
import type { Wanted } from "../pool/selection.ts";
import type { Services } from "../wiring/create-services.ts";
import type { ReplyResult } from "../stream/reply.ts";
import type { Timeouts } from "../stream/upstream-timeouts.ts";
import { classify, classifyFault } from "../refusals/classify.ts";
import { judgeByRules } from "../refusals/operator-rules.ts";
import { isBudgeted } from "../policies/retry-budget.ts";
import { nextStep, type Step } from "../policies/retry-policy.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { isEndpointFailure } from "../policies/circuit-breaker.ts";
import { toWaitText } from "../shared/times.ts";
import { downUntil, hasFreshEndpoint } from "./endpoints.ts";
import { reportAttempt } from "./send-attempt.ts";
import { hasFallback, isAboutTarget, isLeaving } from "./fallback-targets.ts";
import {
  type RequestPlan,
  excludedFor,
  poolOf,
  type AttemptHistory,
  historyOf,
  type AttemptState,
  type Selection,
} from "./attempt-state.ts";

/** Bytes of a refusal that are judged; its beginning says what it is. */
const JUDGED = 65_536;

export interface FailedAttempt extends Selection {
  result: Extract<ReplyResult, { kind: "refused" | "failed" }>;
}

/** Judges a failed attempt, books what follows from it and decides the next step. */
export function handleFailure(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  attempt: FailedAttempt,
): Step {
  const { context, target, session } = plan;
  const { credential, sentAt } = attempt;
  const last = (state.last = judgeAttempt(rooms, plan, attempt));
  const { verdict } = last;
  reportAttempt(rooms, plan, attempt, last);
  rooms.reporter.debug(
    () =>
      `request ${context.id}: attempt ${context.attempts} on ${credential} failed: ${verdict.reason} (${verdict.evidence})`,
  );
  // The deadline or a shutdown cut it short: nobody is to blame, and nothing follows.
  context.check();
  const setbacks = historyOf(state);
  rooms.faults.failed(target, attempt.circuitCall.endpoint, last, sentAt);
  tellCircuit(rooms, setbacks, target, attempt, verdict);
  if (rooms.usage?.isRefusal(state, attempt, last, target)) {
    state.retry = { credential, met: attempt.met };
    return SAME;
  }
  const isDown = downUntil(rooms, target) > 0;
  const pool = poolOf(rooms, plan);
  const isShared = verdict.reason === "MODEL_CAPACITY_EXHAUSTED";
  setbacks.reasons.set(target, verdict.reason);
  const wanted: Wanted = {
    target,
    session,
    excluded: [...excludedFor(state, target), credential],
  };
  const hasOther = pool.hasAny(wanted, rooms.clock.now());
  const isNext = hasFallback(rooms, plan, state, { credential, verdict });
  const isOnly = !hasOther && !isNext && pool.isOnly(credential, target);
  const { limits } = rooms.config;
  const hasEndpoint = hasFreshEndpoint(rooms, state, target);
  const around = { hasOther: hasOther || isNext, isOnly, hasEndpoint };
  const isRenewed = renew(rooms, setbacks, attempt, verdict);
  const planned = nextStep(verdict, state.spent, around, limits);
  const own: Step = isDown ? { go: "stop" } : isRenewed && planned.go !== "stop" ? SAME : planned;
  const leaves = isNext && isLeaving(own, verdict, state.spent.attempts, limits.maxAttempts);
  const step = withinBudget(rooms, state, verdict, leaves ? { go: "other", delay: 0 } : own);
  const failure: Failure = {
    requestId: context.id,
    credential,
    target,
    verdict,
    sentAt,
    link: linkIn(last),
    grace: step.go === "same" && step.isGrace ? step.delay : undefined,
  };
  // Capacity closes the model only when this request's tries are spent (C12); everything else closes at once (D7).
  const isGoingOn = step.go !== "stop" && !leaves;
  const met = isShared && isGoingOn ? undefined : bookFailure(rooms, setbacks, failure);
  if (leaves) setbacks.left.add(target);
  else if (step.go === "same" || (step.go === "any" && !hasOther))
    state.retry = { credential, met: met ?? attempt.met };
  else exclude(plan, state, credential, verdict);
  if (met) setbacks.cooled.add(credential);
  return step;
}

const SAME: Step = { go: "same", delay: 0 };

/** A token that was refused is renewed once for a request, which then tries the same credential again (E6). */
function renew(
  { auth }: Services,
  { renewed }: AttemptHistory,
  { credential, secret }: FailedAttempt,
  { reason }: Verdict,
): boolean {
  if (reason !== "UNAUTHENTICATED" || !auth.isRenewable(credential)) return false;
  const isFirst = !renewed.has(credential);
  auth.reject(credential, secret ?? "", !isFirst);
  renewed.add(credential);
  return isFirst;
}

// Any answer shows that an endpoint works; only its own failures count against it, whichever credential met them (F2).
function tellCircuit(
  { clock, reporter, circuits }: Services,
  { failedAt }: AttemptHistory,
  { upstream, endpoints }: Target,
  { circuitCall }: Selection,
  verdict: Verdict,
): void {
  if (!isEndpointFailure(verdict)) return circuitCall.answered(clock.now());
  failedAt.add(circuitCall.endpoint);
  const now = clock.now();
  if (!circuitCall.failed(now)) return;
  const number = endpoints.indexOf(circuitCall.endpoint) + 1;
  const which = endpoints.length > 1 ? ` endpoint ${number} of` : "";
  const wait = toWaitText(circuits.openUntil(circuitCall.endpoint, now) - now, now);
  reporter.warn(
    `circuit open:${which} upstream ${upstream} failed several times in a row (${verdict.reason}); next attempt in ${wait}`,
  );
}

// Where there is one target only, who failed is out for the whole request.
function exclude(
  { targets, target }: RequestPlan,
  state: AttemptState,
  credential: string,
  verdict: Verdict,
): void {
  const { excludedAt } = historyOf(state);
  if (targets.length === 1 || !isAboutTarget(verdict)) state.excluded.push(credential);
  else excludedAt.set(target, [...(excludedAt.get(target) ?? []), credential]);
}

// An outage must not be met with more load: what all requests together may retry is bounded (E14).
function withinBudget(
  { retries }: Services,
  state: AttemptState,
  { reason }: Verdict,
  step: Step,
): Step {
  state.endRetry?.();
  state.endRetry = undefined;
  if (step.go === "stop" || !isBudgeted(reason)) return step;
  state.endRetry = retries.take();
  return state.endRetry ? step : { go: "stop" };
}

// Several credentials that are refused for one request are not at fault: what was done to the first is undone (E7).
function bookFailure(
  { consequences }: Services,
  { forbidden }: AttemptHistory,
  failure: Failure,
): Cooldown | undefined {
  const { reason, scope } = failure.verdict;
  if (reason !== "FORBIDDEN" || scope !== "credential") return consequences.apply(failure);
  forbidden.add(failure.credential);
  if (forbidden.size === 1) return consequences.apply(failure);
  consequences.revertForbidden([...forbidden]);
  return undefined;
}

function judgeAttempt(
  { clock, config, quotas }: Services,
  { target }: RequestPlan,
  { credential, result, secret }: FailedAttempt,
): LastAttempt {
  if (result.kind === "failed")
    return {
      verdict: classifyFault(result.fault),
      status: undefined,
      fault: result.fault,
      cause: result.code,
      limit: limitOf(result.fault, config.streaming),
      answer: undefined,
    };
  const { status, headers, body, inStream } = result;
  quotas.readHeaders((name) => headers.get(name), credential, target);
  const refusal: Refusal = {
    status,
    header: (name) => headers.get(name) ?? undefined,
    body: new TextDecoder().decode(body.subarray(0, JUDGED)),
    endpoint: "ai",
    inStream,
    model: target.model === ANY_MODEL ? undefined : target.model,
    receivedAt: clock.now(),
  };
  const answer = { status, headers, body, inStream, secret: secret ?? "" };
  const verdict =
    judgeByRules(config.limits.rules ?? [], refusal, target.upstream) ??
    classify(refusal, target.dialect);
  return { verdict, status, fault: undefined, cause: undefined, limit: undefined, answer };
}

/** How long an attempt has waited in vain, ms. */
function limitOf(
  fault: AttemptFault,
  { connectTimeout, firstByteTimeout, idleTimeout }: Timeouts,
): number | undefined {
  if (fault === "connect-timeout") return Math.min(connectTimeout, firstByteTimeout);
  if (fault === "timeout") return firstByteTimeout;
  return fault === "idle-timeout" ? idleTimeout : undefined;
}

/** Where an upstream wants somebody to confirm who they are, it says at which address (E7). */
function linkIn({ verdict, answer }: LastAttempt): string | undefined {
  if (verdict.reason !== "FORBIDDEN" || !answer) return undefined;
  const [link] = /https:\/\/[^\s"'<>\\]{1,500}/.exec(new TextDecoder().decode(answer.body)) ?? [];
  return link;
}
