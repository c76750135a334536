// The transport for Node: calls upstreams through undici's dispatcher, which delivers bytes by callback, without web streams.
import type {
  Exchange,
  Outgoing,
  Receiver,
  ReplyHeaders,
  Transport,
} from "../contract/transport.ts";
import type { Agent, buildConnector, Dispatcher } from "undici";
import { readFault } from "../shared/network-faults.ts";
import { type Connecting, PendingConnections } from "./pending-connections.ts";
import { BodyPieces } from "./body-pieces.ts";
import { type ChunkOwner, SMALL_CHUNK, SmallChunks } from "./small-chunks.ts";
import { BodyDecoder, type DecoderSource } from "./decompress-node.ts";
import { readEncodings } from "./content-encodings.ts";

type Controller = Dispatcher.DispatchController;
type RawHeaders = Record<string, string | string[] | undefined>;

// All timeouts are the relay's own (I7–I9): undici's would end a silent stream after 300 s.
const AGENT_OPTIONS: Agent.Options = {
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: 65_536,
};

/** Creates Node's transport. undici is imported here and not with the package, because it takes longer than everything else. */
export async function createTransport(): Promise<Transport> {
  const { Agent, buildConnector } = await import("undici");
  const connections = new PendingConnections();
  const connect = watched(connections, buildConnector({ timeout: 0 }));
  const agent = new Agent({ ...AGENT_OPTIONS, connect });
  return {
    name: "undici",
    send(outgoing, receiver) {
      const exchange = new UndiciExchange(connections, outgoing.origin, receiver);
      exchange.send(agent, outgoing);
      return exchange;
    },
    async close() {
      // destroy, not close: by then every stream has had its grace time.
      const destroyed = agent.destroy();
      connections.close();
      await destroyed;
    },
  };
}

function watched(
  connections: PendingConnections,
  connect: buildConnector.connector,
): buildConnector.connector {
  return (options, callback) => {
    // It returns the socket, though its type does not declare that.
    const socket = connect(options, (...result) => {
      stop();
      callback(...result);
    }) as unknown as Connecting;
    const stop = connections.add(`${options.protocol}//${options.host}`, socket);
    return socket;
  };
}

class UndiciExchange implements Exchange, DecoderSource, ChunkOwner, Dispatcher.DispatchHandler {
  readonly tellsConnect = true;
  readonly #connections: PendingConnections;
  readonly #origin: string;
  #receiver: Receiver;
  #decoder: BodyDecoder | undefined;
  /** The receiver has asked to wait. */
  #isSlow = false;
  /** Created by the first small chunk. */
  #small: SmallChunks | undefined;
  #controller: Controller | undefined;
  /** `sending`: `send` has not returned yet; `waiting`: for a connection. */
  #phase: "sending" | "waiting" | "answering" | "over" = "sending";

  constructor(connections: PendingConnections, origin: string, receiver: Receiver) {
    this.#connections = connections;
    this.#origin = origin;
    this.#receiver = receiver;
  }

  send(agent: Agent, outgoing: Outgoing): void {
    const { method, origin, path, headers, pieces } = outgoing;
    const inPieces = pieces && new BodyPieces(pieces);
    this.#connections.enter(origin);
    agent.dispatch(
      {
        method: method as Dispatcher.HttpMethod,
        origin,
        path,
        headers: inPieces ? { ...headers, "content-length": `${inPieces.length}` } : headers,
        body: (inPieces ?? outgoing.body) as Buffer | undefined,
      },
      this,
    );
    if (this.#phase === "sending") this.#phase = "waiting";
  }

  resume(): void {
    if (this.#decoder) this.#decoder.resume();
    else this.resumeSource();
  }

  abort(): void {
    this.#decoder?.abort();
    this.abortSource();
  }

  resumeSource(): void {
    this.#isSlow = false;
    this.#controller?.resume();
  }

  abortSource(): void {
    if (this.#phase === "over") return;
    this.#end();
    this.#controller?.abort(ABORTED);
  }

  #end(): void {
    if (this.#phase !== "answering") this.#connections.leave(this.#origin);
    this.#phase = "over";
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#phase === "over") return controller.abort(ABORTED);
    this.#connections.leave(this.#origin);
    this.#phase = "answering";
    this.#receiver.onConnect?.();
  }

  onResponseStart(_controller: Controller, status: number, raw: RawHeaders): void {
    // 1xx responses precede the real one.
    if (this.#phase === "over" || status < 200) return;
    const encoding = raw["content-encoding"];
    if (encoding !== undefined) this.#decode(readEncodings(String(encoding)));
    this.#receiver.onHead(status, new RawReplyHeaders(raw));
  }

  #decode(encodings: readonly string[]): void {
    if (encodings.length === 0) return;
    this.#receiver = this.#decoder = new BodyDecoder(this.#receiver, encodings, this);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#phase === "over") return;
    if (chunk.length < SMALL_CHUNK) return (this.#small ??= new SmallChunks(this)).add(chunk);
    this.#small?.flush();
    if (this.#receiver.onData(chunk)) return;
    this.#isSlow = true;
    controller.pause();
  }

  passOn(bytes: Uint8Array): void {
    if (this.#phase === "over" || this.#receiver.onData(bytes)) return;
    this.#isSlow = true;
    this.#controller?.pause();
  }

  takeBreak(): void {
    if (this.#phase === "over" || this.#isSlow) return;
    this.#controller?.pause();
    setTimeout(() => this.#endBreak(), 0);
  }

  #endBreak(): void {
    if (this.#phase !== "over" && !this.#isSlow) this.#controller?.resume();
  }

  onResponseEnd(): void {
    this.#small?.flush();
    if (this.#phase === "over") return;
    this.#end();
    this.#receiver.onEnd();
  }

  onResponseError(_controller: Controller | undefined, error: Error & { code?: string }): void {
    this.#small?.flush();
    if (this.#phase === "over") return;
    const isSending = this.#phase === "sending";
    this.#end();
    const tell = (): void => this.#receiver.onFail(readFault(error));
    // An invalid request is rejected inside `dispatch`; the receiver must not be called before `send` has returned.
    if (isSending) queueMicrotask(tell);
    else tell();
  }
}

const ABORTED = new Error("aborted by the relay");

class RawReplyHeaders implements ReplyHeaders {
  readonly #raw: RawHeaders;

  constructor(raw: RawHeaders) {
    this.#raw = raw;
  }

  get(name: string): string | undefined {
    const value = this.#raw[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const name in this.#raw) {
      const value = this.#raw[name];
      if (Array.isArray(value)) for (const one of value) visit(one, name);
      else if (value !== undefined) visit(value, name);
    }
  }
}
