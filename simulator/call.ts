// One call in the ledger.
import type { SimulatedDialect } from "./behaviour.ts";
import type { Asked } from "./inbound.ts";

/** How a call ended: `ended early` is a body that the simulator ended normally before it was complete. */
export type CallEnd = "completed" | "client closed" | "cut by us" | "ended early";

/** Times on `performance.now()` of the simulator's process, in ms; for measuring latencies. */
export interface CallTiming {
  /** Request headers were read. */
  received: number;
  /** The request was read completely and an answer was selected. */
  started: number;
  /** Status and headers were written. */
  firstByte: number | undefined;
  /** The last byte was written, or the call was interrupted. */
  ended: number | undefined;
  /** The response was flushed or its socket closed. */
  closed: number | undefined;
}

const KEPT_BYTES = 4 * 1024 * 1024;

/** A request of one client and its result. Filled while the call is in progress. */
export class Call {
  readonly id: number;
  /** When the request arrived, in UTC epoch ms by the simulator's clock. */
  readonly at: number;
  readonly dialect: SimulatedDialect | undefined;
  /** The requested operation: `chat`, `messages`, `token` …; `undefined` for an unknown path. */
  readonly operation: string | undefined;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Query with its `?`, or `""`. */
  readonly query: string;
  /** The secret as it was sent, without `Bearer`; `""` when there was none. */
  readonly secret: string;
  /** A short stable name of the credential: the key's name, the user of a token, or `c1`, `c2` … in order of appearance. */
  readonly credential: string;
  readonly model: string | undefined;
  /** Whether a stream was requested. */
  readonly stream: boolean;
  /** Number of the connection that carried the call, from 1. */
  readonly socket: number;
  readonly bodyBytes: number;
  readonly timing: CallTiming;

  /** Status of the answer; 0 while there is none. */
  status = 0;
  startedAt: number;
  firstByteAt: number | undefined = undefined;
  endedAt: number | undefined = undefined;
  closedAt: number | undefined = undefined;
  /** Payload events written to the socket. */
  events = 0;
  /** Body bytes written to the socket, after any content encoding. */
  bytes = 0;
  /** True once the last byte of a complete answer was written. */
  whole = false;
  /** True while the call is stalled by a behaviour. */
  stalled = false;
  /** True while the client waits or reads. */
  open = true;
  end: CallEnd | undefined = undefined;

  #asked: Asked;
  #sent: Buffer[] = [];
  #sentBytes = 0;

  constructor(id: number, asked: Asked, credential: string, at: number, now: number) {
    this.id = id;
    this.#asked = asked;
    this.at = asked.at;
    this.dialect = asked.dialect;
    this.operation = asked.operation;
    this.method = asked.method;
    this.path = asked.path;
    this.query = asked.query;
    this.secret = asked.secret;
    this.credential = credential;
    this.model = asked.model;
    this.stream = asked.stream;
    this.socket = asked.socket;
    this.bodyBytes = asked.body.length;
    this.startedAt = at;
    this.timing = {
      received: asked.received,
      started: now,
      firstByte: undefined,
      ended: undefined,
      closed: undefined,
    };
  }

  /** Request headers by lower-case name. */
  get headers(): Record<string, string | string[] | undefined> {
    return this.#asked.headers;
  }

  /** Request headers as they were sent: name, value, name, value … */
  get rawHeaders(): string[] {
    return this.#asked.rawHeaders;
  }

  get body(): Buffer {
    return this.#asked.body;
  }

  /** The request's body parsed as JSON; `undefined` where it is not JSON. */
  get json(): unknown {
    return this.#asked.json;
  }

  /** Body bytes sent so far, before any content encoding; `undefined` above 4 MiB. */
  get sent(): Buffer | undefined {
    return this.#sentBytes > KEPT_BYTES ? undefined : Buffer.concat(this.#sent);
  }

  /** Number of body bytes before any content encoding. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** @internal */
  keep(bytes: Buffer): void {
    this.#sentBytes += bytes.length;
    if (this.#sentBytes <= KEPT_BYTES) this.#sent.push(bytes);
    else if (this.#sent.length > 0) this.#sent = [];
  }

  /** @internal */
  toJSON(): Record<string, unknown> {
    const { ...fields } = this;
    return fields;
  }
}
