// One upstream call, from sending to its single result. The bodies interpret the content.
import type { Dialect, Usage, UsageOption } from "../contract/dialect.ts";
import type { EndReason } from "../contract/end-reason.ts";
import type { CancelTimer, Clock } from "../contract/clock.ts";
import type { Exchange, Receiver, ReplyHeaders, TransportError } from "../contract/transport.ts";
import type { ErrorCode } from "../shared/errors.ts";
import type { BodyReader, Step } from "./body/body-reader.ts";
import { chooseBody } from "./body/choose-body.ts";
import type { Delivery } from "./delivery.ts";
import { CommitGate } from "./commit-gate.ts";
import type { Break, ReplyResult } from "./reply-result.ts";
import type { RequestTimers } from "./request-timers.ts";
import { UsageNotes } from "./usage-notes.ts";
import { type Timeouts, UpstreamTimeouts } from "./upstream-timeouts.ts";

export type { ReplyResult } from "./reply-result.ts";

/** The parameters of a call, and the functions that its reply calls. */
export interface ReplyOptions {
  dialect: Dialect;
  delivery: Delivery;
  timers: RequestTimers;
  clock: Clock;
  /** Whether the request asks for server-sent events, for responses without a content type. */
  wantsStream: boolean;
  /** Whether a response without a byte is a failure; a stream without an event always is (E13). */
  expectsBody: boolean;
  /** Whether the method gives the response no body. */
  isHead: boolean;
  timeouts: Timeouts;
  /** Maximum size of one event, in bytes; longer events pass unscanned. */
  eventSize: number;
  /** The option that the relay has added to the request in order to get token counts. */
  usageOption?: UsageOption | undefined;
  /** Hides the secrets of this request in the text of an error. */
  redact?(text: string): string;
  /** Sends status and headers to the client. */
  commit(status: number, headers: ReplyHeaders, isEventStream: boolean): void;
  /** The head of an answer has arrived, with any status. */
  onAnswer(): void;
  /** The first payload has been sent to the client. */
  onOpen(): void;
  /** Called once. */
  onResult(result: ReplyResult): void;
  /** A part of the reply or a dialect has thrown; the result follows. */
  onFault(error: unknown): void;
}

/** How long an upstream may take to end its response after the last event, in ms; then its connection is closed. */
const LINGER = 1_000;
/** How long the body of a refusal is waited for, in ms: its status matters most. */
const REFUSAL_PATIENCE = 2_000;

/** The state of a reply. `rest`: the client has everything, and the upstream may still end normally, which keeps its connection. */
type Phase =
  | { at: "head" }
  | { at: "body"; body: BodyReader; gate: CommitGate }
  | { at: "rest"; stop: CancelTimer | undefined }
  | { at: "closed" };

/** Whether the upstream has ended its response itself. */
type Upstream = "open" | "ended";

const FAULT: ReplyResult = { kind: "ended", end: "upstream_error", error: "ERR_RELAY_INTERNAL" };

export class Reply implements Receiver {
  readonly #options: ReplyOptions;
  readonly #watch: UpstreamTimeouts;
  readonly #usage: UsageNotes = new UsageNotes();
  #phase: Phase = { at: "head" };
  #exchange: Exchange | undefined;
  /** When the head is sent early, in UTC epoch ms; postponed while a response is not a stream (I1). */
  #commitDueAt: number | undefined;

  constructor(options: ReplyOptions) {
    this.#options = options;
    this.#watch = new UpstreamTimeouts(options, () => this.#break({ fault: this.#watch.silence }));
  }

  /** Must be called once with the return value of `send`. */
  start(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#watch.start(exchange.tellsConnect ?? false);
    this.#options.delivery.reader = this;
  }

