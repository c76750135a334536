// One upstream call, from sending to the end of the answer.
import type { Clock } from "../contract/clock.ts";
import type { Dialect, UsageOption } from "../contract/dialect.ts";
import type { EndReason } from "../contract/end.ts";
import type { Outgoing, ReplyHeaders } from "../contract/transport.ts";
import type { Target } from "../contract/target.ts";
import type { Verdict } from "../contract/verdict.ts";
import type { ErrorCode, RelayError } from "../errors.ts";
import type { Interruptible } from "../life.ts";
import type { Rooms } from "../rooms.ts";
import { describeFault } from "../observe/fault.ts";
import type { ReadRequest } from "../request/read.ts";
import { setInBody } from "../request/json-bytes.ts";
import { renameInBody, renameInPath } from "../request/rename.ts";
import { ANY_MODEL } from "../request/targets.ts";
import { toClientHeaders, toOutgoingHeaders } from "../request/headers.ts";
import { withoutParameters } from "../request/path.ts";
import type { Delivery } from "../stream/delivery.ts";
import { Reply, type ReplyOptions, type ReplyResult } from "../stream/reply.ts";
import type { Timers } from "../stream/timers.ts";
import type { Timeouts } from "../stream/watch.ts";
import type { Errand, Taken } from "./standing.ts";

/** One upstream call, from sending to the end of the answer or to the refusal. */
export function send(rooms: Rooms, errand: Errand, taken: Taken): Promise<ReplyResult> {
  errand.life.check();
  return new Promise((resolve) => new Sending(rooms, errand, taken, resolve).start());
}

/** What a reply is to know of its request, and what follows from what it says. */
class Sending implements ReplyOptions, Interruptible {
  readonly dialect: Dialect;
  readonly delivery: Delivery;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly wantsStream: boolean;
  readonly expectsBody: boolean;
  readonly isHead: boolean;
  readonly timeouts: Timeouts;
  readonly eventSize: number;
  readonly usageOption: UsageOption | undefined;
  readonly #rooms: Rooms;
  readonly #errand: Errand;
  readonly #taken: Taken;
  readonly #settle: (result: ReplyResult) => void;
  readonly #reply: Reply;

  constructor(rooms: Rooms, errand: Errand, taken: Taken, settle: (result: ReplyResult) => void) {
    const { life, asked, target } = errand;
    this.dialect = target.dialect;
    this.delivery = life.delivery;
    this.timers = life.timers;
    this.clock = rooms.clock;
    this.wantsStream = target.dialect.wantsStream(asked);
    this.expectsBody = target.model !== ANY_MODEL;
    this.isHead = asked.method === "HEAD";
    this.timeouts = rooms.config.streaming;
    this.eventSize = rooms.config.streaming.eventSize;
    this.usageOption = taken.usageOption;
    this.#rooms = rooms;
    this.#errand = errand;
    this.#taken = taken;
    this.#settle = settle;
    this.#reply = new Reply(this);
  }

  start(): void {
    const { credential } = this.#taken;
    const outgoing = toOutgoing(this.#errand, this.#taken);
    this.#reply.start(this.#rooms.transport().send(outgoing, this.#reply));
    this.#rooms.acquirers?.sent(credential);
    this.#errand.life.waitsFor(this);
  }

  interrupt({ code }: RelayError): void {
    if (code === "ERR_RELAY_CLIENT_GONE") this.#reply.abandon();
    else this.#reply.cut(endOf(code), code);
  }

  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void {
    const { faults, quotas, ownHeaders } = this.#rooms;
    const { life, target, commit } = this.#errand;
    const { credential, secret, passage } = this.#taken;
    if (!isEventStream && isPage(headers)) faults.page(target, passage.endpoint);
    quotas.heard((name) => headers.get(name), credential, target);
    commit(life, status, toClientHeaders(headers, ownHeaders, secret), isEventStream);
  }

  onOpen(): void {
    const { life, target } = this.#errand;
    const { credential, met, trial, passage, sentAt } = this.#taken;
    life.timers.clear("deadline");
    life.forgetBody();
    passage.answered(this.clock.now());
    const retried = met ? [met.key] : [];
    const also = [...retried, ...(trial?.keys ?? [])];
    const { consequences } = this.#rooms;
    consequences.succeeded({ requestId: life.id, credential, target, sentAt, also });
    this.#rooms.faults.well(target, passage.endpoint, "served", sentAt);
  }

  onResult(result: ReplyResult): void {
    const { life } = this.#errand;
    life.waitsFor(undefined);
    const isWhole = result.kind === "ended" && result.end === "completed";
    if (result.kind === "ended" || result.kind === "left")
      life.noteUsage(this.#reply.readUsage(), isWhole);
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
  { life, asked, target }: Errand,
  { passage, secret, usageOption }: Taken,
): Outgoing {
  const { dialect } = target;
  const { origin, basePath } = passage.endpoint;
  const query = withoutParameters(asked.query, dialect.secretParameters);
  const headers = toOutgoingHeaders(life.call, target, dialect.credentialHeader(secret!));
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
export function tellAttempt(
  { hooks, state, clock }: Rooms,
  { life, target }: Errand,
  { credential, sentAt }: { credential: string; sentAt: number },
  { status, verdict }: { status: number | undefined; verdict: Verdict | undefined },
): void {
  state.count(credential, verdict !== undefined);
  if (!hooks.has("attempt")) return;
  const { upstream, model } = target;
  const duration = clock.now() - sentAt;
  hooks.emit("attempt", {
    requestId: life.id,
    attempt: life.attempts,
    credential,
    upstream,
    model,
    status,
    verdict,
    duration,
  });
}
