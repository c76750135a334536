/** Clients of one request each over every protocol that a Node server speaks; they leave in the way of that protocol. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
} from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface Visit {
  /** Models of the requests that the client has sent before on the same connection. */
  before: string[];
  /** The response as far as it has been read. */
  text(): string;
  /** Reads on until the text matches; rejects where the response ends before. */
  until(fits: (text: string) => boolean): Promise<void>;
  /** Leaves; resolves with the time on `performance.now()`. */
  leave(): Promise<number>;
  /** Resolves when the server has read everything; at once where the connection is closed, or cannot tell. */
  ping(): Promise<void>;
  /** Closes what is still open. */
  close(): void;
}

export interface VisitOptions {
  headers?: Record<string, string>;
  stream?: boolean;
  /** Called after what must not end the request (a GOAWAY), before the client leaves. */
  beforeLeaving?: () => void;
}

export interface Protocol {
  isHTTP2: boolean;
  /** True where the response is not seen, because it waits behind another one. */
  isQueued: boolean;
  visit(url: string, model: string, options?: VisitOptions): Visit;
}

const PATH = "/chat/completions";

/** The body of a chat completion. */
export function bodyOf(model: string, stream = true): string {
  return JSON.stringify({ model, stream, messages: [{ role: "user", content: "Say something." }] });
}

/** Opens a TCP or TLS connection for a URL. */
export function openSocket(url: string, protocol: "http/1.1" | "h2"): Socket {
  const { hostname, port, protocol: scheme } = new URL(url);
  const where = { host: hostname, port: Number(port) };
  const socket =
    scheme === "https:"
      ? connectTls({ ...where, ALPNProtocols: [protocol], rejectUnauthorized: false })
      : connect(where);
  return socket.on("error", () => {});
}

/** An HTTP/1 request as text. */
export function rawChat(
  url: string,
  model: string,
  version: "1.0" | "1.1",
  { headers, stream }: VisitOptions = {},
): string {
  const { pathname, host } = new URL(url);
  const body = bodyOf(model, stream);
  const lines = Object.entries({ host, "content-type": "application/json", ...headers });
  return [
    `POST ${pathname}${PATH} HTTP/${version}`,
    ...lines.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** What a client reads, once it reads. */
class Reading {
  #text = "";
  #isOver = false;
  #wake = (): void => {};

  readonly source: Socket | ClientHttp2Stream;

  constructor(source: Socket | ClientHttp2Stream) {
    this.source = source;
    source.on("error", () => {});
    source.on("close", () => {
      this.#isOver = true;
      this.#wake();
    });
  }

  get text(): string {
    return this.#text;
  }

  async until(fits: (text: string) => boolean): Promise<void> {
    if (this.source.listenerCount("data") === 0)
      this.source.on("data", (chunk: Buffer) => {
        this.#text += chunk.toString("latin1");
        this.#wake();
      });
    while (!fits(this.#text)) {
      if (this.#isOver) throw new Error(`ended after ${this.#text}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** HTTP/1: `count` requests in one packet, of which the last one is the client's own. */
function overHTTP1(version: "1.0" | "1.1", count: number): Protocol {
  return {
    isHTTP2: false,
    isQueued: count > 1,
    visit(url, model, options) {
      const before = Array.from({ length: count - 1 }, (_, nth) => `before-${nth}-${model}`);
      const socket = openSocket(url, "http/1.1");
      const requests = before.map((one) => rawChat(url, one, version));
      socket.write(requests.join("") + rawChat(url, model, version, options));
      const reading = new Reading(socket);
      return {
        before,
        text: () => reading.text,
        until: (fits) => reading.until(fits),
        leave() {
          socket.destroy();
          return Promise.resolve(performance.now());
        },
        ping: () => Promise.resolve(),
        close: () => void socket.destroy(),
      };
    },
  };
}

export interface Http2Client {
  session: ClientHttp2Session;
  socket: Socket;
  /** Resolves when the server has answered a ping, and so has read everything before. */
  ping(): Promise<void>;
}

export function openSession(url: string): Http2Client {
  const socket = openSocket(url, "h2");
  const session = connectHttp2(new URL(url).origin, { createConnection: () => socket });
  session.on("error", () => {});
  const ping = (): Promise<void> => new Promise((resolve) => session.ping(() => resolve()));
  return { session, socket, ping };
}

/** Opens a stream for a request without its body. */
export function openStream(
  { session }: Http2Client,
  url: string,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": new URL(url).pathname + PATH,
    "content-type": "application/json",
    ...headers,
  });
  return stream.on("error", () => {});
}

const CANCEL = 8;

type Leaving = (client: Http2Client, stream: ClientHttp2Stream) => Promise<unknown> | void;

function overHTTP2(leave: Leaving): Protocol {
  return {
    isHTTP2: true,
    isQueued: false,
    visit(url, model, { headers, stream: isStream, beforeLeaving } = {}) {
      const client = openSession(url);
      const stream = openStream(client, url, headers);
      stream.end(bodyOf(model, isStream));
      const reading = new Reading(stream);
      return {
        before: [],
        text: () => reading.text,
        until: (fits) => reading.until(fits),
        async leave() {
          // A client with its complete answer has nothing left to leave.
          if (!stream.closed) await leave(client, stream);
          beforeLeaving?.();
          const leftAt = performance.now();
          if (!client.socket.destroyed) stream.close(CANCEL);
          return leftAt;
        },
        ping: () => (client.socket.destroyed ? Promise.resolve() : client.ping()),
        close: () => void client.socket.destroy(),
      };
    },
  };
}

export type ProtocolName =
  | "HTTP/1.0"
  | "HTTP/1.1"
  | "HTTP/1.1, second of a pipeline"
  | "HTTP/1.1, last of a pipeline"
  | "HTTP/2, stream reset"
  | "HTTP/2, session lost"
  | "HTTP/2, stream reset after GOAWAY";

export const PROTOCOLS: Record<ProtocolName, Protocol> = {
  "HTTP/1.0": overHTTP1("1.0", 1),
  "HTTP/1.1": overHTTP1("1.1", 1),
  "HTTP/1.1, second of a pipeline": overHTTP1("1.1", 2),
  "HTTP/1.1, last of a pipeline": overHTTP1("1.1", 5),
  "HTTP/2, stream reset": overHTTP2(() => {}),
  "HTTP/2, session lost": overHTTP2(({ socket }) => void socket.destroy()),
  "HTTP/2, stream reset after GOAWAY": overHTTP2(({ session }) => {
    session.goaway(0);
    // The server answers with the same.
    return new Promise((resolve) => session.once("goaway", resolve));
  }),
};
