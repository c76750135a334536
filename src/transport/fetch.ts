// Calls upstreams through `fetch`, for every host that has nothing faster.
import type {
  Exchange,
  Outgoing,
  Receiver,
  ReplyHeaders,
  Transport,
  TransportError,
} from "../contract/transport.ts";
import { faultOf } from "./faults.ts";

export interface FetchTransportOptions {
  /** @default globalThis.fetch */
  fetch?: typeof fetch;
}

/** Creates the transport that needs nothing but `fetch`. */
export function createTransport(options: FetchTransportOptions = {}): Transport {
  const call = options.fetch ?? globalThis.fetch;
  return {
    name: "fetch",
    send: (outgoing, receiver) => new FetchExchange(call, outgoing, receiver),
    close: () => Promise.resolve(),
  };
}

class FetchExchange implements Exchange {
  readonly #receiver: Receiver;
  readonly #controller = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #isOver = false;
  #resume: (() => void) | undefined;

  constructor(call: typeof fetch, outgoing: Outgoing, receiver: Receiver) {
    this.#receiver = receiver;
    void this.#run(call, outgoing);
  }

  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.abort();
    this.#reader?.cancel().catch(() => {});
    this.resume();
  }

  async #run(call: typeof fetch, { method, origin, path, headers, body }: Outgoing): Promise<void> {
    try {
      // One turn later: a receiver must not hear anything before `send` has returned.
      await Promise.resolve();
      if (this.#isOver) return;
      const response = await call(origin + path, {
        method,
        headers,
        body: body as BodyInit | undefined,
        redirect: "manual",
        signal: this.#controller.signal,
      });
      if (this.#isOver) return void response.body?.cancel().catch(() => {});
      this.#receiver.onHead(response.status, response.headers as unknown as ReplyHeaders);
      if (response.body) await this.#read(response.body);
      this.#finish(() => this.#receiver.onEnd());
    } catch (error) {
      this.#finish(() => this.#receiver.onFail(toTransportError(error)));
    }
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = (this.#reader = body.getReader());
    if (this.#isOver) return void reader.cancel().catch(() => {});
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#isOver) return;
      if (!this.#receiver.onData(value) && !this.#isOver)
        await new Promise<void>((resolve) => (this.#resume = resolve));
    }
  }

  #finish(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}

function toTransportError(error: unknown): TransportError {
  const code = codeOf(error) ?? codeOf((error as { cause?: unknown }).cause);
  return { fault: faultOf(code), code };
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}
