// A failed attempt: what it means, what follows from it, and what the request does next.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Verdict } from "../contract/verdict.ts";
import { needsVerification } from "../cooldowns/apply-verdict.ts";
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import type { Failure } from "../cooldowns/outcome.ts";
import type { NextStep } from "../observe/hooks.ts";
import { SentSecrets } from "../observe/sent-secrets.ts";
import { nextStep, type Step } from "../policies/retry-policy.ts";
import { REASONS } from "../shared/reasons.ts";
import { toWaitText } from "../shared/times.ts";
import { isSilence } from "../stream/reply-result.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import {
  type AttemptHistory,
  type AttemptState,
  historyOf,
  type Selection,
} from "./attempt-state.ts";
import type { Availability } from "./availability.ts";
import { classifyAttempt, type FailedResult, verificationLinkIn } from "./classify-attempt.ts";
import { hasFallback, isAboutTarget, isLeaving } from "./fallback-targets.ts";
import type { AttemptReporter } from "./report-attempt.ts";
import type { RequestPlan } from "./request-plan.ts";

type Deps = Pick<
  AttemptServices,
  | "config"
  | "clock"
  | "pools"
  | "tokens"
  | "quotas"
  | "circuits"
  | "verdicts"
  | "retryBudget"
  | "usageRequests"
  | "endpointFaults"
  | "reporter"
>;

/** The next step of a request. */
interface Decision {
  step: Step;
  /** Another credential is available at the same target now. */
  hasOther: boolean;
  /** A credential is available at a later target now. */
  hasNext: boolean;
  /** The request falls back to the next target, and does not return to this one. */
  isLeaving: boolean;
  /** The refused token is renewed, and the refusal not believed yet. */
  isRenewed: boolean;
}

const SAME: Step = { go: "same", delay: 0 };

/** Timeouts without the head of an answer. */
const ANSWERLESS: ReadonlySet<AttemptFault> = new Set<AttemptFault>(["connect-timeout", "timeout"]);

export class FailureHandler {
  readonly #deps: Deps;
  readonly #availability: Availability;
  readonly #reporter: AttemptReporter;

  constructor(deps: Deps, availability: Availability, reporter: AttemptReporter) {
    this.#deps = deps;
    this.#availability = availability;
    this.#reporter = reporter;
  }

  /** Classifies a failed attempt, applies its verdict and decides the next step. Throws if the request itself has ended. */
  handle(plan: RequestPlan, state: AttemptState, selection: Selection, result: FailedResult): Step {
    const { usageRequests, endpointFaults } = this.#deps;
    const { context, target } = plan;
    context.sent = new SentSecrets(selection.secret ?? "", target, context.sent);
    const last = (state.last = classifyAttempt(this.#deps, plan, selection, result));
    this.#log(plan, selection, last);
    // A deadline or a shutdown has ended the call: no part is at fault, and nothing follows.
    if (context.ended) this.#reporter.attempt(plan, selection, last, "end");
    context.check();
    const history = historyOf(state);
    const { circuitCall, sentAt } = selection;
    endpointFaults.failed(target, circuitCall.endpoint, last, sentAt, context.sent);
    this.#reportToCircuit(history, target, selection, last);
    if (usageRequests?.isRefusal(state, selection, last, target)) {
      state.retry = { credential: selection.credential, met: selection.met };
      this.#reporter.attempt(plan, selection, last, "same-credential");
      return SAME;
    }
    history.reasons.set(target, last.verdict.reason);
    const decision = this.#decide(plan, state, selection, last.verdict);
    this.#reporter.attempt(plan, selection, last, toNextStep(decision));
    this.#apply(plan, state, selection, last, decision);
    return decision.step;
  }

  /** Another credential has served the request: a key that was refused is wrong, however many of them there were (E6). */
  served({ denied }: AttemptHistory): void {
    if (denied.size < 2) return;
    for (const failure of denied.values())
      if (failure.verdict.reason === "UNAUTHENTICATED" && failure.verdict.disables)
        this.#deps.verdicts.apply(failure);
  }

  #log({ context }: RequestPlan, { credential }: Selection, { verdict }: LastAttempt): void {
    this.#deps.reporter.debug(
      () =>
        `request ${context.id}: attempt ${context.attempts} on ${credential} failed: ${verdict.reason} (${verdict.evidence})`,
    );
  }

