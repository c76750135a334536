// One upstream call, from sending to the end of the answer.
import type { Clock } from "../contract/clock.ts";
import type { Dialect, UsageOption } from "../contract/dialect.ts";
import type { EndReason } from "../contract/end-reason.ts";
import type { Outgoing, ReplyHeaders } from "../contract/transport.ts";
import type { Target } from "../contract/target.ts";
import type { Verdict } from "../contract/verdict.ts";
import type { ErrorCode, RelayError } from "../shared/errors.ts";
import type { Interruptible } from "../request/request-context.ts";
import type { Services } from "../wiring/create-services.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { ReadRequest } from "../http/read-request.ts";
import { setInBody } from "../shared/json-bytes.ts";
import { renameInBody, renameInPath } from "../routing/rename-model.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { toClientHeaders, toOutgoingHeaders } from "../http/headers.ts";
import { withoutParameters } from "../http/path.ts";
import type { Delivery } from "../stream/delivery.ts";
import { Reply, type ReplyOptions, type ReplyResult } from "../stream/reply.ts";
import type { RequestTimers } from "../stream/request-timers.ts";
import type { Timeouts } from "../stream/upstream-timeouts.ts";
import type { RequestPlan, Selection } from "./attempt-state.ts";

/** One upstream call, from sending to the end of the answer or to the refusal. */
export function sendAttempt(
  rooms: Services,
  plan: RequestPlan,
  selection: Selection,
): Promise<ReplyResult> {
  plan.context.check();
  return new Promise((resolve) => new Sending(rooms, plan, selection, resolve).start());
}

/** What a reply is to know of its request, and what follows from what it says. */
class Sending implements ReplyOptions, Interruptible {
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
  readonly #rooms: Services;
  readonly #errand: RequestPlan;
  readonly #taken: Selection;
  readonly #settle: (result: ReplyResult) => void;
  readonly #reply: Reply;

  constructor(
    rooms: Services,
    plan: RequestPlan,
    selection: Selection,
    settle: (result: ReplyResult) => void,
  ) {
    const { context, asked, target } = plan;
    this.dialect = target.dialect;
    this.delivery = context.delivery;
    this.timers = context.timers;
    this.clock = rooms.clock;
    this.wantsStream = target.dialect.wantsStream(asked);
    this.expectsBody = target.model !== ANY_MODEL;
    this.isHead = asked.method === "HEAD";
    this.timeouts = rooms.config.streaming;
    this.eventSize = rooms.config.streaming.eventSize;
    this.usageOption = selection.usageOption;
    this.#rooms = rooms;
    this.#errand = plan;
    this.#taken = selection;
    this.#settle = settle;
    this.#reply = new Reply(this);
  }

  start(): void {
    const { credential } = this.#taken;
    const outgoing = toOutgoing(this.#errand, this.#taken);
    this.#reply.start(this.#rooms.transport().send(outgoing, this.#reply));
    this.#rooms.acquirers?.recordUse(credential);
    this.#errand.context.waitsFor(this);
  }

  interrupt({ code }: RelayError): void {
    if (code === "ERR_RELAY_CLIENT_GONE") this.#reply.abandon();
    else this.#reply.cut(endOf(code), code);
  }

  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void {
    const { faults, quotas, ownHeaders } = this.#rooms;
    const { context, target, commit } = this.#errand;
    const { credential, secret, circuitCall } = this.#taken;
    if (!isEventStream && isPage(headers)) faults.page(target, circuitCall.endpoint);
    quotas.readHeaders((name) => headers.get(name), credential, target);
    commit(context, status, toClientHeaders(headers, ownHeaders, secret), isEventStream);
  }

  onOpen(): void {
    const { context, target } = this.#errand;
    const { credential, met, probe, circuitCall, sentAt } = this.#taken;
    context.timers.clear("deadline");
    context.forgetBody();
    circuitCall.answered(this.clock.now());
    const retried = met ? [met.key] : [];
    const also = [...retried, ...(probe?.keys ?? [])];
    const { consequences } = this.#rooms;
    consequences.succeeded({ requestId: context.id, credential, target, sentAt, also });
    this.#rooms.faults.well(target, circuitCall.endpoint, "served", sentAt);
  }

  onResult(result: ReplyResult): void {
    const { context } = this.#errand;
    context.waitsFor(undefined);
    const isWhole = result.kind === "ended" && result.end === "completed";
    if (result.kind === "ended" || result.kind === "left")
      context.noteUsage(this.#reply.readUsage(), isWhole);
    this.#settle(result);
  }

  onFault(error: unknown): void {
    this.#rooms.reporter.error(`an answer could not be passed on: ${describeFault(error)}`);
  }
}

function isPage(headers: ReplyHeaders): boolean {
  return headers.get("content-type")?.startsWith("text/html") ?? false;
}

function endOf(code: ErrorCode): EndReason {
  if (code === "ERR_RELAY_SHUTDOWN") return "shutdown";
  return code === "ERR_RELAY_STOPPED" ? "stopped" : "timeout";
}

function toOutgoing(
  { context, asked, target }: RequestPlan,
  { circuitCall, secret, usageOption }: Selection,
): Outgoing {
  const { dialect } = target;
  const { origin, basePath } = circuitCall.endpoint;
  const query = withoutParameters(asked.query, dialect.secretParameters);
  const headers = toOutgoingHeaders(context.call, target, dialect.credentialHeader(secret!));
  const { path, body: named } = renamed(asked, target);
  const body = named && usageOption ? withUsage(named, usageOption) : named;
  return { method: asked.method, origin, path: basePath + path + query || "/", headers, body };
}

function withUsage(body: Uint8Array, { path }: UsageOption): Uint8Array {
  return setInBody(body, path, "true") ?? body;
}

// Another model, or a name without its pool: in the body, and in the path where it stands there.
function renamed(
  asked: ReadRequest,
  { model, replaces }: Target,
): Pick<ReadRequest, "path" | "body"> {
  const { path, body } = asked;
  if (replaces === undefined || replaces === model) return asked;
  return {
    path: renameInPath(path, replaces, model) ?? path,
    body: body && asked.json !== undefined ? (renameInBody(body, model) ?? body) : body,
  };
}

/** Tells hooks and counters how one attempt came out; without a verdict its answer has reached the client. */
export function reportAttempt(
  { hooks, state, clock }: Services,
  { context, target }: RequestPlan,
  { credential, sentAt }: { credential: string; sentAt: number },
  { status, verdict }: { status: number | undefined; verdict: Verdict | undefined },
): void {
  state.count(credential, verdict !== undefined);
  if (!hooks.has("attempt")) return;
  const { upstream, model } = target;
  const duration = clock.now() - sentAt;
  hooks.emit("attempt", {
    requestId: context.id,
    attempt: context.attempts,
    credential,
    upstream,
    model,
    status,
    verdict,
    duration,
  });
}
