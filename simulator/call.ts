// One call as the ledger keeps it.
import type { SimulatedDialect } from "./behaviour.ts";
import type { Asked } from "./inbound.ts";

/** How a call ended: `ended early` is a body that we closed in good order before it was whole. */
export type CallEnd = "completed" | "client closed" | "cut by us" | "ended early";

/** Points on `performance.now()` of the simulator's process, ms; for latencies. */
export interface CallTiming {
  /** Request headers were read. */
  received: number;
  /** The request was read whole and an answer was chosen. */
  started: number;
  /** Status and headers were written. */
  firstByte: number | undefined;
  /** The last byte was handed over, or the call broke off. */
  ended: number | undefined;
  /** The response was flushed or its socket closed. */
  closed: number | undefined;
}

const KEPT_BYTES = 4 * 1024 * 1024;

/** Tells what one client asked and what came of it. Filled while the call goes on. */
export class Call {
  readonly id: number;
  /** When the request came, UTC epoch ms by the simulator's clock. */
  readonly at: number;
  readonly dialect: SimulatedDialect | undefined;
  /** What was asked for: `chat`, `messages`, `token` …; `undefined` for a path that nobody serves. */
  readonly operation: string | undefined;
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Query with its `?`, or `""`. */
  readonly query: string;
  /** The secret as it was presented, without `Bearer`; `""` when there was none. */
  readonly secret: string;
  /** A short stable name of who presented it: the key's name, the user of a token, or `c1`, `c2` … in order of appearance. */
  readonly credential: string;
  readonly model: string | undefined;
  /** Whether a stream was asked for. */
  readonly stream: boolean;
  /** Which connection carried the call, counted from 1. */
  readonly socket: number;
  readonly bodyBytes: number;
  readonly timing: CallTiming;

  /** Status answered; 0 while there is none. */
  status = 0;
  startedAt: number;
  firstByteAt: number | undefined = undefined;
  endedAt: number | undefined = undefined;
  closedAt: number | undefined = undefined;
  /** Payload events handed to the socket. */
  events = 0;
  /** Body bytes handed to the socket, after any content encoding. */
  bytes = 0;
  /** True from the moment on that the last byte of a whole answer was handed over. */
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

  /** Request headers as they stood on the wire: name, value, name, value … */
  get rawHeaders(): string[] {
    return this.#asked.rawHeaders;
  }

  get body(): Buffer {
    return this.#asked.body;
  }

  /** The request's body parsed as JSON; `undefined` where it is none. */
  get json(): unknown {
    return this.#asked.json;
  }

  /** Body bytes sent so far, before any content encoding; `undefined` once they are more than 4 MiB. */
  get sent(): Buffer | undefined {
    return this.#sentBytes > KEPT_BYTES ? undefined : Buffer.concat(this.#sent);
  }

  /** Body bytes before any content encoding. */
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
