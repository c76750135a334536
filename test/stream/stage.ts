/** A reply in isolation: a sink that records, an exchange that is controlled by the test, a clock that does not run. */
import type { Dialect } from "../../src/contract/dialect.ts";
import type { HeaderList, Sink, SinkListener } from "../../src/contract/sink.ts";
import type { ReplyHeaders } from "../../src/contract/transport.ts";
import { openai } from "../../src/dialects/openai.ts";
import { Delivery } from "../../src/stream/delivery.ts";
import { Reply, type ReplyOptions, type ReplyResult } from "../../src/stream/reply.ts";
import { RequestTimers } from "../../src/stream/request-timers.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

export class FakeSink implements Sink {
  status = 0;
  headers: HeaderList = [];
  text = "";
  how: "open" | "ended" | "destroyed" = "open";
  /** Whether the client reads fast enough. */
  isFast = true;
  /** Bytes that the client has not taken; `undefined`: the host cannot tell. */
  backlog: number | undefined;
  listener: SinkListener | undefined;
  closed = false;
  #decoder = new TextDecoder();

  head(status: number, headers: HeaderList): void {
    this.status = status;
    this.headers = headers;
  }
  write(bytes: Uint8Array): boolean {
    this.text += this.#decoder.decode(bytes, { stream: true });
    return this.isFast;
  }
  end(): void {
    this.how = "ended";
  }
  destroy(): void {
    this.how = "destroyed";
  }
  drain(): void {
    this.isFast = true;
    this.listener?.onDrain();
  }
  leave(): void {
    this.closed = true;
    this.listener?.onClose();
  }
}

export interface Stage {
  reply: Reply;
  sink: FakeSink;
  clock: VirtualClock;
  timers: RequestTimers;
  delivery: Delivery;
  results: ReplyResult[];
  faults: unknown[];
  /** The calls to the upstream: `resume`, `abort`. */
  told: string[];
  answered: number;
  opened: number;
  /** Delivers the head; returns the stage. */
  head(status: number, headers: Record<string, string>): Stage;
  /** Delivers body bytes; returns whether more are wanted. */
  data(text: string): boolean;
  end(): Stage;
}

export const TIMEOUTS = {
  connectTimeout: 20,
  firstByteTimeout: 60,
  responseTimeout: 90,
  firstPayloadTimeout: 600,
  idleTimeout: 120,
  payloadIdleTimeout: 640,
} as const;

export type StageOptions = Partial<Omit<ReplyOptions, "dialect">> & {
  dialect?: Partial<Dialect>;
  heartbeat?: number;
  stallTimeout?: number | false;
  tellsConnect?: boolean;
};

export function createStage({
  dialect,
  heartbeat = 0,
  stallTimeout,
  tellsConnect = true,
  ...more
}: StageOptions = {}): Stage {
  const clock = createVirtualClock(0);
  const timers = new RequestTimers(clock);
  const sink = new FakeSink();
  const owner = { onLeft: () => reply.abandon() };
  const delivery = new Delivery({ sink, clock, timers, heartbeat, stallTimeout, owner });
  const results: ReplyResult[] = [];
  const faults: unknown[] = [];
  const told: string[] = [];
  const reply: Reply = new Reply({
    dialect: { ...openai, ...dialect },
    delivery,
    timers,
    clock,
    wantsStream: true,
    expectsBody: true,
    isHead: false,
    timeouts: TIMEOUTS,
    eventSize: 1_000,
    commit: (status, _headers, isEventStream) => delivery.commit(status, [], isEventStream),
    onAnswer: () => stage.answered++,
    onOpen: () => stage.opened++,
    onResult: (result) => results.push(result),
    onFault: (error) => faults.push(error),
    ...more,
  });
  reply.start({
    tellsConnect,
    resume: () => void told.push("resume"),
    abort: () => void told.push("abort"),
  });
  const encoder = new TextEncoder();
  const stage: Stage = {
    reply,
    sink,
    clock,
    timers,
    delivery,
    results,
    faults,
    told,
    answered: 0,
    opened: 0,
    head: (status, headers) => (reply.onHead(status, toHeaders(headers)), stage),
    data: (text) => reply.onData(encoder.encode(text)),
    end: () => (reply.onEnd(), stage),
  };
  return stage;
}

export const SSE: Record<string, string> = { "content-type": "text/event-stream" };
export const JSON_TYPE: Record<string, string> = { "content-type": "application/json" };

function toHeaders(headers: Record<string, string>): ReplyHeaders {
  return {
    get: (name) => headers[name],
    forEach: (visit) => Object.entries(headers).forEach(([name, value]) => visit(value, name)),
  };
}

/** One server-sent event. */
export function event(data: unknown, name = ""): string {
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${name === "" ? "" : `event: ${name}\n`}data: ${text}\n\n`;
}

export const ROLE: string = event({ choices: [{ delta: { role: "assistant" } }] });
export const WORD: string = event({ choices: [{ delta: { content: "word" } }] });
export const STOP: string = event({ choices: [{ delta: {}, finish_reason: "stop" }] });
export const DONE: string = event("[DONE]");
export const ERROR: string = event({ error: { message: "no", code: "rate_limit_exceeded" } });
