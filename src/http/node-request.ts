// A request that arrived as Node's `IncomingMessage`. The few fields in use are declared here, so that the core needs no `node:*`.
import type { BodyMeter, InboundCall } from "../contract/inbound-call.ts";
import { RelayError } from "../shared/errors.ts";
import { BodyCollector } from "./body-collector.ts";
import { NO_ERROR, untilPacketRead } from "./node-connection.ts";
import type { RespondedMessage } from "./node-response.ts";
import { readWebBody, toIncomplete } from "./web-request.ts";

/** The part of `http.IncomingMessage` that is used. */
export interface NodeRequest extends RespondedMessage {
  readonly url?: string;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly rawHeaders?: readonly string[];
  readonly complete: boolean;
  readonly destroyed?: boolean;
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
  /** The result of a body parser. */
  readonly body?: unknown;
  on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
  on(event: "end" | "close" | "error" | "aborted", listener: () => void): unknown;
  removeListener(event: string, listener: (chunk: Uint8Array) => void): unknown;
  destroy(): unknown;
}

export interface NodeCallOptions {
  mount: string | undefined;
  target: string;
  /** Creates the web `Request` for the operator's functions. */
  toRequest: () => Request;
  preparedHeaders?: () => Iterable<[string, string]>;
  /** The peer's address where the host knows more than the socket (behind a proxy that the host trusts). */
  toAddress?: () => string | undefined;
}

/** A body that is refused is discarded; after this many times the limit the connection is closed. */
const DISCARD_FACTOR = 2;

export class NodeRequestCall implements InboundCall {
  readonly method: string;
  readonly target: string;
  readonly mount: string | undefined;
  readonly request: () => Request;
  readonly preparedHeaders: (() => Iterable<[string, string]>) | undefined;
  readonly #message: NodeRequest;
  readonly #toAddress: (() => string | undefined) | undefined;

  constructor(message: NodeRequest, options: NodeCallOptions) {
    this.#message = message;
    this.method = message.method ?? "GET";
    this.target = options.target;
    this.mount = options.mount;
    this.#toAddress = options.toAddress;
    this.request = options.toRequest;
    this.preparedHeaders = options.preparedHeaders;
  }

  get address(): string | undefined {
    return this.#toAddress ? this.#toAddress() : this.#message.socket?.remoteAddress;
  }

  get headerCount(): number {
    const { rawHeaders, headers } = this.#message;
    return rawHeaders ? rawHeaders.length / 2 : Object.keys(headers).length;
  }

  header(name: string): string | undefined {
    const { headers } = this.#message;
    const value = name === "host" ? hostOf(headers) : headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  eachHeader(visit: (value: string, name: string) => void): void {
    const { headers } = this.#message;
    for (const name in headers) if (!isPseudo(name)) visit(this.header(name)!, name);
  }

  readBody(limit: number, meter?: BodyMeter): Promise<Uint8Array> {
    const message = this.#message;
    if (message.aborted || (message.destroyed && !message.complete))
      return Promise.reject(new RelayError("ERR_RELAY_CLIENT_GONE"));
    // A destroyed message never emits `end`, so waiting for it would never finish.
    if (message.destroyed) return this.#readRest(limit, meter);
    // The message has been read already: an `authorize` function that read a clone has left the rest in the web request.
    if (message.readableDidRead || message.readableEnded) return this.#readRest(limit, meter);
    return new Promise((resolve, reject) => {
      const declared = this.#declaredLength();
      const body = new BodyCollector(limit, meter, declared);
      const gone = (): void => reject(new RelayError("ERR_RELAY_CLIENT_GONE"));
      if (body.refusal) reject(body.refusal as Error);
      const onData = (chunk: Uint8Array): void => {
        if (body.add(chunk)) return;
        reject(body.refusal as Error);
        if (body.arrived > DISCARD_FACTOR * limit) discard(message);
      };
      const onClose = (): void => (message.complete ? undefined : gone());
      // Removed again, because the listeners would keep the body in memory as long as the response streams.
      const onEnd = (): void => {
        message.removeListener("data", onData);
        message.removeListener("end", onEnd);
        message.removeListener("error", gone);
        message.removeListener("close", onClose);
        // Whatever has consumed the body: an empty body is not what the client has sent.
        if (body.arrived === 0 && declared > 0) reject(this.#bodyUsed());
        else if (body.arrived < declared) reject(toIncomplete(body.arrived, declared));
        else if (message.stream && declared === 0)
          void untilPacketRead().then(() => (message.aborted ? gone() : resolve(body.bytes())));
        else resolve(body.bytes());
      };
      message.on("data", onData);
      message.on("end", onEnd);
      message.on("error", gone);
      message.on("close", onClose);
    });
  }

  async #readRest(limit: number, meter: BodyMeter | undefined): Promise<Uint8Array> {
    if (!this.#hasBody()) return new Uint8Array(0);
    const request = this.request();
    if (!request.body || request.bodyUsed || request.body.locked) throw this.#bodyUsed();
    return readWebBody(request, limit, meter);
  }

  // Express and similar frameworks store the parsed body on the message.
  #bodyUsed(): RelayError {
    const isParsed = this.#message.body !== undefined;
    return new RelayError("ERR_RELAY_BODY_USED", { detail: isParsed ? "express" : "node" });
  }

  #declaredLength(): number {
    return Number(this.#message.headers["content-length"] ?? 0);
  }

  // HTTP/2 need not announce a body.
  #hasBody(): boolean {
    const { headers } = this.#message;
    const isAnnounced = headers["transfer-encoding"] !== undefined || ":method" in headers;
    return isAnnounced || this.#declaredLength() > 0;
  }
}

/** Ends an upload that goes on although the client has its answer. */
function discard(message: NodeRequest): void {
  // In HTTP/2 the other streams of the connection go on; without an error, the client reads its answer.
  if (message.stream) message.stream.close(NO_ERROR);
  else message.destroy();
}

/** Method, path and host of an HTTP/2 request are no headers. */
function isPseudo(name: string): boolean {
  return name.startsWith(":");
}

/** The host that the client has called: in HTTP/2, the field that replaces `host` takes precedence (RFC 9113, section 8.3.1). */
function hostOf(headers: NodeRequest["headers"]): string | undefined {
  const host = headers[":authority"] ?? headers["host"];
  return Array.isArray(host) ? host[0] : host;
}

/** Creates a web `Request` from a Node request, without its body: enough for `authorize` and the session key. */
export function toWebRequest(message: NodeRequest, url: string = message.url ?? "/"): Request {
  const protocol = message.socket?.encrypted ? "https" : "http";
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined && !isPseudo(name)) headers.append(name, one);
  }
  const host = hostOf(message.headers) ?? "localhost";
  if (message.stream) headers.set("host", host);
  const base = `${protocol}://${URL.canParse(`${protocol}://${host}`) ? host : "localhost"}`;
  return new Request(new URL(url.startsWith("/") ? `${base}${url}` : base), {
    method: message.method,
    headers,
  });
}
