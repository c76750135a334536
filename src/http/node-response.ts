// Writes an answer straight into Node's `ServerResponse`. Describes the few fields it uses, so that the core needs no `node:*`.
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
  /** Settles when nothing more will happen on the response. */
  readonly finished: Promise<void>;

  constructor(response: NodeResponse, method: string) {
    this.#response = response;
    this.#isHead = method === "HEAD";
    if (response.destroyed) this.#state = "left";
    this.finished = new Promise((resolve) => {
      // `close` comes after success too; `finish` alone tells that all went out.
      response.on("close", () => {
        if (!response.writableFinished) this.#close();
        resolve();
      });
      if (response.destroyed) resolve();
    });
    response.on("drain", () => this.listener?.onDrain());
    // A socket that breaks while we write says so here too; `close` follows.
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

  // Node keeps a head back until the first byte of the body, which may be long in coming.
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
