// An attempt that failed: what it means, what follows from it, and what the request does next.
import type { Refusal, Verdict } from "../contract/verdict.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Failure } from "../consequences.ts";
import type { LastAttempt } from "../failure.ts";
import type { Cooldown } from "../pool/cooldowns.ts";
import type { Wanted } from "../pool/pool.ts";
import type { Rooms } from "../rooms.ts";
import type { ReplyResult } from "../stream/reply.ts";
import type { Timeouts } from "../stream/watch.ts";
import { judge, judgeFault } from "../limits/judge.ts";
import { judgeByRules } from "../limits/rules.ts";
import { isBudgeted } from "../limits/retry-budget.ts";
import { nextStep, type Step } from "../limits/steps.ts";
import { ANY_MODEL } from "../request/targets.ts";
import { isEndpointFailure } from "../limits/circuits.ts";
import { toWaitText } from "../times.ts";
import { downUntil, hasFreshEndpoint } from "./endpoints.ts";
import { tellAttempt } from "./send.ts";
import { hasNext, isAboutTarget, isLeaving } from "./chain.ts";
import {
  type Errand,
  excludedFor,
  poolOf,
  type Setbacks,
  setbacksOf,
  type Standing,
  type Taken,
} from "./standing.ts";

/** Bytes of a refusal that are judged; its beginning says what it is. */
const JUDGED = 65_536;

export interface FailedAttempt extends Taken {
  result: Extract<ReplyResult, { kind: "refused" | "failed" }>;
}

/** Judges a failed attempt, books what follows from it and decides the next step. */
export function settleFailure(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  attempt: FailedAttempt,
): Step {
  const { life, target, session } = errand;
  const { credential, sentAt } = attempt;
  const last = (standing.last = judgeAttempt(rooms, errand, attempt));
  const { verdict } = last;
  tellAttempt(rooms, errand, attempt, last);
  rooms.reporter.debug(
    () =>
      `request ${life.id}: attempt ${life.attempts} on ${credential} failed: ${verdict.reason} (${verdict.evidence})`,
  );
  // The deadline or a shutdown cut it short: nobody is to blame, and nothing follows.
  life.check();
  const setbacks = setbacksOf(standing);
  rooms.faults.failed(target, attempt.passage.endpoint, last, sentAt);
  tellCircuit(rooms, setbacks, target, attempt, verdict);
  if (rooms.usage?.isRefusal(standing, attempt, last, target)) {
    standing.again = { credential, met: attempt.met };
    return SAME;
  }
  const isDown = downUntil(rooms, target) > 0;
  const pool = poolOf(rooms, errand);
  const isShared = verdict.reason === "MODEL_CAPACITY_EXHAUSTED";
  setbacks.reasons.set(target, verdict.reason);
  const wanted: Wanted = {
    target,
    session,
    excluded: [...excludedFor(standing, target), credential],
  };
  const hasOther = pool.hasAny(wanted, rooms.clock.now());
  const isNext = hasNext(rooms, errand, standing, { credential, verdict });
  const isOnly = !hasOther && !isNext && pool.isOnly(credential, target);
  const { limits } = rooms.config;
  const hasEndpoint = hasFreshEndpoint(rooms, standing, target);
  const around = { hasOther: hasOther || isNext, isOnly, hasEndpoint };
  const isRenewed = renew(rooms, setbacks, attempt, verdict);
  const planned = nextStep(verdict, standing.spent, around, limits);
  const own: Step = isDown ? { go: "stop" } : isRenewed && planned.go !== "stop" ? SAME : planned;
  const leaves = isNext && isLeaving(own, verdict, standing.spent.attempts, limits.maxAttempts);
  const step = withinBudget(rooms, standing, verdict, leaves ? { go: "other", delay: 0 } : own);
  const failure: Failure = {
    requestId: life.id,
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
    standing.again = { credential, met: met ?? attempt.met };
  else exclude(errand, standing, credential, verdict);
  if (met) setbacks.cooled.add(credential);
  return step;
}

const SAME: Step = { go: "same", delay: 0 };

/** A token that was refused is renewed once for a request, which then tries the same credential again (E6). */
function renew(
  { auth }: Rooms,
  { renewed }: Setbacks,
  { credential, secret }: FailedAttempt,
  { reason }: Verdict,
): boolean {
  if (reason !== "UNAUTHENTICATED" || !auth.isRenewable(credential)) return false;
  const isFirst = !renewed.has(credential);
  auth.refuse(credential, secret ?? "", !isFirst);
  renewed.add(credential);
  return isFirst;
}

// Any answer shows that an endpoint works; only its own failures count against it, whichever credential met them (F2).
function tellCircuit(
  { clock, reporter, circuits }: Rooms,
  { failedAt }: Setbacks,
  { upstream, endpoints }: Target,
  { passage }: Taken,
  verdict: Verdict,
): void {
  if (!isEndpointFailure(verdict)) return passage.answered(clock.now());
  failedAt.add(passage.endpoint);
  const now = clock.now();
  if (!passage.failed(now)) return;
  const number = endpoints.indexOf(passage.endpoint) + 1;
  const which = endpoints.length > 1 ? ` endpoint ${number} of` : "";
  const wait = toWaitText(circuits.closedUntil(passage.endpoint, now) - now, now);
  reporter.warn(
    `circuit open:${which} upstream ${upstream} failed several times in a row (${verdict.reason}); next attempt in ${wait}`,
  );
}

// Where there is one target only, who failed is out for the whole request.
function exclude(
  { targets, target }: Errand,
  standing: Standing,
  credential: string,
  verdict: Verdict,
): void {
  const { excludedAt } = setbacksOf(standing);
  if (targets.length === 1 || !isAboutTarget(verdict)) standing.excluded.push(credential);
  else excludedAt.set(target, [...(excludedAt.get(target) ?? []), credential]);
}

// An outage must not be met with more load: what all requests together may retry is bounded (E14).
function withinBudget(
  { retries }: Rooms,
  standing: Standing,
  { reason }: Verdict,
  step: Step,
): Step {
  standing.endRetry?.();
  standing.endRetry = undefined;
  if (step.go === "stop" || !isBudgeted(reason)) return step;
  standing.endRetry = retries.take();
  return standing.endRetry ? step : { go: "stop" };
}

// Several credentials that are refused for one request are not at fault: what was done to the first is undone (E7).
function bookFailure(
  { consequences }: Rooms,
  { forbidden }: Setbacks,
  failure: Failure,
): Cooldown | undefined {
  const { reason, scope } = failure.verdict;
  if (reason !== "FORBIDDEN" || scope !== "credential") return consequences.book(failure);
  forbidden.add(failure.credential);
  if (forbidden.size === 1) return consequences.book(failure);
  consequences.pardon([...forbidden]);
  return undefined;
}

function judgeAttempt(
  { clock, config, quotas }: Rooms,
  { target }: Errand,
  { credential, result, secret }: FailedAttempt,
): LastAttempt {
  if (result.kind === "failed")
    return {
      verdict: judgeFault(result.fault),
      status: undefined,
      fault: result.fault,
      cause: result.code,
      limit: limitOf(result.fault, config.streaming),
      answer: undefined,
    };
  const { status, headers, body, inStream } = result;
  quotas.heard((name) => headers.get(name), credential, target);
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
    judge(refusal, target.dialect);
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
