// What the client hears from the relay itself: heads, errors in its dialect, and the end that is settled exactly once.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Dialect } from "../contract/dialect.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Outcome } from "../attempts/attempt-loop.ts";
import { redact } from "../observe/redact.ts";
import { corsHeaders } from "../http/cors.ts";
import { type ErrorCode, RelayError } from "../shared/errors.ts";
import { isClientsOwn, retryHeaders, toRendered, toWriter } from "../attempts/upstream-error.ts";
import type { RequestOutcome, RequestContext } from "../request/request-context.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { Fault } from "../observe/fault-log.ts";
import { toClientHeaders, toStreamHeaders, withPrepared } from "../http/headers.ts";
import type { Services } from "../wiring/create-services.ts";

export interface Answers {
  /** Sends status and headers of an upstream's answer. */
  commit(
    context: RequestContext,
    status: number,
    headers: HeaderList,
    isEventStream: boolean,
  ): void;
  /** Sends the head of a stream before anything has come, so that the connection lives (I1). */
  commitEarly(context: RequestContext): void;
  /** Ends an answer that reached the client, with an error event where it broke off. */
  conclude(context: RequestContext, ending: RequestOutcome): RequestOutcome;
  writeFailure(
    context: RequestContext,
    outcome: Extract<Outcome, { kind: "failed" }>,
  ): RequestOutcome;
  writeError(context: RequestContext, error: unknown): RequestOutcome;
  /** Passes a response of the operator's on. */
  pass(context: RequestContext, response: Response): Promise<RequestOutcome>;
  /** Books the end of a request; stops its timers. */
  settle(context: RequestContext, ending: RequestOutcome): void;
}

