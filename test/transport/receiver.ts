/** A receiver that records its calls. */
import type {
  Exchange,
  Outgoing,
  Receiver,
  ReplyHeaders,
  Transport,
  TransportError,
  TransportFault,
} from "../../src/contract/transport.ts";

type Heard = "connect" | "head" | "data" | "end" | "fail";

export class Recorded implements Receiver {
  exchange!: Exchange;
  heard: Heard[] = [];
  status = 0;
  headers: ReplyHeaders | undefined;
  chunks: Uint8Array[] = [];
  length = 0;
  error: TransportError | undefined;
  /** Resolves with `end` or the fault. */
  readonly over: Promise<"end" | TransportFault>;
  #finish!: (how: "end" | TransportFault) => void;
  #flows: boolean;
  #waiters = new Set<() => void>();
  #listeners = new Map<Heard, () => void>();

  constructor(paused: boolean) {
    this.#flows = !paused;
    this.over = new Promise((resolve) => (this.#finish = resolve));
  }

  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  on(what: Heard, run: () => void): void {
    this.#listeners.set(what, run);
  }

  next(what: Heard): Promise<void> {
    return this.until(() => this.heard.includes(what));
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => void this.#waiters.add(resolve));
  }

  /** Accepts everything from now on; big bodies are only counted. */
  flow(): void {
    this.#flows = true;
    this.exchange.resume();
  }

  onConnect(): void {
    this.#note("connect");
  }

  onHead(status: number, headers: ReplyHeaders): void {
    this.status = status;
    this.headers = headers;
    this.#note("head");
  }

  onData(chunk: Uint8Array): boolean {
    this.length += chunk.length;
    if (this.length < 4_000_000) this.chunks.push(chunk);
    this.#note("data");
    return this.#flows;
  }

  onEnd(): void {
    this.#note("end");
    this.#finish("end");
  }

  onFail(error: TransportError): void {
    this.error = error;
    this.#note("fail");
    this.#finish(error.fault);
  }

  #note(what: Heard): void {
    this.heard.push(what);
    this.#listeners.get(what)?.();
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

/** Sends and returns what is received. */
export function record(
  transport: Transport,
  outgoing: Outgoing,
  { paused = false }: { paused?: boolean } = {},
): Recorded {
  const receiver = new Recorded(paused);
  receiver.exchange = transport.send(outgoing, receiver);
  return receiver;
}
