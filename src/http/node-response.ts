// Writes a response directly to Node's `ServerResponse`, over HTTP/1 and HTTP/2. The few fields in use are declared here, so that the core
// needs no `node:*`.
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";
import { CONNECTION_SPECIFIC } from "./headers.ts";
import {
  type ConnectedMessage,
  type ConnectedResponse,
  INTERNAL_ERROR,
  isConnectionLost,
  NO_ERROR,
  watchConnection,
} from "./node-connection.ts";

/** Header values by name; a list is sent as several headers. */
export type HeaderFields = Record<string, number | string | string[] | undefined>;

/** The part of the socket of a response that is used. */
export interface ResponseSocket {
  /** True once Node sends nothing more on it. */
  readonly writableEnded: boolean;
  /** The system's side of the socket: a large write that is partly sent shows nowhere else. Node's own socket timeout reads it, too. */
  readonly _handle?: { readonly writeQueueSize?: number } | null;
  on(event: "end", listener: () => void): unknown;
  removeListener(event: "end", listener: () => void): unknown;
}

/** The part of `http.ServerResponse` that is used. */
export interface NodeResponse extends ConnectedResponse {
  /** Bytes that Node has not handed to the system. */
  readonly writableLength?: number;
  readonly socket?: ResponseSocket | null;
  /** HTTP/2 only: its socket belongs to many responses. */
  readonly stream?: { readonly writableLength?: number };
  readonly writableFinished: boolean;
  readonly headersSent: boolean;
  writeHead(status: number, headers?: string[] | HeaderFields): unknown;
  flushHeaders?(): unknown;
  write(bytes: Uint8Array): boolean;
  end(): unknown;
  destroy(): unknown;
  on(event: "close" | "drain" | "error", listener: () => void): unknown;
}

/** The part of `http.IncomingMessage` that the response depends on. */
export interface RespondedMessage extends ConnectedMessage {
  readonly method?: string;
}

const NULL_BODY = new Set([204, 205, 304]);

export class NodeResponseSink implements Sink {
  listener: SinkListener | undefined;
  readonly #response: NodeResponse;
  readonly #message: RespondedMessage;
  #hasBody: boolean;
  #state: "open" | "writing" | "over" | "broken" | "left" = "open";
  #isWatched = false;
  /** Settles when the response has ended. */
  readonly finished: Promise<void>;

  constructor(response: NodeResponse, message: RespondedMessage) {
    this.#response = response;
    this.#message = message;
    this.#hasBody = message.method !== "HEAD";
    const isLost = isConnectionLost(message, response);
    if (isLost) this.#state = "left";
    this.finished = new Promise((resolve) => {
      if (isLost) return resolve();
      watchConnection(message, response, () => {
        if (!this.#isDelivered()) this.#leave();
        resolve();
      });
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
    if (NULL_BODY.has(status)) this.#hasBody = false;
    this.#response.writeHead(status, this.#message.stream ? toFields(headers) : toFlat(headers));
    queueMicrotask(() => this.#flush());
  }

  // Node holds the head back until the first byte of the body, which may come late.
  #flush(): void {
    if (this.#state === "open") this.#response.flushHeaders?.();
  }

  write(bytes: Uint8Array): boolean {
    if (this.closed || !this.#hasBody) return true;
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
    // A response that waits behind another one has no socket yet.
    if (stream || !socket) return;
    this.#isWatched = true;
    const onEnd = (): void => {
      if (this.#state !== "writing" || !socket.writableEnded) return;
      this.#leave();
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
    const { stream } = this.#message;
    // Without a code, the client would take what it has for the whole response.
    if (stream) stream.close(INTERNAL_ERROR);
    else this.#response.destroy();
  }

  /** True where the client has the complete response. Node calls a response finished that was reset: only `end` shows that it was whole. */
  #isDelivered(): boolean {
    const { stream } = this.#message;
    // In HTTP/2 the head of a response without a body ends its stream.
    const isWhole = this.#state === "over" || (stream !== undefined && !this.#hasBody);
    const isReset = (stream?.rstCode ?? NO_ERROR) !== NO_ERROR;
    return isWhole && !isReset && this.#response.writableFinished;
  }

  #leave(): void {
    if (this.closed || this.#state === "broken") return;
    this.#state = "left";
    this.listener?.onClose();
  }
}

function toFlat(headers: HeaderList): string[] {
  const flat: string[] = [];
  for (const [name, value] of headers) flat.push(name, value);
  return flat;
}

/** The headers that HTTP/2 has. Of a flat list, Node 20 keeps only the last one of each name there. */
function toFields(headers: HeaderList): HeaderFields {
  const fields: HeaderFields = {};
  for (const [name, value] of headers) {
    const before = fields[name];
    if (CONNECTION_SPECIFIC.has(name)) continue;
    fields[name] = before === undefined ? value : [before, value].flat().map(String);
  }
  return fields;
}