export function createAnswers(rooms: Services): Answers {
  const { config, hooks, reporter, clock } = rooms;
  const names = config.responseHeaders;

  /** Adds headers of our own: who answered, after how many attempts (J1); what the host prepared; CORS. */
  function withOwn(headers: HeaderList, context: RequestContext): HeaderList {
    const add = (name: string | false, value: string | undefined): void =>
      void (name && value !== undefined && headers.push([name, value]));
    add(names.requestId, context.id);
    add(names.attempts, String(context.attempts));
    add(
      names.model,
      context.target && context.target.model !== "*"
        ? toHeaderValue(context.target.model)
        : undefined,
    );
    add(names.credential, context.credential && toHeaderValue(context.credential.label));
    if (config.cors) headers.push(...corsHeaders(config.cors, context.call, exposed));
    return headers;
  }

  const exposed = [names.requestId, names.attempts, names.model, names.credential].filter(
    (name) => name !== false,
  );

  function head(
    context: RequestContext,
    status: number,
    headers: HeaderList,
    isEventStream: boolean,
  ): void {
    const all = withOwn(isEventStream ? toStreamHeaders(headers) : [...headers], context);
    context.delivery.commit(
      status,
      withPrepared(all, context.call.preparedHeaders?.()),
      isEventStream,
    );
  }

  function dialectOf(context: RequestContext): Dialect {
    return context.target?.dialect ?? rooms.planner.first.dialect;
  }

  function tell(context: RequestContext, error: RelayError): RequestOutcome {
    const { facts } = error;
    const rendered = toRendered(
      new RelayError(error.code, {
        ...facts,
        status: error.status,
        attempts: context.attempts || undefined,
      }),
    );
    const headers: HeaderList = withOwn([...retryHeaders(facts.retryAfter)], context);
    if (error.code === "ERR_RELAY_METHOD")
      headers.push(["allow", "GET, HEAD, POST, PUT, PATCH, DELETE"]);
    if (!context.delivery.isOver)
      context.delivery.fail(
        rendered,
        withPrepared(headers, context.call.preparedHeaders?.()),
        toWriter(dialectOf(context), reporter.error),
      );
    return { reason: reasonOf(error, context), error: error.code };
  }

  /** Passes a refusal on as the upstream wrote it, without any piece of the credential that it may quote (J7). */
  function passRefusal(
    context: RequestContext,
    { status, headers, body, secret }: NonNullable<LastAttempt["answer"]>,
  ): RequestOutcome {
    const isText = /^(?:text\/|application\/(?:[\w.+-]*json|problem|xml))/i.test(
      headers.get("content-type") ?? "text/",
    );
    const text = isText ? new TextDecoder().decode(body) : "";
    const redacted = redact(text, secret);
    // What quotes nothing passes to the letter, whatever its encoding.
    const clean = redacted === text ? body : new TextEncoder().encode(redacted);
    const passed = toClientHeaders(headers, rooms.ownHeaders, secret).filter(
      ([name]) => name !== "x-should-retry",
    );
    head(context, status, [...passed, ["x-should-retry", "false"]], false);
    context.delivery.pass(clean, clock.now());
    context.delivery.end();
    return { reason: "refused" };
  }

  function errorOf({ ended, target }: RequestContext, code: ErrorCode): RelayError {
    if (ended?.code === code) return ended;
    const limit = code === "ERR_RELAY_IDLE" ? config.streaming.idleTimeout : undefined;
    return new RelayError(code, { upstream: target?.upstream, model: target?.model, limit });
  }

  return {
    commit: head,
    commitEarly: (context) => head(context, 200, [], true),

    conclude(context, ending) {
      // However the rest came to its end: nobody was there.
      if (context.drain !== "none" && !context.ended)
        return tell(context, new RelayError("ERR_RELAY_CLIENT_GONE"));
      if (!ending.error) context.delivery.end();
      else tell(context, errorOf(context, ending.error));
      return ending;
    },

    writeFailure(context, { error, last }) {
      if (
        last &&
        isClientsOwn(last) &&
        !context.delivery.isCommitted &&
        error.code !== "ERR_RELAY_LIMITED"
      )
        return passRefusal(context, last.answer!);
      return tell(context, error);
    },

    writeError(context, error) {
      if (error instanceof RelayError) {
        if (error.code === "ERR_RELAY_BODY_USED") rooms.faultLog.failed(toBodyFault(error));
        return tell(context, error);
      }
      reporter.error(`a request failed inside the relay: ${describeFault(error)}`);
      return tell(context, new RelayError("ERR_RELAY_INTERNAL", { cause: error }));
    },

    async pass(context, response) {
      const headers: HeaderList = [...response.headers].filter(
        ([name]) => name !== "content-length",
      );
      const body = new Uint8Array(await context.during(response.arrayBuffer()));
      // Where the operator's response speaks of a header itself, its word stands.
      const all = withPrepared(headers, withOwn([], context));
      context.delivery.commit(
        response.status,
        withPrepared(all, context.call.preparedHeaders?.()),
        false,
      );
      context.delivery.pass(body, clock.now());
      context.delivery.end();
      return { reason: response.ok ? "completed" : "refused" };
    },

    settle(context, ending) {
      context.timers.stop();
      if (!context.delivery.isOver) context.delivery.end();
      const { target, credential, delivery, startedAt } = context;
      reporter.debug(
        () =>
          `request ${context.id}: ${ending.reason}${ending.error ? ` (${ending.error})` : ""} after ${context.attempts} attempts`,
      );
      if (!hooks.has("end")) return;
      hooks.emit("end", {
        requestId: context.id,
        caller: context.caller,
        reason: ending.reason,
        clientPresent: !delivery.isClientGone,
        status: delivery.status,
        error: ending.error,
        upstream: target?.upstream,
        model: target?.model,
        credential: credential?.id,
        attempts: context.attempts,
        bytes: delivery.bytes,
        usage: context.usage,
        usageStatus: context.usageStatus,
        duration: clock.now() - startedAt,
        firstPayloadAfter:
          delivery.firstPayloadAt === undefined ? undefined : delivery.firstPayloadAt - startedAt,
      });
    },
  };
}

// The client can do nothing about it: the operator has put a parser before the relay.
function toBodyFault({ message, facts }: RelayError): Fault {
  const advice = message.slice(message.indexOf(": ") + 2, -1);
  const what = "was read before it reached the relay";
  return {
    subject: "request body",
    kind: facts.detail ?? "used",
    what,
    advice,
    endedBy: undefined,
  };
}

function reasonOf({ code, status }: RelayError, context: RequestContext): RequestOutcome["reason"] {
  if (code === "ERR_RELAY_CLIENT_GONE" && context.drain === "over the limit") return "drain_limit";
  if (code === "ERR_RELAY_CLIENT_GONE")
    return context.delivery.hasPayload ? "client_gone_mid" : "client_gone_before_first";
  if (code === "ERR_RELAY_SHUTDOWN") return "shutdown";
  if (code === "ERR_RELAY_STOPPED") return "stopped";
  if (code === "ERR_RELAY_DEADLINE" || code === "ERR_RELAY_UPSTREAM_TIMEOUT") return "timeout";
  return status === 502 || (status >= 500 && code.startsWith("ERR_RELAY_UPSTREAM"))
    ? "upstream_error"
    : "refused";
}

function toHeaderValue(text: string): string {
  if (/^[\t -~]{0,256}$/.test(text)) return text;
  // Model names come from outside: half a surrogate pair in one would make the encoding throw.
  return text
    .slice(0, 256)
    .replace(/\p{Cs}/gu, "\ufffd")
    .replace(/[^\t\u0020-\u007e]/gu, (character) => encodeURIComponent(character))
    .slice(0, 256);
}
