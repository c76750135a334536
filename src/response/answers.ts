// What the client receives from the relay: heads, errors in its dialect, and the end of each request, once.
import type { AttemptsResult } from "../attempts/attempt-loop.ts";
import { isClientsOwn } from "../attempts/upstream-error.ts";
import type { Clock } from "../contract/clock.ts";
import type { Dialect } from "../contract/dialect.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Silence } from "../contract/transport.ts";
import { toClientHeaders, withPrepared } from "../http/headers.ts";
import type { FaultLog } from "../observe/fault-log.ts";
import { hideInBytes } from "../observe/redact-bytes.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { LazyRedactor } from "../observe/lazy-redactor.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { SecretDirectory } from "../observe/secret-directory.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { RequestContext, RequestOutcome } from "../request/request-context.ts";
import { operationFault } from "../routing/operation-guard.ts";
import type { Planner } from "../routing/planner.ts";
import { describeFault } from "../shared/describe-error.ts";
import { type ErrorCode, RelayError } from "../shared/errors.ts";
import { limitBehind } from "../stream/upstream-timeouts.ts";
import { emitEnd } from "./end-event.ts";
import { createHeadWriter, type HeadWriter } from "./head.ts";
import { reasonOf, toBodyFault } from "./outcome-of-error.ts";
import { retryHeaders, toRendered, toWriter } from "./render-error.ts";

export interface AnswerDeps {
  config: Pick<RelayConfig, "responseHeaders" | "cors" | "streaming" | "authorize">;
  /** Names of the relay's own response headers, in lower case. */
  ownHeaders: ReadonlySet<string>;
  planner: Pick<Planner, "first">;
  hooks: Pick<Hooks, "has" | "emit">;
  reporter: Reporter;
  faultLog: Pick<FaultLog, "failed">;
  secrets: Pick<SecretDirectory, "redactorOf">;
  clock: Clock;
}

/** Which timeout ended a response that the client has begun to read, by the error. */
const SILENCES: Partial<Record<ErrorCode, Silence>> = {
  ERR_RELAY_IDLE: "idle-timeout",
  ERR_RELAY_NO_PAYLOAD: "payload-idle-timeout",
  ERR_RELAY_UPSTREAM_TIMEOUT: "payload-timeout",
};

