// One upstream answer on its way to the client: judged while nothing has been sent, passed on after that.
import type { Dialect, StreamEvent, Usage } from "../contract/dialect.ts";
import type { EndReason } from "../contract/end.ts";
import type {
  Exchange,
  Receiver,
  ReplyHeaders,
  TransportError,
  TransportFault,
} from "../contract/transport.ts";
import type { Clock } from "../contract/clock.ts";
import type { ErrorCode } from "../errors.ts";
import type { Delivery } from "./delivery.ts";
import { Scanner, type Visit } from "./scanner.ts";
import type { Timers } from "./timers.ts";

/** How a reply came to its end. Only `ended` has reached the client; the others leave it untouched. */
export type ReplyResult =
  | { kind: "ended"; end: EndReason; error?: ErrorCode }
  | { kind: "refused"; status: number; headers: ReplyHeaders; body: Uint8Array; inStream: boolean }
  | { kind: "failed"; fault: TransportFault | "timeout" | "empty"; code?: string }
  | { kind: "left" };

export interface ReplyOptions {
  dialect: Dialect;
  delivery: Delivery;
  timers: Timers;
  clock: Clock;
  /** Whether the request asks for server-sent events, for answers that do not say what they are. */
  wantsStream: boolean;
  /** An answer without a body by its method. */
  isHead: boolean;
  /** ms */
  timeouts: { connect: number; firstByte: number; idle: number };
  /** Bytes; longer events pass unscanned. */
  eventSize: number;
  /** Sends status and headers to the client. */
  commit: (status: number, headers: ReplyHeaders, isEventStream: boolean) => void;
  /** The first payload goes to the client. */
  onOpen: () => void;
  onResult: (result: ReplyResult) => void;
}

/** How a body is handled, by its status and content type. */
type Mode = "head" | "refusal" | "events" | "lines" | "whole" | "raw";

/** Bytes of a refusal, or of a JSON answer, that are held to be judged. */
const HOLD = 65_536;
/** An upstream that has said all may take so long to end its answer; then its connection is closed (ms). */
const LINGER = 1_000;

export class Reply implements Receiver {
  readonly #options: ReplyOptions;
  #exchange: Exchange | undefined;
  #mode: Mode = "head";
  #status = 0;
  #headers: ReplyHeaders | undefined;
  #scanner: Scanner | undefined;
  #held: Uint8Array[] = [];
  #heldLength = 0;
  #isOpen = false;
  #isOver = false;
  #isPaused = false;
  #hasEvents = false;
  #verdict: "terminal" | "error" | undefined;
  #refused: StreamEvent | undefined;
  #last: StreamEvent | undefined;
  #usage: string[] = [];

  constructor(options: ReplyOptions) {
    this.#options = options;
  }

