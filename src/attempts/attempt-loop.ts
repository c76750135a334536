// The loop of one request: select a credential, authenticate, send, handle the failure, wait; until one answer is good or nothing more can help.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Clock } from "../contract/clock.ts";
import type { RequestOutcome } from "../request/request-context.ts";
import { RelayError } from "../shared/errors.ts";
import type { ReplyResult } from "../stream/reply.ts";
import { FailureHandler } from "./after-failure.ts";
import type { AttemptServices } from "./attempt-services.ts";
import {
  type AttemptState,
  createAttemptState,
  leaveQueue,
  type Selection,
} from "./attempt-state.ts";
import { Authenticator } from "./authenticate.ts";
import { Availability } from "./availability.ts";
import { FinalErrors } from "./final-error.ts";
import { AttemptReporter } from "./report-attempt.ts";
import type { RequestPlan } from "./request-plan.ts";
import { CredentialSelector } from "./select-credential.ts";
import { type CommitHead, sendAttempt, type SenderDeps } from "./send-attempt.ts";
import { CredentialWaiter } from "./wait-for-credential.ts";

/** How the attempts of a request ended: the client has its answer, or an error is to be sent. */
export type AttemptsResult =
  | { kind: "ended"; outcome: RequestOutcome }
  | { kind: "failed"; error: RelayError; last: LastAttempt | undefined };

/** What follows from one attempt: the result of the request, or a pause before the next attempt, in ms. */
type Followup = AttemptsResult | { delay: number };

/** The attempt loop of a relay. Its steps are created once; each request brings its plan and its state. */
export class AttemptLoop {
  readonly #services: AttemptServices;
  readonly #clock: Clock;
  readonly #senderDeps: SenderDeps;
  readonly #reporter: AttemptReporter;
  readonly #selector: CredentialSelector;
  readonly #authenticator: Authenticator;
  readonly #failures: FailureHandler;
  readonly #errors: FinalErrors;
  readonly #waiter: CredentialWaiter;

  /** `commit` sends the head of an upstream's answer to the client. */
  constructor(services: AttemptServices, commit: CommitHead) {
    const availability = new Availability(services);
    this.#services = services;
    this.#clock = services.clock;
    this.#senderDeps = { ...services, commit };
    this.#reporter = new AttemptReporter(services);
    this.#selector = new CredentialSelector(services, availability, this.#reporter);
    this.#authenticator = new Authenticator(services, this.#selector);
    this.#failures = new FailureHandler(services, availability, this.#reporter);
    this.#errors = new FinalErrors(services, availability);
    this.#waiter = new CredentialWaiter(services, availability, this.#errors);
  }

  /** Attempts a request until the client has its answer, or nothing more can help. Throws if the request itself has ended. */
  async run(plan: RequestPlan): Promise<AttemptsResult> {
    const { config, retryBudget } = this.#services;
    const state = createAttemptState(config.limits.maxWait);
    retryBudget.enter();
    try {
      for (;;) {
        plan.context.check();
        const selection = this.#selector.select(plan, state);
        if (!selection) {
          const error = await this.#waiter.wait(plan, state);
          if (error) return { kind: "failed", error, last: state.last };
          continue;
        }
        if (
          selection.secret === undefined &&
          !(await this.#authenticator.authenticate(plan, state, selection))
        )
          continue;
        let followup: Followup;
        try {
          let result: ReplyResult;
          try {
            result = await this.#send(plan, state, selection);
          } finally {
            this.#selector.releaseSlot(plan, selection);
          }
          followup = this.#follow(plan, state, selection, result);
        } finally {
          selection.probe?.end(this.#clock.now());
          selection.circuitCall.end();
          selection.pending?.end();
        }
        if ("kind" in followup) return followup;
        if (followup.delay > 0) await plan.context.sleep(this.#clock.now() + followup.delay);
      }
    } finally {
      state.endRetry?.();
      leaveQueue(state);
      retryBudget.leave();
    }
  }

  #send(plan: RequestPlan, state: AttemptState, selection: Selection): Promise<ReplyResult> {
    const { usageRequests } = this.#services;
    selection.sentAt = this.#clock.now();
    selection.usageOption = usageRequests?.optionFor(plan, state, selection.circuitCall.endpoint);
    state.spent.attempts++;
    plan.context.attempts++;
    return sendAttempt(this.#senderDeps, plan, selection);
  }

  #follow(
    plan: RequestPlan,
    state: AttemptState,
    selection: Selection,
    result: ReplyResult,
  ): Followup {
    const { context, target } = plan;
    if (result.kind === "left") throw context.ended ?? new RelayError("ERR_RELAY_CLIENT_GONE");
    if (result.kind === "ended") {
      const { status } = context.delivery;
      this.#services.usageRequests?.served(state, selection, target);
      if (state.history) this.#failures.served(state.history);
      this.#reporter.attempt(plan, selection, { status, verdict: undefined }, "end");
      this.#reporter.end(plan, selection, result);
      return { kind: "ended", outcome: { reason: result.end, error: result.error } };
    }
    if (result.kind === "failed" && result.fault === "permission")
      throw this.#errors.notPermitted(plan, result.code);
    const step = this.#failures.handle(plan, state, selection, result);
    return step.go === "stop"
      ? { kind: "failed", error: this.#errors.final(plan, state), last: state.last }
      : step;
  }
}
