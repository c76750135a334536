// What hooks, counters and the log hear of one attempt.
import type { RouteDecision } from "../contract/route-decision.ts";
import type { Verdict } from "../contract/verdict.ts";
import type { NextStep } from "../observe/hooks.ts";
import { toRouteDecision } from "../routing/explain-route.ts";
import type { ReplyResult } from "../stream/reply.ts";
import type { AttemptServices } from "./attempt-services.ts";
import type { AttemptState, Selection } from "./attempt-state.ts";
import type { WantedTarget } from "./availability.ts";
import type { RequestPlan } from "./request-plan.ts";

type Deps = Pick<
  AttemptServices,
  | "config"
  | "pools"
  | "circuits"
  | "pendingAnswers"
  | "hooks"
  | "counters"
  | "clock"
  | "endpointFaults"
>;

export class AttemptReporter {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Reports how an attempt ended. Without a verdict its answer has reached the client. `next`: what the request does now. */
  attempt(
    { context, target }: RequestPlan,
    { credential, sentAt }: { credential: string; sentAt: number },
    { status, verdict }: { status: number | undefined; verdict: Verdict | undefined },
    next: NextStep,
  ): void {
    const { hooks, counters, clock } = this.#deps;
    counters.count(credential, verdict !== undefined);
    if (!hooks.has("attempt")) return;
    const { upstream, model } = target;
    hooks.emit("attempt", {
      requestId: context.id,
      attempt: context.attempts,
      credential,
      upstream,
      model,
      status,
      verdict,
      next,
      duration: clock.now() - sentAt,
    });
  }

  /** Reports what the end of an answer shows of its endpoint. */
  end(
    { target }: RequestPlan,
    { circuitCall: { endpoint }, sentAt }: Selection,
    { end, error }: Extract<ReplyResult, { kind: "ended" }>,
  ): void {
    const { endpointFaults } = this.#deps;
    if (error) endpointFaults.brokeOff(target, endpoint, error);
    else if (end === "completed") endpointFaults.well(target, endpoint, "completed", sentAt);
  }

  /** Reports where the request would go, before a credential is taken. */
  route({ context }: RequestPlan, state: AttemptState, wanted: WantedTarget): void {
    if (this.#deps.hooks.has("route"))
      this.#emitRoute(context.id, state, toRouteDecision(this.#deps, wanted));
  }

  /** Reports that the request uses the same credential once more. */
  retry(
    { context }: RequestPlan,
    state: AttemptState,
    wanted: WantedTarget,
    credential: string,
  ): void {
    if (!this.#deps.hooks.has("route")) return;
    const decision = toRouteDecision(this.#deps, wanted);
    this.#emitRoute(context.id, state, { ...decision, chosen: { credential, by: "again" } });
  }

  /** Reports that the request goes on with another credential than before. */
  rotation({ context }: RequestPlan, state: AttemptState, to: string): void {
    const { lastCredential: from, last } = state;
    state.lastCredential = to;
    if (!last || from === undefined || from === to) return;
    const { reason } = last.verdict;
    this.#deps.hooks.emit("rotation", { requestId: context.id, from, to, reason });
  }

  #emitRoute(requestId: string, { spent }: AttemptState, decision: RouteDecision): void {
    this.#deps.hooks.emit("route", { requestId, attempt: spent.attempts + 1, decision });
  }
}
