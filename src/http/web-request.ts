// A request that arrived as a web `Request`.
import type { BodyMeter, InboundCall } from "../contract/inbound-call.ts";
import { RelayError } from "../shared/errors.ts";
import { BodyCollector } from "./body-collector.ts";
import {
  type ConnectedMessage,
  type ConnectedResponse,
  isConnectionLost,
  untilPacketRead,
  watchConnection,
} from "./node-connection.ts";

/** A web request. On Node, srvx adds the message and the response behind it. */
export interface ServedRequest extends Request {
  readonly runtime?: {
    readonly node?: { readonly req?: ConnectedMessage; readonly res?: ConnectedResponse };
  };
}

export interface WebCallOptions {
  /** Path before the target; `""` where the request's path is the target, `undefined` where it is not known. */
  mount: string | undefined;
  /** Path and query after the mount path. */
  target: string;
  address: string | undefined;
}

export class WebRequestCall implements InboundCall {
  readonly method: string;
  readonly target: string;
  readonly mount: string | undefined;
  readonly address: string | undefined;
  readonly #request: Request;

  constructor(request: Request, { mount, target, address }: WebCallOptions) {
    this.#request = request;
    this.method = request.method;
    this.target = target;
    this.mount = mount;
    this.address = address;
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined;
  }

  eachHeader(visit: (value: string, name: string) => void): void {
    this.#request.headers.forEach(visit);
  }

  async readBody(limit: number, meter?: BodyMeter): Promise<Uint8Array> {
    return readWebBody(this.#request, limit, meter);
  }

  request(): Request {
    return this.#request;
  }
}

/** Reads the body of a web request, at most `limit` bytes. */
export async function readWebBody(
  request: ServedRequest,
  limit: number,
  meter?: BodyMeter,
): Promise<Uint8Array> {
  if (request.bodyUsed || request.body?.locked)
    throw new RelayError("ERR_RELAY_BODY_USED", { detail: "web" });
  const declared = Number(request.headers.get("content-length") ?? 0);
  const body = new BodyCollector(limit, meter, declared);
  if (body.refusal) throw body.refusal;
  if (!request.body) {
    // A request that was copied, with its headers only, from one whose body had been read.
    if (declared > 0) throw new RelayError("ERR_RELAY_BODY_USED", { detail: "web" });
    return new Uint8Array(0);
  }
  const reader = request.body.getReader();
  try {
    const bytes = await readAll(reader, body);
    await checkWhole(request, body.arrived, declared);
    return bytes;
  } catch (error) {
    reader.cancel().catch(() => {});
    throw toBodyError(error);
  }
}

// A host may end the body of an interrupted upload like one that is complete.
async function checkWhole(request: ServedRequest, length: number, declared: number): Promise<void> {
  const message = request.runtime?.node?.req;
  if (message?.stream && declared === 0) await untilPacketRead();
  if (request.signal.aborted || message?.aborted) throw new RelayError("ERR_RELAY_CLIENT_GONE");
  if (length < declared) throw toIncomplete(length, declared);
}

/** The error for a body that ends before its declared length. */
export function toIncomplete(length: number, declared: number): RelayError {
  return new RelayError("ERR_RELAY_BODY_INCOMPLETE", {
    detail: `${length} of ${declared} bytes`,
  });
}

function toBodyError(error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  // Servers with a limit of their own (SvelteKit's adapter-node, h3) fail the body with this status.
  const isTooLarge = error instanceof Error && "status" in error && error.status === 413;
  return new RelayError(isTooLarge ? "ERR_RELAY_BODY_SIZE" : "ERR_RELAY_CLIENT_GONE", {
    cause: error,
  });
}

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  body: BodyCollector,
): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return body.bytes();
    if (!body.add(value)) throw body.refusal;
  }
}

/** Calls `onClose` when the client of a request has left, or has left before; also when its response has ended. */
export function watchClient(request: ServedRequest, onClose: () => void): void {
  const { signal, runtime } = request;
  const { req, res } = runtime?.node ?? {};
  signal.addEventListener("abort", onClose, { once: true });
  if (req && res) watchConnection(req, res, onClose);
  if (signal.aborted || (req && res && isConnectionLost(req, res))) onClose();
}
