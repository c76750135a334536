// Selects a credential and takes its slot; the attempt is sent in the same turn.
import type { Credential } from "../contract/credential.ts";
import type { Blocked } from "../pool/selection.ts";
import { isAIDialect } from "../shared/ai-dialect.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import {
  type AttemptState,
  leaveQueue,
  type RetryTarget,
  type Selection,
} from "./attempt-state.ts";
import type { Availability } from "./availability.ts";
import type { AttemptReporter } from "./report-attempt.ts";
import type { RequestPlan } from "./request-plan.ts";

type Deps = Pick<
  AttemptServices,
  "pools" | "circuits" | "pendingAnswers" | "tokens" | "acquirers" | "queue" | "clock"
>;

export class CredentialSelector {
  readonly #deps: Deps;
  readonly #availability: Availability;
  readonly #reporter: AttemptReporter;

  constructor(deps: Deps, availability: Availability, reporter: AttemptReporter) {
    this.#deps = deps;
    this.#availability = availability;
    this.#reporter = reporter;
  }

  /** Takes a slot of a credential; `undefined` if none is available. What is taken must be given to `release`, or its parts be ended. */
  select(plan: RequestPlan, state: AttemptState): Selection | undefined {
    const { circuits, pendingAnswers, tokens, clock } = this.#deps;
    const { retry } = state;
    state.retry = undefined;
    const same = retry && this.#retake(plan, state, retry);
    const chosen = same ?? this.#chooseAmongTargets(plan, state);
    if (!chosen) return undefined;
    leaveQueue(state);
    this.#reporter.rotation(plan, state, chosen.id);
    plan.context.credential = { id: chosen.id, label: chosen.label };
    const now = clock.now();
    const probe = poolOf(this.#deps, plan.target).beginProbe(chosen.id, plan.target, now);
    // Targets without an endpoint were left out in this same turn.
    const endpoint = this.#availability.nextEndpoint(state, plan.target)!;
    const { dialect } = plan.target;
    return {
      credential: chosen.id,
      met: same ? retry?.met : undefined,
      probe,
      circuitCall: circuits.enter(endpoint, now),
      pending: isAIDialect(dialect)
        ? pendingAnswers.enter(endpoint, dialect.wantsStream(plan.asked), now)
        : undefined,
      sentAt: now,
      secret: tokens.getCached(chosen.id),
      usageOption: undefined,
    };
  }

  /** Releases a selection that was not sent. */
  release(plan: RequestPlan, selection: Selection, now: number): void {
    selection.probe?.end(now);
    selection.circuitCall.end();
    selection.pending?.end();
    this.releaseSlot(plan, selection);
  }

  /** Releases the slot of a credential, and wakes the next request in the queue. */
  releaseSlot({ target }: RequestPlan, { credential }: Selection): void {
    poolOf(this.#deps, target).release(credential);
    this.#deps.queue.wakeOne(target.upstream);
  }

  #retake(
    plan: RequestPlan,
    state: AttemptState,
    { credential, met }: RetryTarget,
  ): Credential | undefined {
    const { target } = plan;
    if (!this.#availability.nextEndpoint(state, target)) return undefined;
    const now = this.#deps.clock.now();
    const taken = poolOf(this.#deps, target).retake(credential, target, met?.openedAt, now);
    if (taken) {
      const wanted = this.#availability.wantedAt(plan, state, target);
      this.#reporter.retry(plan, state, wanted, taken.id);
    }
    return taken;
  }

  /** The first target with an available credential. A target whose credentials are only busy is waited for. */
  #chooseAmongTargets(plan: RequestPlan, state: AttemptState): Credential | undefined {
    const { acquirers, clock } = this.#deps;
    const now = clock.now();
    for (const target of this.#availability.reachableTargets(plan, state)) {
      const pool = poolOf(this.#deps, target);
      const wanted = this.#availability.wantedAt(plan, state, target);
      // Before a credential is taken: afterwards the next one would be shown.
      this.#reporter.route(plan, state, wanted);
      const chosen = pool.take(wanted, now);
      acquirers?.requestToken(target, chosen?.tier ?? Infinity);
      if (chosen) plan.target = target;
      if (chosen || (plan.targets.length > 1 && isWorthWaiting(pool.blocked(wanted, now))))
        return chosen;
    }
    return undefined;
  }
}

// A slot that is released, or the session's own credential, is better than another model.
function isWorthWaiting({ why }: Blocked): boolean {
  return why === "busy" || why === "held";
}
