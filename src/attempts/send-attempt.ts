// One upstream call, from sending to the end of the answer or to the refusal.
import type { Clock } from "../contract/clock.ts";
import type { Dialect, UsageOption } from "../contract/dialect.ts";
import type { EndReason } from "../contract/end-reason.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { ReplyHeaders } from "../contract/transport.ts";
import { toClientHeaders } from "../http/headers.ts";
import { SentSecrets } from "../observe/sent-secrets.ts";
import type { Interruptible, RequestContext } from "../request/request-context.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { ErrorCode, RelayError } from "../shared/errors.ts";
import type { Delivery } from "../stream/delivery.ts";
import { Reply, type ReplyOptions, type ReplyResult } from "../stream/reply.ts";
import type { RequestTimers } from "../stream/request-timers.ts";
import type { Timeouts } from "../stream/upstream-timeouts.ts";
import { isRefusalText } from "./classify-attempt.ts";
import type { AttemptServices } from "./attempt-services.ts";
import type { Selection } from "./attempt-state.ts";
import { buildCall } from "./build-call.ts";
import type { RequestPlan } from "./request-plan.ts";

/** Sends status and headers of an upstream's answer to the client. */
export type CommitHead = (
  context: RequestContext,
  status: number,
  headers: HeaderList,
  isEventStream: boolean,
) => void;

export type SenderDeps = Pick<
  AttemptServices,
  | "config"
  | "clock"
  | "transport"
  | "acquirers"
  | "endpointFaults"
  | "quotas"
  | "ownHeaders"
  | "verdicts"
  | "reporter"
> & { commit: CommitHead };

/** Sends a request with the selected credential. Resolves when the answer has ended or was refused. */
export function sendAttempt(
  deps: SenderDeps,
  plan: RequestPlan,
  selection: Selection,
): Promise<ReplyResult> {
  plan.context.check();
  return new Promise((resolve) => new SentAttempt(deps, plan, selection, resolve).start());
}

/** What a reply needs of its request, and what follows from what it reports. One object for each open stream. */
class SentAttempt implements ReplyOptions, Interruptible {
  readonly dialect: Dialect;
  readonly delivery: Delivery;
  readonly timers: RequestTimers;
  readonly clock: Clock;
  readonly wantsStream: boolean;
  readonly expectsBody: boolean;
  readonly isHead: boolean;
  readonly timeouts: Timeouts;
  readonly eventSize: number;
  readonly usageOption: UsageOption | undefined;
  readonly #deps: SenderDeps;
  readonly #plan: RequestPlan;
  readonly #selection: Selection;
  readonly #settle: (result: ReplyResult) => void;
  readonly #reply: Reply;

  constructor(
    deps: SenderDeps,
    plan: RequestPlan,
    selection: Selection,
    settle: (result: ReplyResult) => void,
  ) {
    const { context, asked, target } = plan;
    this.dialect = target.dialect;
    this.delivery = context.delivery;
    this.timers = context.timers;
    this.clock = deps.clock;
    this.wantsStream = target.dialect.wantsStream(asked);
    this.expectsBody = target.model !== ANY_MODEL;
    this.isHead = asked.method === "HEAD";
    this.timeouts = deps.config.streaming;
    this.eventSize = deps.config.streaming.eventSize;
    this.usageOption = selection.usageOption;
    this.#deps = deps;
    this.#plan = plan;
    this.#selection = selection;
    this.#settle = settle;
    this.#reply = new Reply(this);
  }

  start(): void {
    const { transport, acquirers } = this.#deps;
    const call = buildCall(this.#plan, this.#selection);
    this.#reply.start(transport().send(call, this.#reply));
    acquirers?.recordUse(this.#selection.credential);
    this.#plan.context.waitsFor(this);
  }

  interrupt({ code }: RelayError): void {
    if (code === "ERR_RELAY_CLIENT_GONE") this.#reply.abandon();
    else this.#reply.cut(endOf(code), code);
  }

  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void {
    const { endpointFaults, quotas, ownHeaders, commit } = this.#deps;
    const { context, target } = this.#plan;
    const { credential, secret, circuitCall } = this.#selection;
    if (!isEventStream && isPage(headers)) endpointFaults.page(target, circuitCall.endpoint);
    quotas.readHeaders((name) => headers.get(name), credential, target);
    const sent = new SentSecrets(secret ?? "", target, context.sent);
    const passed = toClientHeaders(headers, target.responseFields, ownHeaders, sent);
    commit(context, status, passed, isEventStream);
  }

  redact(text: string): string {
    const { context, target } = this.#plan;
    const { secret } = this.#selection;
    return new SentSecrets(secret ?? "", target, context.sent).hide(text);
  }

  isRefusalText(text: string): boolean {
    const { target } = this.#plan;
    return target.auxiliary === undefined && isRefusalText(text, target);
  }

  onAnswer(): void {
    this.#selection.pending?.answered(this.clock.now());
  }

  onOpen(): void {
    const { verdicts, endpointFaults } = this.#deps;
    const { context, target } = this.#plan;
    const { credential, met, probe, circuitCall, sentAt } = this.#selection;
    context.timers.clear("deadline");
    context.forgetBody();
    circuitCall.answered(this.clock.now());
    const retried = met ? [met.key] : [];
    const also = [...retried, ...(probe?.keys ?? [])];
    verdicts.succeeded({ requestId: context.id, credential, target, sentAt, also });
    probe?.serve(this.clock.now());
    endpointFaults.well(target, circuitCall.endpoint, "served", sentAt);
  }

  onResult(result: ReplyResult): void {
    const { context } = this.#plan;
    context.waitsFor(undefined);
    const isWhole = result.kind === "ended" && result.end === "completed";
    if (result.kind === "ended" || result.kind === "left")
      context.noteUsage(this.#reply.readUsage(), isWhole);
    this.#settle(result);
  }

  onFault(error: unknown): void {
    const described = this.redact(describeFault(error));
    this.#deps.reporter.error(`an answer could not be passed on: ${described}`);
  }
}

function isPage(headers: ReplyHeaders): boolean {
  return headers.get("content-type")?.startsWith("text/html") ?? false;
}

function endOf(code: ErrorCode): EndReason {
  if (code === "ERR_RELAY_SHUTDOWN") return "shutdown";
  return code === "ERR_RELAY_STOPPED" ? "stopped" : "timeout";
}
