// The request of a client, read from one HTTP request.
import type { IncomingMessage } from "node:http";
import type { SimulatedDialect } from "./behaviour.ts";
import { routeOf } from "./routes.ts";
import type { Operation, Spoken } from "./routes.ts";

/** A request that has been read completely. */
export interface Asked {
  method: string;
  path: string;
  query: string;
  dialect: SimulatedDialect | undefined;
  operation: Operation | undefined;
  secret: string;
  model: string | undefined;
  stream: boolean;
  socket: number;
  body: Buffer;
  headers: Record<string, string | string[] | undefined>;
  rawHeaders: string[];
  json: unknown;
  /** UTC epoch ms by the simulator's clock. */
  at: number;
  /** The same moment on `performance.now()`, in ms. */
  received: number;
}

/** What is known after the headers have arrived. */
export interface Arrival {
  socket: number;
  at: number;
  received: number;
}

const UNPARSED = Symbol("unparsed");

class AskedRequest implements Asked {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly dialect: SimulatedDialect | undefined;
  readonly operation: Operation | undefined;
  readonly secret: string;
  readonly socket: number;
  readonly body: Buffer;
  readonly at: number;
  readonly received: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly rawHeaders: string[];
  #json: unknown = UNPARSED;
  #pathModel: string | undefined;
  #streams: boolean | undefined;

  constructor(request: IncomingMessage, body: Buffer, arrival: Arrival) {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    this.headers = request.headers;
    this.rawHeaders = request.rawHeaders;
    this.method = request.method ?? "GET";
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark);
    this.body = body;
    this.socket = arrival.socket;
    this.at = arrival.at;
    this.received = arrival.received;
    const route = routeOf(this.method, this.path, spokenBy(request.headers));
    this.dialect = route?.dialect;
    this.operation = route?.operation;
    this.#pathModel = route?.model;
    this.#streams = route?.stream;
    this.secret = secretOf(request.headers, this.query);
  }

  get json(): unknown {
    if (this.#json === UNPARSED) this.#json = parse(this.body);
    return this.#json;
  }

  get model(): string | undefined {
    if (this.#pathModel !== undefined) return this.#pathModel;
    const model = fieldOf(this.json, "model");
    return typeof model === "string" ? model : undefined;
  }

  get stream(): boolean {
    return this.#streams ?? fieldOf(this.json, "stream") === true;
  }
}

/** Combines a request and its body. */
export function toAsked(request: IncomingMessage, body: Buffer, arrival: Arrival): Asked {
  return new AskedRequest(request, body, arrival);
}

/** Reads a request's body completely. Resolves with `undefined` when the client disconnects. */
export function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.once("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.once("error", () => resolve(undefined));
    request.once("close", () => resolve(undefined));
  });
}

/** Reads a field of a value that may be an object. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function spokenBy(headers: IncomingMessage["headers"]): Spoken {
  if (headers["anthropic-version"] !== undefined) return "anthropic";
  return headers["x-goog-api-key"] === undefined ? undefined : "google";
}

function secretOf(headers: IncomingMessage["headers"], query: string): string {
  const bearer = headers.authorization;
  if (bearer) return bearer.replace(/^bearer +/i, "");
  const key = headers["x-api-key"] ?? headers["x-goog-api-key"];
  if (key !== undefined) return String(key);
  return query === "" ? "" : (new URLSearchParams(query).get("key") ?? "");
}

function parse(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