export class Answers {
  readonly #deps: AnswerDeps;
  readonly #head: HeadWriter;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
    this.#head = createHeadWriter(deps.config);
  }

  /** Sends status and headers of an upstream's answer. */
  commit(
    context: RequestContext,
    status: number,
    headers: HeaderList,
    isEventStream: boolean,
  ): void {
    this.#head.write(context, status, headers, isEventStream);
  }

  /** Sends the head of a stream before an upstream has answered, so that no proxy closes the connection (I1). */
  commitEarly(context: RequestContext): void {
    this.#head.write(context, 200, [], true);
  }

  /** Ends a request after its attempts. */
  finish(context: RequestContext, result: AttemptsResult): RequestOutcome {
    return result.kind === "ended"
      ? this.#end(context, result.outcome)
      : this.#writeFailure(context, result);
  }

  /** Writes an error that a step of the request has thrown. */
  writeError(context: RequestContext, error: unknown): RequestOutcome {
    const { reporter, faultLog } = this.#deps;
    if (error instanceof RelayError) {
      if (error.code === "ERR_RELAY_BODY_USED") faultLog.failed(toBodyFault(error));
      if (error.code === "ERR_RELAY_OPERATION") faultLog.failed(operationFault(error));
      return this.#write(context, error);
    }
    const described = this.#redactorOf(context).hide(describeFault(error));
    reporter.error(`a request failed inside the relay: ${described}`);
    return this.#write(context, new RelayError("ERR_RELAY_INTERNAL", { cause: error }));
  }

  /** Sends a response of the operator's own. */
  async pass(context: RequestContext, response: Response): Promise<RequestOutcome> {
    const { delivery, call } = context;
    const headers: HeaderList = [...response.headers].filter(([name]) => name !== "content-length");
    const body = new Uint8Array(await context.during(response.arrayBuffer()));
    // A header that the operator's response has keeps its value.
    const all = withPrepared(headers, this.#head.own([], context));
    delivery.commit(response.status, withPrepared(all, call.preparedHeaders?.()), false);
    delivery.pass(body, this.#deps.clock.now());
    delivery.end();
    return { reason: response.ok ? "completed" : "refused" };
  }

  /** Ends the delivery and the timers of a request, and emits the hook `end`. */
  settle(context: RequestContext, outcome: RequestOutcome): void {
    const { hooks, reporter, clock } = this.#deps;
    context.timers.stop();
    if (!context.delivery.isOver) context.delivery.end();
    reporter.debug(
      () =>
        `request ${context.id}: ${outcome.reason}${outcome.error ? ` (${outcome.error})` : ""} after ${context.attempts} attempts`,
    );
    if (hooks.has("end")) emitEnd(hooks, context, outcome, clock.now());
  }

  /** Ends an answer that the client has received, with an error event if it is incomplete. */
  #end(context: RequestContext, outcome: RequestOutcome): RequestOutcome {
    // The rest was read for its token counts alone: the client had left.
    if (context.drain !== "none" && !context.ended)
      return this.#write(context, new RelayError("ERR_RELAY_CLIENT_GONE"));
    if (!outcome.error) context.delivery.end();
    else this.#write(context, this.#errorOf(context, outcome.error));
    return outcome;
  }

  #writeFailure(
    context: RequestContext,
    { error, last }: Extract<AttemptsResult, { kind: "failed" }>,
  ): RequestOutcome {
    const isUpstreams = last && isClientsOwn(last) && error.code !== "ERR_RELAY_LIMITED";
    return isUpstreams && !context.delivery.isCommitted
      ? this.#passRefusal(context, last.answer!)
      : this.#write(context, error);
  }

  #write(context: RequestContext, error: RelayError): RequestOutcome {
    const { delivery, call, attempts } = context;
    const { facts, status, code } = error;
    const all = { ...facts, status, attempts: attempts || undefined };
    const headers = this.#head.own(retryHeaders(facts.retryAfter), context);
    if (code === "ERR_RELAY_METHOD") headers.push(["allow", "GET, HEAD, POST, PUT, PATCH, DELETE"]);
    if (!delivery.isOver)
      delivery.fail(
        this.#redactorOf(context).hideIn(toRendered(new RelayError(code, all))),
        withPrepared(headers, call.preparedHeaders?.()),
        toWriter(this.#dialectOf(context), this.#deps.reporter.error),
      );
    return { reason: reasonOf(error, context), error: code };
  }

  /** Passes a refusal on as the upstream wrote it, without the secrets that it may quote (J7). */
  #passRefusal(
    context: RequestContext,
    { status, headers, body }: NonNullable<LastAttempt["answer"]>,
  ): RequestOutcome {
    const { clock, ownHeaders } = this.#deps;
    const clean = hideInBytes(body, context.sent!);
    const rules = context.target!.responseFields;
    const passed = toClientHeaders(headers, rules, ownHeaders, context.sent).filter(
      ([name]) => name !== "x-should-retry",
    );
    this.#head.write(context, status, [...passed, ["x-should-retry", "false"]], false);
    context.delivery.pass(clean, clock.now());
    context.delivery.end();
    return { reason: "refused" };
  }

  #errorOf({ ended, target }: RequestContext, code: ErrorCode): RelayError {
    if (ended?.code === code) return ended;
    const fault = SILENCES[code];
    if (!fault || !target)
      return new RelayError(code, { upstream: target?.upstream, model: target?.model });
    const { upstream, model, dialect } = target;
    const timeouts = this.#deps.config.streaming;
    const behind = limitBehind(fault, { dialect, wantsStream: true, timeouts });
    return new RelayError(code, { upstream, model, fault, ...behind });
  }

  /** Hides what the attempts have sent, and the present secrets of the credential that was selected last. */
  #redactorOf({ sent, credential }: RequestContext): Pick<LazyRedactor, "hide" | "hideIn"> {
    return this.#deps.secrets.redactorOf(credential ? [credential.id] : [], sent?.listAll());
  }

  #dialectOf({ target }: RequestContext): Dialect {
    return target?.dialect ?? this.#deps.planner.first.dialect;
  }
}