  /** The client reads again. */
  onDrain(): void {
    if (this.#phase.at !== "body") return;
    if (this.#phase.gate.isOpen) this.#watch.resume(this.#options.clock.now());
    this.#exchange?.resume();
  }

  /** The client has left, or the relay abandons this response: closes the upstream at once. */
  abandon(): void {
    this.#finish({ kind: "left" });
  }

  /** Ends a stream: with an error event where it has begun. Where it has not, only a timeout counts as the upstream's failure. */
  cut(end: EndReason, error: ErrorCode): void {
    const isOpen = this.#phase.at === "body" && this.#phase.gate.isOpen;
    if (isOpen) this.#finish({ kind: "ended", end, error });
    else this.#finish(end === "timeout" ? { kind: "failed", fault: "timeout" } : { kind: "left" });
  }

  /** Token counts found in the bytes. */
  readUsage(): Usage | undefined {
    try {
      return this.#usage.read(this.#options.dialect);
    } catch (error) {
      this.#options.onFault(error);
      return undefined;
    }
  }

  onConnect(): void {
    this.#watch.connected();
  }

  onHead(status: number, headers: ReplyHeaders): void {
    if (this.#phase.at !== "head") return;
    this.#watch.answered();
    this.#options.onAnswer();
    const gate = new CommitGate({ status, headers }, this.#options, this.#watch);
    const body = chooseBody(gate, this.#options, this.#usage);
    this.#phase = { at: "body", body, gate };
    if (body.kind === "refusal") this.#watch.setBodyDeadline(REFUSAL_PATIENCE);
    else if (body.kind === "other") this.#putOffCommit();
  }

  onData(chunk: Uint8Array): boolean {
    const phase = this.#phase;
    if (phase.at !== "body") return true;
    const now = this.#options.clock.now();
    this.#watch.heard(now);
    let step: Step;
    try {
      step = phase.body.onData(chunk, now);
    } catch (error) {
      step = this.#faulted(error);
    }
    if (step === "slow") return false;
    if (step !== "more") this.#finish(step);
    return true;
  }

  onEnd(): void {
    const phase = this.#phase;
    if (phase.at !== "body") return this.#break({ fault: "protocol" }, "ended");
    this.#conclude(() => phase.body.onEnd(this.#options.clock.now()), "ended");
  }

  onFail({ fault, code }: TransportError): void {
    this.#break({ fault, code }, "ended");
  }

  #break(why: Break, upstream: Upstream = "open"): void {
    const phase = this.#phase;
    this.#conclude(
      () => (phase.at === "body" ? phase.body.onBreak(why) : { kind: "failed", ...why }),
      upstream,
    );
  }

  #conclude(decide: () => ReplyResult, upstream: Upstream): void {
    let result: ReplyResult;
    try {
      result = decide();
    } catch (error) {
      result = this.#faulted(error);
    }
    this.#finish(result, upstream);
  }

  #faulted(error: unknown): ReplyResult {
    this.#options.onFault(error);
    return FAULT;
  }

  #finish(result: ReplyResult, upstream: Upstream = "open"): void {
    const phase = this.#phase;
    if (phase.at === "closed" || phase.at === "rest") {
      if (upstream === "ended") this.#close();
      return;
    }
    if (phase.at === "body") phase.gate.drop();
    this.#watch.stop();
    this.#options.delivery.reader = undefined;
    if (result.kind !== "ended") this.#restoreCommit();
    // In the same turn as the last bytes, so that the end is sent with them; a tick later it would be a packet of its own.
    if (result.kind === "ended" && !result.error) this.#options.delivery.end();
    this.#letGo(result, upstream);
    this.#options.onResult(result);
  }

  // The connection of a good response is worth keeping: most upstreams end right after their last event. Any other is closed now (E16).
  #letGo(result: ReplyResult, upstream: Upstream): void {
    const isGood = result.kind === "ended" && result.end === "completed";
    if (upstream === "open" && isGood) return this.#linger();
    this.#phase = { at: "closed" };
    if (upstream === "open") this.#exchange?.abort();
  }

  #linger(): void {
    const rest: Phase = { at: "rest", stop: undefined };
    this.#phase = rest;
    // The end often arrives in the same chunk as the last event: then no timer is needed.
    queueMicrotask(() => {
      if (this.#phase !== rest) return;
      rest.stop = this.#options.clock.after(LINGER, () => {
        this.#close();
        this.#exchange?.abort();
      });
    });
  }

  #close(): void {
    if (this.#phase.at === "rest") this.#phase.stop?.();
    this.#phase = { at: "closed" };
  }

  #putOffCommit(): void {
    const { timers } = this.#options;
    this.#commitDueAt = timers.dueAt("commit");
    timers.move("commit", Infinity);
  }

  #restoreCommit(): void {
    if (this.#commitDueAt !== undefined) this.#options.timers.move("commit", this.#commitDueAt);
  }
}
