// Writes a response directly to Node's `ServerResponse`. The few fields in use are declared here, so that the core needs no `node:*`.
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";

/** The part of `http.ServerResponse` that is used. */
export interface NodeResponse {
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  statusMessage: string;
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders?(): unknown;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  on(event: "close" | "drain" | "error", listener: () => void): unknown;
}

export class NodeResponseSink implements Sink {
  listener: SinkListener | undefined;
  readonly #response: NodeResponse;
  readonly #isHead: boolean;
  #state: "open" | "writing" | "over" | "broken" | "left" = "open";
  /** Settles when the response has ended. */
  readonly finished: Promise<void>;

  constructor(response: NodeResponse, method: string) {
    this.#response = response;
    this.#isHead = method === "HEAD";
    if (response.destroyed) this.#state = "left";
    this.finished = new Promise((resolve) => {
      // `close` is also emitted after success; only `finish` shows that everything was sent.
      response.on("close", () => {
        if (!response.writableFinished) this.#close();
        resolve();
      });
      if (response.destroyed) resolve();
    });
    response.on("drain", () => this.listener?.onDrain());
    // A socket that breaks during a write also emits `error`; `close` follows.
    response.on("error", () => {});
  }

  get closed(): boolean {
    return this.#state === "left";
  }

  head(status: number, headers: HeaderList): void {
    if (this.closed || this.#response.headersSent) return;
    const flat: string[] = [];
    for (const [name, value] of headers) flat.push(name, value);
    this.#response.writeHead(status, flat);
    queueMicrotask(() => this.#flush());
  }

  // Node holds the head back until the first byte of the body, which may come late.
  #flush(): void {
    if (this.#state === "open") this.#response.flushHeaders?.();
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || this.#isHead) return true;
    this.#state = "writing";
    return this.#response.write(bytes);
  }

  end(): void {
    if (this.closed) return;
    this.#state = "over";
    this.#response.end();
  }

  destroy(): void {
    if (this.closed) return;
    this.#state = "broken";
    this.#response.destroy();
  }

  #close(): void {
    if (this.closed || this.#state === "broken") return;
    this.#state = "left";
    this.listener?.onClose();
  }
}
