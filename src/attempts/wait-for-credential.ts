// No credential is available now: waits if waiting can help, otherwise returns the final error.
import type { Target } from "../contract/target.ts";
import type { RelayError } from "../shared/errors.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import type { AttemptState } from "./attempt-state.ts";
import type { Availability, Unavailability } from "./availability.ts";
import type { FinalErrors } from "./final-error.ts";
import type { RequestPlan } from "./request-plan.ts";

type Deps = Pick<AttemptServices, "config" | "pools" | "queue" | "clock">;

/** What ends by itself: a full concurrency limit, a probe, a token that is being created, a cooldown. */
const WAITABLE: ReadonlySet<Unavailability["why"]> = new Set<Unavailability["why"]>([
  "acquiring",
  "busy",
  "trial",
  "cooling",
  "protected",
  "held",
]);

export class CredentialWaiter {
  readonly #deps: Deps;
  readonly #availability: Availability;
  readonly #errors: FinalErrors;

  constructor(deps: Deps, availability: Availability, errors: FinalErrors) {
    this.#deps = deps;
    this.#availability = availability;
    this.#errors = errors;
  }

  /** Waits until a credential may be available. Returns the error of the request instead if waiting cannot help. */
  async wait(plan: RequestPlan, state: AttemptState): Promise<RelayError | undefined> {
    const { clock, config } = this.#deps;
    const startedAt = clock.now();
    if (this.#availability.reachableTargets(plan, state).length === 0)
      return this.#errors.down(plan, state);
    const { target, unavailability } = this.#firstToOpen(plan, state);
    const { why, until } = unavailability;
    if (why === "empty" || why === "spent" || state.spent.attempts >= config.limits.maxAttempts)
      return this.#errors.final(plan, state);
    // The wait for a session's own credential has a limit of its own (A5).
    const remaining = why === "held" ? Infinity : state.remainingWait;
    if ((why === "cooling" || why === "protected") && until - startedAt > remaining)
      return this.#errors.limited(plan, state, target, unavailability);
    if (remaining <= 0) return this.#errors.outOfWait(target, unavailability);
    await this.#sleep(plan, state, target, Math.min(until, startedAt + remaining));
    const now = clock.now();
    if (why !== "held") state.remainingWait -= now - startedAt;
    this.#readmit(state, target, now);
    return undefined;
  }

  /** The target to wait for: the first where a slot is released, otherwise the one whose first key opens first. */
  #firstToOpen(
    plan: RequestPlan,
    state: AttemptState,
  ): { target: Target; unavailability: Unavailability } {
    const now = this.#deps.clock.now();
    const targets = this.#availability.reachableTargets(plan, state).map((target) => {
      const wanted = this.#availability.wantedAt(plan, state, target);
      return { target, unavailability: this.#availability.whyUnavailable(wanted, now) };
    });
    const waitable = targets.filter(({ unavailability: { why } }) => WAITABLE.has(why));
    const soon = waitable.find(
      ({ unavailability: { why } }) => why !== "cooling" && why !== "protected",
    );
    if (soon) return soon;
    const byTime = waitable.toSorted((a, b) => a.unavailability.until - b.unavailability.until);
    return byTime[0] ?? targets[0]!;
  }

  /** Sleeps in the queue of a target. The entry stays until a credential is taken, or the request ends. */
  #sleep(plan: RequestPlan, state: AttemptState, target: Target, until: number): Promise<void> {
    const { queue, clock } = this.#deps;
    const pool = poolOf(this.#deps, target);
    const canGo = (): boolean =>
      pool.hasAny(this.#availability.wantedAt(plan, state, target), clock.now());
    if (state.queuedFor !== target) state.queueEntry?.leave();
    const isQueued = state.queueEntry && state.queuedFor === target;
    const entry = isQueued ? state.queueEntry! : queue.enter(target.upstream, canGo);
    state.queueEntry = entry;
    state.queuedFor = target;
    return plan.context.sleep(until, (wake) => entry.park(wake));
  }

  /** Excluded credentials whose cooldown has ended may be selected again (E2). */
  #readmit(state: AttemptState, target: Target, now: number): void {
    const isExcluded = (id: string, at: Target): boolean =>
      !state.history?.cooled.has(id) || !poolOf(this.#deps, at).isOpen(id, at, now);
    state.excluded = state.excluded.filter((id) => isExcluded(id, target));
    for (const [at, ids] of state.history?.excludedAt ?? [])
      state.history!.excludedAt.set(
        at,
        ids.filter((id) => isExcluded(id, at)),
      );
  }
}