  /** Must be called once with what `send` has returned. */
  start(exchange: Exchange): void {
    this.#exchange = exchange;
    const { clock, timers, timeouts, delivery } = this.#options;
    const now = clock.now();
    timers.set("connect", now + timeouts.connect, () => this.#fail("timeout"));
    timers.set("firstByte", now + timeouts.firstByte, () => this.#fail("timeout"));
    delivery.onDrain = () => this.#resume();
  }

  /** The client has gone, or the relay gives this answer up: closes the upstream at once. */
  abandon(): void {
    this.#finish({ kind: "left" });
  }

  /** Ends a stream that may have begun: with an error event where it has, as a failed attempt where it has not. */
  cut(end: EndReason, error: ErrorCode): void {
    this.#finish(
      this.#isOpen ? { kind: "ended", end, error } : { kind: "failed", fault: "timeout" },
    );
  }

  /** True once the upstream has said that its answer is whole. */
  get isTerminal(): boolean {
    return this.#verdict === "terminal";
  }

  /** Token counts found beside the bytes. */
  readUsage(): Usage | undefined {
    const found = this.#usage
      .map((data) => this.#options.dialect.readUsage(data))
      .filter((usage) => usage !== undefined);
    return found.length > 0 ? Object.assign({}, ...found) : undefined;
  }

  onConnect(): void {
    this.#options.timers.clear("connect");
  }

  onHead(status: number, headers: ReplyHeaders): void {
    if (this.#isOver) return;
    this.#options.timers.clear("connect");
    this.#status = status;
    this.#headers = headers;
    this.#mode = this.#modeOf(status, headers.get("content-type") ?? "");
    if (this.#mode === "events" || this.#mode === "lines") {
      this.#scanner = new Scanner(
        this.#mode === "events" ? "sse" : "ndjson",
        this.#options.eventSize,
        (event) => this.#visit(event),
      );
    }
  }

  #modeOf(status: number, type: string): Mode {
    if (status < 200 || status >= 300) return "refusal";
    if (this.#options.isHead || status === 204 || status === 205) return "raw";
    if (/^text\/event-stream\b/i.test(type) || (type === "" && this.#options.wantsStream))
      return "events";
    if (
      /^application\/(?:x-)?(?:nd|l)?json(?:lines|-seq|l)\b|^application\/(?:x-)?ndjson\b/i.test(
        type,
      )
    )
      return "lines";
    return /\bjson\b/i.test(type) ? "whole" : "raw";
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#isOver) return true;
    const now = this.#options.clock.now();
    switch (this.#mode) {
      case "events":
      case "lines":
        return this.#onEvents(chunk, now);
      case "raw":
        this.#open(now);
        return this.#pass(chunk, now);
      case "whole":
        return this.#onWhole(chunk, now);
      default:
        // Of a refusal the beginning says enough; the rest must not keep the socket.
        if (this.#hold(chunk) >= HOLD) this.#refuse(false);
        return true;
    }
  }

  #onEvents(chunk: Uint8Array, now: number): boolean {
    const scanner = this.#scanner!;
    const ready = scanner.push(chunk);
    if (this.#refused) return (this.#refuse(true), true);
    if (this.#isOpen) this.#options.timers.move("idle", now + this.#options.timeouts.idle);
    this.#options.delivery.isInsideEvent = scanner.isInsideEvent;
    if (!this.#isOpen) {
      // Before the gate opens nothing goes out; lifecycle events without end, or one huge event, open it too.
      this.#hold(ready);
      const isHolding =
        !this.#isGateOpening && this.#verdict === undefined && !scanner.isInsideEvent;
      if (isHolding && this.#heldLength < this.#options.eventSize) return true;
      this.#open(now);
      return this.#afterPass(!this.#isPaused);
    }
    return this.#afterPass(this.#pass(ready, now));
  }

  #afterPass(goOn: boolean): boolean {
    if (this.#verdict === "terminal") this.#complete();
    else if (this.#verdict === "error") this.#finish({ kind: "ended", end: "upstream_error" });
    return goOn || this.#isOver;
  }

  // Called by the scanner for each whole event, before its bytes are passed on.
  #visit(event: StreamEvent): Visit {
    const { dialect } = this.#options;
    this.#hasEvents = true;
    this.#last = event;
    if (event.data.includes('"usage')) this.#keepUsage(event.data);
    if (this.#isGateOpening && !dialect.mayMatter(event)) return "go";
    const meaning = dialect.meaningOf(event);
    if (meaning === "lifecycle") return "go";
    if (meaning === "payload") {
      this.#isGateOpening = true;
      return "go";
    }
    if (meaning === "error" && !this.#isGateOpening) this.#refused = event;
    else this.#verdict = meaning;
    return "stop";
  }

  /** True from the first payload event on, though its bytes may still be in the scanner's hands. */
  #isGateOpening = false;

  #keepUsage(data: string): void {
    // The first and the last are enough: counts are either cumulative or split over these two.
    if (this.#usage.length === 2) this.#usage[1] = data;
    else this.#usage.push(data);
  }

  #onWhole(chunk: Uint8Array, now: number): boolean {
    if (this.#isOpen) return this.#pass(chunk, now);
    if (this.#hold(chunk) >= HOLD || this.#isHarmlessArray()) this.#open(now);
    return true;
  }

  // A JSON array is a stream of answers (Google without alt=sse): unless it begins with an error there is nothing to wait for.
  #isHarmlessArray(): boolean {
    const start = new TextDecoder().decode(this.#held[0]!.subarray(0, 64)).trimStart();
    return start.startsWith("[") && /^\[\s*\{\s*"(?!error")\w+"/.test(start);
  }

  #hold(bytes: Uint8Array): number {
    if (bytes.length > 0) this.#held.push(bytes);
    return (this.#heldLength += bytes.length);
  }

  /** The gate opens: head and everything held go out in this very turn. */
  #open(now: number): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    const { commit, timers, timeouts, onOpen, delivery } = this.#options;
    timers.clear("firstByte");
    timers.clear("commit");
    timers.set("idle", now + timeouts.idle, () =>
      this.#finish({ kind: "ended", end: "idle_timeout", error: "ERR_RELAY_IDLE" }),
    );
    commit(this.#status, this.#headers!, this.#mode === "events");
    for (const bytes of this.#held) if (!delivery.pass(bytes, now)) this.#isPaused = true;
    this.#held = [];
    onOpen();
  }

  #pass(bytes: Uint8Array, now: number): boolean {
    const { delivery, timers, timeouts } = this.#options;
    const goOn = delivery.pass(bytes, now) && !this.#isPaused;
    this.#isPaused = !goOn;
    // While the client does not read, the upstream's silence is ours.
    timers.move("idle", goOn ? now + timeouts.idle : Infinity);
    return goOn;
  }

  #resume(): void {
    if (this.#isOver) return;
    this.#isPaused = false;
    const { timers, clock, timeouts } = this.#options;
    if (this.#isOpen) timers.move("idle", clock.now() + timeouts.idle);
    this.#exchange?.resume();
  }

  onEnd(): void {
    this.#isUpstreamDone = true;
    if (this.#isOver) return;
    const now = this.#options.clock.now();
    if (this.#mode === "refusal") return this.#refuse(false);
    if (this.#mode === "events" || this.#mode === "lines") return this.#onEventsEnd(now);
    if (this.#mode === "whole" && !this.#isOpen && this.#isErrorBody()) return this.#refuse(true);
    if (this.#mode === "whole" && !this.#isOpen && this.#heldLength === 0)
      return this.#fail("empty");
    this.#open(now);
    this.#complete();
  }

  /** True once the upstream's answer has ended by itself: its connection can be used again. */
  #isUpstreamDone = false;

  #onEventsEnd(now: number): void {
    const scanner = this.#scanner!;
    scanner.visitRest();
    const rest = scanner.rest();
    if (this.#refused || (!this.#hasEvents && this.#isErrorText(rest))) {
      if (!this.#refused) this.#hold(rest);
      return this.#refuse(true);
    }
    const isWhole = this.#verdict === "terminal" || this.#mode === "lines" || this.#endsWell();
    if (!this.#isGateOpening && !this.#isOpen && this.#verdict !== "terminal")
      return this.#fail("empty");
    this.#hold(this.#isOpen ? rest.subarray(0, 0) : isWhole ? rest : rest.subarray(0, 0));
    if (!this.#isOpen) this.#open(now);
    else if (isWhole) this.#pass(rest, now);
    if (isWhole) return this.#complete();
    this.#finish({ kind: "ended", end: "truncated", error: "ERR_RELAY_TRUNCATED" });
  }

  #endsWell(): boolean {
    const { dialect } = this.#options;
    return this.#last !== undefined && (dialect.endsWith?.(this.#last) ?? false);
  }

  #isErrorBody(): boolean {
    return this.#isErrorText(join(this.#held));
  }

  #isErrorText(bytes: Uint8Array): boolean {
    const data = new TextDecoder().decode(bytes).trim();
    return /^[{[]/.test(data) && this.#options.dialect.meaningOf({ name: "", data }) === "error";
  }

  onFail({ fault, code }: TransportError): void {
    this.#isUpstreamDone = true;
    if (this.#isOver) return;
    if (!this.#isOpen) return this.#fail(fault, code);
    const isGarbage = fault === "protocol";
    this.#finish({
      kind: "ended",
      end: isGarbage ? "upstream_error" : "truncated",
      error: isGarbage ? "ERR_RELAY_UPSTREAM_INVALID" : "ERR_RELAY_TRUNCATED",
    });
  }

  #refuse(inStream: boolean): void {
    const body = this.#refused ? new TextEncoder().encode(this.#refused.data) : join(this.#held);
    this.#finish({
      kind: "refused",
      status: this.#status,
      headers: this.#headers!,
      body: body.subarray(0, HOLD),
      inStream,
    });
  }

  #fail(fault: TransportFault | "timeout" | "empty", code?: string): void {
    this.#finish({ kind: "failed", fault, code });
  }

  #complete(): void {
    this.#finish({ kind: "ended", end: "completed" });
  }

  #finish(result: ReplyResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = [];
    const { timers, delivery } = this.#options;
    for (const name of ["connect", "firstByte", "idle"] as const) timers.clear(name);
    delivery.onDrain = undefined;
    this.#letGo(result);
    this.#options.onResult(result);
  }

  // A good answer's connection is worth keeping: most upstreams end right after their last event. Any other is closed now (E16).
  #letGo(result: ReplyResult): void {
    if (this.#isUpstreamDone) return;
    if (result.kind !== "ended" || result.end !== "completed") return this.#exchange?.abort();
    queueMicrotask(() => {
      if (!this.#isUpstreamDone) this.#options.clock.after(LINGER, () => this.#exchange?.abort());
    });
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1) return only!;
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
