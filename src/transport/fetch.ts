// The transport for hosts other than Node: calls upstreams through `fetch`.
import type {
  Exchange,
  Outgoing,
  Receiver,
  ReplyHeaders,
  Transport,
  TransportError,
} from "../contract/transport.ts";
import { Bag, type Bagged } from "../shared/bag.ts";
import { denialOf } from "../shared/denied-permission.ts";
import { readFault } from "../shared/network-faults.ts";
import { KNOWN_ENCODINGS, readEncodings } from "./content-encodings.ts";
import { decompress } from "./decompress-web.ts";

export interface FetchTransportOptions {
  /** @default globalThis.fetch */
  fetch?: typeof fetch;
}

/** Creates the transport that needs only `fetch`. */
export function createTransport(options: FetchTransportOptions = {}): Transport {
  const call = options.fetch ?? globalThis.fetch;
  const open = new Bag<FetchExchange>();
  return {
    name: "fetch",
    send(outgoing, receiver) {
      const exchange: FetchExchange = new FetchExchange(outgoing, receiver, () =>
        open.delete(exchange),
      );
      open.add(exchange);
      void exchange.run(call);
      return exchange;
    },
    async close() {
      for (const exchange of open) exchange.fail({ fault: "closed" });
    },
  };
}

/** An encoding that the platform does not decode. */
class UnknownEncoding extends Error {
  readonly code = "Z_UNKNOWN_ENCODING";
}

class FetchExchange implements Exchange, Bagged {
  place = 0;
  /** Dropped when it is sent: its body, which may be large, is not kept while the answer streams. */
  #outgoing: Outgoing | undefined;
  readonly #receiver: Receiver;
  readonly #onOver: () => void;
  readonly #controller = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #isOver = false;
  #resume: (() => void) | undefined;

  constructor(outgoing: Outgoing, receiver: Receiver, onOver: () => void) {
    this.#outgoing = outgoing;
    this.#receiver = receiver;
    this.#onOver = onOver;
  }

  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  abort(): void {
    this.#finish();
    this.#drop();
  }

  /** Ends the call with a fault. */
  fail(error: TransportError): void {
    this.#finish(() => this.#receiver.onFail(error));
    this.#drop();
  }

  async run(call: typeof fetch): Promise<void> {
    try {
      // One turn later: the receiver must not be called before `send` has returned.
      await Promise.resolve();
      if (this.#isOver) return;
      const response = await this.#call(call);
      if (this.#isOver) return cancel(response.body);
      this.#receiver.onHead(response.status, toReplyHeaders(response.headers));
      if (response.body) await this.#read(response);
      this.#finish(() => this.#receiver.onEnd());
    } catch (error) {
      this.fail(toTransportError(error));
    }
  }

  #call(call: typeof fetch): Promise<Response> {
    const { method, origin, path, headers, body } = this.#outgoing!;
    this.#outgoing = undefined;
    return call(origin + path, {
      method,
      headers,
      body: body as BodyInit | undefined,
      redirect: "manual",
      signal: this.#controller.signal,
    });
  }

  async #read({ headers, body }: Response): Promise<void> {
    const encodings = readEncodings(headers.get("content-encoding"));
    const isKnown = encodings.every((name) => KNOWN_ENCODINGS.includes(name));
    const plain = isKnown ? decompress(body!, encodings) : body!;
    const reader = (this.#reader = plain.getReader());
    if (this.#isOver) return cancel(reader);
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.#isOver) return;
      if (!isKnown) throw new UnknownEncoding();
      if (!this.#receiver.onData(value) && !this.#isOver)
        await new Promise<void>((resolve) => (this.#resume = resolve));
    }
  }

  /** Closes the upstream, whatever state the call is in. */
  #drop(): void {
    this.#controller.abort();
    cancel(this.#reader);
    this.resume();
  }

  #finish(tell?: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
    tell?.();
  }
}

/** An unread body keeps its socket until it is collected, so each one is cancelled. */
function cancel(body: { cancel(): Promise<void> } | null | undefined): void {
  body?.cancel().catch(() => {});
}

/** `get` of a web header list returns `null` for a missing header. */
function toReplyHeaders(headers: Headers): ReplyHeaders {
  return {
    get: (name) => headers.get(name) ?? undefined,
    forEach: (visit) => headers.forEach((value, name) => visit(value, name)),
  };
}

function toTransportError(error: unknown): TransportError {
  const denial = denialOf(error);
  return denial === undefined ? readFault(error) : { fault: "permission", code: denial };
}
