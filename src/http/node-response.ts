// Writes a response directly to Node's `ServerResponse`. The few fields in use are declared here, so that the core needs no `node:*`.
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";

/** The part of a client's socket that is used. */
export interface NodeSocket {
  /** True once Node sends nothing more on it. */
  readonly writableEnded: boolean;
  /** The system's side of the socket: a large write that is partly sent shows nowhere else. Node's own socket timeout reads it, too. */
  readonly _handle?: { readonly writeQueueSize?: number } | null;
  on(event: "end", listener: () => void): unknown;
  removeListener(event: "end", listener: () => void): unknown;
}

/** The part of `http.ServerResponse` that is used. */
export interface NodeResponse {
  /** Bytes that Node has not handed to the system. */
  readonly writableLength?: number;
  readonly socket?: NodeSocket | null;
  /** HTTP/2 only: its socket belongs to many responses. */
  readonly stream?: { readonly writableLength?: number };
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
  #isWatched = false;
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
    if (this.#response.write(bytes)) return true;
    if (!this.#isWatched) this.#watchSocket();
    return false;
  }

  get backlog(): number | undefined {
    const { stream, socket, writableLength } = this.#response;
    if (stream) return stream.writableLength;
    return writableLength === undefined
      ? undefined
      : writableLength + (socket?._handle?.writeQueueSize ?? 0);
  }

  // A client that has closed its side of the connection (FIN) gets nothing more: Node closes the other side after what it has
  // buffered, unless the server has `httpAllowHalfOpen`. `close` would come only when the client has read that.
  #watchSocket(): void {
    const response = this.#response;
    const { socket, stream } = response;
    this.#isWatched = true;
    if (stream || !socket) return;
    const onEnd = (): void => {
      if (this.#state !== "writing" || !socket.writableEnded) return;
      this.#close();
      response.destroy();
    };
    socket.on("end", onEnd);
    response.on("close", () => socket.removeListener("end", onEnd));
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
