// What the client hears from the relay itself: heads, errors in its dialect, and the end that is settled exactly once.
import type { Dialect } from "./contract/dialect.ts";
import type { HeaderList } from "./contract/sink.ts";
import type { Outcome } from "./attempts.ts";
import { redact } from "./auth/redact.ts";
import { corsHeaders } from "./cors.ts";
import { type ErrorCode, RelayError } from "./errors.ts";
import { isClientsOwn, type LastAttempt, retryHeaders, toRendered, toWriter } from "./failure.ts";
import type { Ending, Life } from "./life.ts";
import { describeFault } from "./observe/fault.ts";
import type { Fault } from "./observe/fault-log.ts";
import { toClientHeaders, toStreamHeaders, withPrepared } from "./request/headers.ts";
import type { Rooms } from "./rooms.ts";

export interface Answers {
  /** Sends status and headers of an upstream's answer. */
  commit(life: Life, status: number, headers: HeaderList, isEventStream: boolean): void;
  /** Sends the head of a stream before anything has come, so that the connection lives (I1). */
  commitEarly(life: Life): void;
  /** Ends an answer that reached the client, with an error event where it broke off. */
  conclude(life: Life, ending: Ending): Ending;
  tellFailure(life: Life, outcome: Extract<Outcome, { kind: "failed" }>): Ending;
  tellError(life: Life, error: unknown): Ending;
  /** Passes a response of the operator's on. */
  pass(life: Life, response: Response): Promise<Ending>;
  /** Books the end of a request; stops its timers. */
  settle(life: Life, ending: Ending): void;
}

export function createAnswers(rooms: Rooms): Answers {
  const { config, hooks, reporter, clock } = rooms;
  const names = config.responseHeaders;

  /** Adds headers of our own: who answered, after how many attempts (J1); what the host prepared; CORS. */
  function withOwn(headers: HeaderList, life: Life): HeaderList {
    const add = (name: string | false, value: string | undefined): void =>
      void (name && value !== undefined && headers.push([name, value]));
    add(names.requestId, life.id);
    add(names.attempts, String(life.attempts));
    add(
      names.model,
      life.target && life.target.model !== "*" ? toHeaderValue(life.target.model) : undefined,
    );
    add(names.credential, life.credential && toHeaderValue(life.credential.label));
    if (config.cors) headers.push(...corsHeaders(config.cors, life.call, exposed));
    return headers;
  }

  const exposed = [names.requestId, names.attempts, names.model, names.credential].filter(
    (name) => name !== false,
  );

  function head(life: Life, status: number, headers: HeaderList, isEventStream: boolean): void {
    const all = withOwn(isEventStream ? toStreamHeaders(headers) : [...headers], life);
    life.delivery.commit(status, withPrepared(all, life.call.preparedHeaders?.()), isEventStream);
  }

  function dialectOf(life: Life): Dialect {
    return life.target?.dialect ?? rooms.planner.first.dialect;
  }

  function tell(life: Life, error: RelayError): Ending {
    const { facts } = error;
    const rendered = toRendered(
      new RelayError(error.code, {
        ...facts,
        status: error.status,
        attempts: life.attempts || undefined,
      }),
    );
    const headers: HeaderList = withOwn([...retryHeaders(facts.retryAfter)], life);
    if (error.code === "ERR_RELAY_METHOD")
      headers.push(["allow", "GET, HEAD, POST, PUT, PATCH, DELETE"]);
    if (!life.delivery.isOver)
      life.delivery.fail(
        rendered,
        withPrepared(headers, life.call.preparedHeaders?.()),
        toWriter(dialectOf(life), reporter.error),
      );
    return { reason: reasonOf(error, life), error: error.code };
  }

  /** Passes a refusal on as the upstream wrote it, without any piece of the credential that it may quote (J7). */
  function passRefusal(
    life: Life,
    { status, headers, body, secret }: NonNullable<LastAttempt["answer"]>,
  ): Ending {
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
    head(life, status, [...passed, ["x-should-retry", "false"]], false);
    life.delivery.pass(clean, clock.now());
    life.delivery.end();
    return { reason: "refused" };
  }

  function errorOf({ ended, target }: Life, code: ErrorCode): RelayError {
    if (ended?.code === code) return ended;
    const limit = code === "ERR_RELAY_IDLE" ? config.streaming.idleTimeout : undefined;
    return new RelayError(code, { upstream: target?.upstream, model: target?.model, limit });
  }

  return {
    commit: head,
    commitEarly: (life) => head(life, 200, [], true),

    conclude(life, ending) {
      // However the rest came to its end: nobody was there.
      if (life.drain !== "none" && !life.ended)
        return tell(life, new RelayError("ERR_RELAY_CLIENT_GONE"));
      if (!ending.error) life.delivery.end();
      else tell(life, errorOf(life, ending.error));
      return ending;
    },

    tellFailure(life, { error, last }) {
      if (
        last &&
        isClientsOwn(last) &&
        !life.delivery.isCommitted &&
        error.code !== "ERR_RELAY_LIMITED"
      )
        return passRefusal(life, last.answer!);
      return tell(life, error);
    },

    tellError(life, error) {
      if (error instanceof RelayError) {
        if (error.code === "ERR_RELAY_BODY_USED") rooms.faultLog.failed(toBodyFault(error));
        return tell(life, error);
      }
      reporter.error(`a request failed inside the relay: ${describeFault(error)}`);
      return tell(life, new RelayError("ERR_RELAY_INTERNAL", { cause: error }));
    },

    async pass(life, response) {
      const headers: HeaderList = [...response.headers].filter(
        ([name]) => name !== "content-length",
      );
      const body = new Uint8Array(await life.during(response.arrayBuffer()));
      // Where the operator's response speaks of a header itself, its word stands.
      const all = withPrepared(headers, withOwn([], life));
      life.delivery.commit(
        response.status,
        withPrepared(all, life.call.preparedHeaders?.()),
        false,
      );
      life.delivery.pass(body, clock.now());
      life.delivery.end();
      return { reason: response.ok ? "completed" : "refused" };
    },

    settle(life, ending) {
      life.timers.stop();
      if (!life.delivery.isOver) life.delivery.end();
      const { target, credential, delivery, startedAt } = life;
      reporter.debug(
        () =>
          `request ${life.id}: ${ending.reason}${ending.error ? ` (${ending.error})` : ""} after ${life.attempts} attempts`,
      );
      if (!hooks.has("end")) return;
      hooks.emit("end", {
        requestId: life.id,
        caller: life.caller,
        reason: ending.reason,
        clientPresent: !delivery.isClientGone,
        status: delivery.status,
        error: ending.error,
        upstream: target?.upstream,
        model: target?.model,
        credential: credential?.id,
        attempts: life.attempts,
        bytes: delivery.bytes,
        usage: life.usage,
        usageStatus: life.usageStatus,
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

function reasonOf({ code, status }: RelayError, life: Life): Ending["reason"] {
  if (code === "ERR_RELAY_CLIENT_GONE" && life.drain === "over the limit") return "drain_limit";
  if (code === "ERR_RELAY_CLIENT_GONE")
    return life.delivery.hasPayload ? "client_gone_mid" : "client_gone_before_first";
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
