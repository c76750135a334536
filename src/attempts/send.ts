// One upstream call, from sending to the end of the answer.
import type { EndReason } from "../contract/end.ts";
import type { Outgoing } from "../contract/transport.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import type { Verdict } from "../contract/verdict.ts";
import type { ErrorCode } from "../errors.ts";
import type { Rooms } from "../rooms.ts";
import { describeFault } from "../observe/fault.ts";
import type { ReadRequest } from "../request/read.ts";
import { renameInBody, renameInPath } from "../request/rename.ts";
import { ANY_MODEL } from "../request/targets.ts";
import { toClientHeaders, toOutgoingHeaders } from "../request/headers.ts";
import { withoutParameters } from "../request/path.ts";
import { Reply, type ReplyResult } from "../stream/reply.ts";
import type { Errand, Taken } from "./standing.ts";

/** One upstream call, from sending to the end of the answer or to the refusal. */
export function send(rooms: Rooms, errand: Errand, taken: Taken): Promise<ReplyResult> {
  const { credential, met, trial, passage, sentAt } = taken;
  const secret = taken.secret!;
  const { config, clock, consequences, ownHeaders, reporter } = rooms;
  const { life, asked, target } = errand;
  const { connectTimeout, firstByteTimeout, idleTimeout, eventSize } = config.streaming;
  return life.guarded<ReplyResult>((settle) => {
    const reply: Reply = new Reply({
      dialect: target.dialect,
      delivery: life.delivery,
      timers: life.timers,
      clock,
      wantsStream: target.dialect.wantsStream(asked),
      expectsBody: target.model !== ANY_MODEL,
      isHead: asked.method === "HEAD",
      timeouts: { connect: connectTimeout, firstByte: firstByteTimeout, idle: idleTimeout },
      eventSize,
      commit(status, headers, isEventStream) {
        rooms.quotas.heard((name) => headers.get(name), credential, target);
        errand.commit(status, toClientHeaders(headers, ownHeaders, secret), isEventStream);
      },
      onOpen() {
        life.timers.clear("deadline");
        life.forgetBody();
        passage.answered(clock.now());
        const retried = met ? [met.key] : [];
        const also = [...retried, ...(trial?.keys ?? [])];
        consequences.succeeded({ requestId: life.id, credential, target, sentAt, also });
      },
      onResult(result) {
        if (result.kind === "ended" || result.kind === "left")
          life.noteUsage(reply.readUsage(), result.kind === "ended" && result.end === "completed");
        settle(result);
      },
      onFault: (error) =>
        reporter.error(`an answer could not be passed on: ${describeFault(error)}`),
    });
    reply.start(rooms.transport().send(toOutgoing(errand, passage.endpoint, secret), reply));
    rooms.acquirers?.sent(credential);
    return (error) =>
      error.code === "ERR_RELAY_CLIENT_GONE"
        ? reply.abandon()
        : reply.cut(endOf(error.code), error.code);
  });
}

function endOf(code: ErrorCode): EndReason {
  if (code === "ERR_RELAY_SHUTDOWN") return "shutdown";
  return code === "ERR_RELAY_STOPPED" ? "stopped" : "timeout";
}

function toOutgoing({ life, asked, target }: Errand, endpoint: Endpoint, secret: string): Outgoing {
  const { dialect } = target;
  const { origin, basePath } = endpoint;
  const query = withoutParameters(asked.query, dialect.secretParameters);
  const headers = toOutgoingHeaders(life.call, target, dialect.credentialHeader(secret));
  const { path, body } = renamed(asked, target);
  return { method: asked.method, origin, path: basePath + path + query || "/", headers, body };
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
