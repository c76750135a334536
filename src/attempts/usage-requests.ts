// Asks upstreams for token counts that their streams report on request only; stops asking an upstream that refuses the field (I17).
import type { Clock } from "../contract/clock.ts";
import type { UsageOption } from "../contract/dialect.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { AttemptState, Selection } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";
import { REASONS } from "../shared/reasons.ts";
import { toWaitText } from "../shared/times.ts";
import { historyOf } from "./attempt-state.ts";

/** An endpoint that has refused the field is not asked again for this time, in ms. */
const REFUSED_FOR = 3_600_000;
/** Statuses of a wrong request: the body may say which field is wrong, or nothing may. */
const BAD_REQUEST: readonly number[] = [400, 422];

/** Which endpoints accept the field; there are as many as are configured. */
export class UsageRequests {
  readonly #clock: Clock;
  readonly #reporter: Pick<Reporter, "warn">;
  readonly #maxAttempts: number;
  /** Endpoints that have answered a request with the field in it. */
  readonly #accepting = new Set<Endpoint>();
  /** Until when an endpoint is not asked, UTC epoch ms. */
  readonly #refusedUntil = new Map<Endpoint, number>();

  constructor(clock: Clock, reporter: Pick<Reporter, "warn">, maxAttempts: number) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#maxAttempts = maxAttempts;
  }

  /** What to add to a request before its next attempt; `undefined` for nothing. */
  optionFor(
    { asked, target }: RequestPlan,
    { spent, history }: AttemptState,
    endpoint: Endpoint,
  ): UsageOption | undefined {
    const option = target.dialect.usageOption;
    if (!option || history?.usageRefusedBy || !option.isMissing(asked)) return undefined;
    if ((this.#refusedUntil.get(endpoint) ?? 0) > this.#clock.now()) return undefined;
    // The field must not make a request fail: an unknown endpoint is asked only if an attempt is left to go without it.
    const hasAnother = spent.attempts + 1 < this.#maxAttempts;
    return hasAnother || this.#accepting.has(endpoint) ? option : undefined;
  }

  /**
   * True if an attempt was, or may have been, refused for the field that the relay has added. The request then goes once more
   * without it; `served` shows whether the field was the cause, unless the answer names it.
   */
  isRefusal(
    state: AttemptState,
    { usageOption, circuitCall }: Selection,
    last: LastAttempt,
    target: Target,
  ): boolean {
    const { answer, verdict } = last;
    if (!usageOption || !answer || !REASONS[verdict.reason].unknownField) return false;
    if (state.spent.attempts >= this.#maxAttempts) return false;
    const { endpoint } = circuitCall;
    const body = new TextDecoder().decode(answer.body);
    const isNamed = usageOption.path.some((name) => body.includes(name));
    const isInDoubt = BAD_REQUEST.includes(answer.status) && !this.#accepting.has(endpoint);
    if (!isNamed && !isInDoubt) return false;
    historyOf(state).usageRefusedBy = endpoint;
    if (isNamed) this.#refused(endpoint, target, usageOption);
    return true;
  }

  /** Applies that an attempt has been answered. */
  served(
    { history }: AttemptState,
    { usageOption, circuitCall: { endpoint } }: Selection,
    target: Target,
  ): void {
    if (usageOption) return void this.#accepting.add(endpoint);
    const option = target.dialect.usageOption;
    if (option && history?.usageRefusedBy === endpoint) this.#refused(endpoint, target, option);
  }

  #refused(endpoint: Endpoint, { upstream }: Target, { path }: UsageOption): void {
    const now = this.#clock.now();
    if ((this.#refusedUntil.get(endpoint) ?? 0) > now) return;
    this.#accepting.delete(endpoint);
    this.#refusedUntil.set(endpoint, now + REFUSED_FOR);
    this.#reporter.warn(
      `upstream ${upstream} refuses ${path.join(".")} in requests: its streams report no token counts, and the relay does not ask for them for ${toWaitText(REFUSED_FOR, now)}`,
    );
  }
}