  // Any answer shows that an endpoint works; only its own failures count against it, with whichever credential (F2).
  #reportToCircuit(
    { failedAt }: AttemptHistory,
    { upstream, endpoints, auxiliary }: Target,
    { circuitCall }: Selection,
    { verdict: { reason }, fault }: LastAttempt,
  ): void {
    const { clock, reporter, circuits } = this.#deps;
    const now = clock.now();
    if (!REASONS[reason].endpointFault) return circuitCall.answered(now);
    failedAt.add(circuitCall.endpoint);
    // A failing auxiliary operation does not show that models are out of reach.
    if (auxiliary !== undefined) return circuitCall.end();
    // An endpoint that has sent a head works; what follows late is this answer's.
    if (fault && isSilence(fault) && !ANSWERLESS.has(fault)) return circuitCall.answered(now);
    if (!circuitCall.failed(now)) return;
    const number = endpoints.indexOf(circuitCall.endpoint) + 1;
    const which = endpoints.length > 1 ? ` endpoint ${number} of` : "";
    const wait = toWaitText(circuits.openUntil(circuitCall.endpoint, now) - now, now);
    reporter.warn(
      `circuit open:${which} upstream ${upstream} failed several times in a row (${reason}); next attempt in ${wait}`,
    );
  }

  #decide(
    plan: RequestPlan,
    state: AttemptState,
    selection: Selection,
    verdict: Verdict,
  ): Decision {
    const { limits } = this.#deps.config;
    const { target } = plan;
    const { credential } = selection;
    const pool = poolOf(this.#deps, target);
    const wanted = this.#availability.wantedAt(plan, state, target);
    const excluded = [...wanted.excluded, credential];
    const hasOther = pool.hasAny({ ...wanted, excluded }, this.#deps.clock.now());
    const hasNext = hasFallback(this.#deps, this.#availability, plan, state, {
      credential,
      verdict,
    });
    const around = {
      hasOther: hasOther || hasNext,
      isOnly: !hasOther && !hasNext && pool.isOnly(credential, target),
      hasEndpoint: this.#availability.hasFreshEndpoint(state, target),
    };
    const isRenewed = this.#renew(historyOf(state), selection, verdict);
    const planned = nextStep(verdict, state.spent, around, limits);
    const step = this.#withoutOpenCircuit(target, isRenewed, planned);
    const leaves = hasNext && isLeaving(step, verdict, state.spent.attempts, limits.maxAttempts);
    return {
      step: this.#withinBudget(state, verdict, leaves ? { go: "other", delay: 0 } : step),
      hasOther,
      hasNext,
      isLeaving: leaves,
      isRenewed: isRenewed && step.go === "same",
    };
  }

  #withoutOpenCircuit(target: Target, isRenewed: boolean, planned: Step): Step {
    if (this.#availability.downUntil(target) > 0) return { go: "stop" };
    return isRenewed && planned.go !== "stop" ? SAME : planned;
  }

  /** A token that was refused is refreshed once for a request, which then tries the same credential again (E6). */
  #renew(
    { renewed }: AttemptHistory,
    { credential, secret }: Selection,
    verdict: Verdict,
  ): boolean {
    const { tokens } = this.#deps;
    const isForbidden = isBareForbidden(verdict);
    if (verdict.reason !== "UNAUTHENTICATED" && !isForbidden) return false;
    if (!tokens.isRenewable(credential)) return false;
    const isFirst = !renewed.has(credential);
    // A new token that is forbidden, too, was not the cause.
    if (isForbidden && !isFirst) return false;
    tokens.reject(credential, secret ?? "", !isFirst);
    renewed.add(credential);
    return isFirst;
  }

  // An outage must not be answered with more load: the retries of all requests together are limited (E14).
  #withinBudget(state: AttemptState, { reason }: Verdict, step: Step): Step {
    state.endRetry?.();
    state.endRetry = undefined;
    if (step.go === "stop" || !REASONS[reason].budgeted) return step;
    state.endRetry = this.#deps.retryBudget.take();
    return state.endRetry ? step : { go: "stop" };
  }

  #apply(
    plan: RequestPlan,
    state: AttemptState,
    selection: Selection,
    last: LastAttempt,
    { step, hasOther, isLeaving: leaves, isRenewed }: Decision,
  ): void {
    const { context, target } = plan;
    const { credential, sentAt } = selection;
    const { verdict } = last;
    const history = historyOf(state);
    const failure: Failure = {
      requestId: context.id,
      credential,
      target,
      verdict,
      sentAt,
      link: verificationLinkIn(last, context.sent),
      grace: step.go === "same" && step.isGrace ? step.delay : undefined,
    };
    // Capacity closes the model only when this request's attempts are spent (C12); every other reason closes at once (D7).
    const isWaiting =
      verdict.reason === "MODEL_CAPACITY_EXHAUSTED" && step.go !== "stop" && !leaves;
    const isDeferred = isRenewed && verdict.reason === "FORBIDDEN";
    const met = isWaiting || isDeferred ? undefined : this.#applyVerdict(history, failure);
    if (leaves) history.left.add(target);
    else if (step.go === "same" || (step.go === "any" && !hasOther))
      state.retry = { credential, met: met ?? selection.met };
    else exclude(plan, state, credential, verdict);
    if (met) history.cooled.add(credential);
  }

  // If several credentials are refused for one request, the request or the provider's login is the cause (E6, E7).
  #applyVerdict({ denied }: AttemptHistory, failure: Failure): Cooldown | undefined {
    const { verdicts, tokens } = this.#deps;
    const { credential, verdict } = failure;
    const isOwn =
      verdict.reason === "FORBIDDEN"
        ? !needsVerification(verdict)
        : verdict.reason === "UNAUTHENTICATED" && !tokens.isRenewable(credential);
    if (!isOwn || verdict.scope !== "credential") return verdicts.apply(failure);
    denied.set(credential, failure);
    if (denied.size === 1) return verdicts.apply(failure);
    verdicts.revertDenied([...denied.values()]);
    return undefined;
  }
}

/** A 403 that says neither that the account is closed nor what the owner must do. */
function isBareForbidden(verdict: Verdict): boolean {
  const { reason, scope, disables, hint } = verdict;
  if (reason !== "FORBIDDEN" || needsVerification(verdict)) return false;
  return scope === "credential" && !disables && hint === null;
}

// If there is only one target, a credential that failed is excluded for the whole request.
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

function toNextStep({ step, hasOther, hasNext, isLeaving: leaves }: Decision): NextStep {
  if (leaves || (step.go === "other" && !hasOther && hasNext)) return "other-target";
  if (step.go === "stop") return "end";
  if (step.go === "same" || (step.go === "any" && !hasOther)) return "same-credential";
  return "other-credential";
}
