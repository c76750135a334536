// Reads a request: method, path and body, read once and checked before a credential is selected.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Asked, Dialect } from "../contract/dialect.ts";
import { JSON_REQUEST, OPAQUE_REQUEST } from "../shared/content-types.ts";
import { RelayError } from "../shared/errors.ts";
import { isAmbiguous } from "../shared/json-bytes.ts";
import { isNormal, readPath, toNotNormal } from "./path.ts";

/** A request that has been read, with its original body. */
export interface ReadRequest extends Asked {
  body: Uint8Array | undefined;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const BODILESS = new Set(["GET", "HEAD"]);
const OPENING_BRACE = 0x7b;
/** White space in JSON, and a byte order mark. */
const SPACES = [0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf];

const decoder = new TextDecoder();

/** Checks method, header count and path, at a cost that a client cannot increase. */
export function checkRequest(
  call: InboundCall,
  headerLimit: number,
): { path: string; query: string } {
  if (!METHODS.has(call.method)) throw new RelayError("ERR_RELAY_METHOD", { detail: call.method });
  if (countHeaders(call) > headerLimit)
    throw new RelayError("ERR_RELAY_HEADERS", { limit: headerLimit });
  // The part before the mount, too: a router has resolved it.
  if (!isNormal(call.mount ?? "")) throw toNotNormal();
  return readPath(call.target);
}

function countHeaders(call: InboundCall): number {
  if (call.headerCount !== undefined) return call.headerCount;
  let count = 0;
  call.eachHeader(() => count++);
  return count;
}

/** Reads the body, and parses it where it is JSON. */
export async function readRequest(
  call: InboundCall,
  path: { path: string; query: string },
  bodyLimit: number,
): Promise<ReadRequest> {
  const { method } = call;
  if (BODILESS.has(method)) return { method, ...path, body: undefined, json: undefined };
  checkEncoding(call.header("content-encoding"));
  const body = await call.readBody(bodyLimit);
  return {
    method,
    ...path,
    body: body.length > 0 ? body : undefined,
    json: readJSON(body, call.header("content-type") ?? ""),
  };
}

// The model inside an encoded body cannot be read; decoding it here would defeat the limit on its size.
function checkEncoding(encoding: string | undefined): void {
  if (encoding && encoding.toLowerCase() !== "identity") {
    throw new RelayError("ERR_RELAY_BODY_ENCODING", { detail: encoding.slice(0, 40) });
  }
}

function readJSON(body: Uint8Array, type: string): unknown {
  const declared = JSON_REQUEST.test(type);
  if (body.length === 0 || (!declared && (OPAQUE_REQUEST.test(type) || !beginsLikeJSON(body))))
    return undefined;
  try {
    return JSON.parse(decoder.decode(body));
  } catch {
    // Many clients send no content type; only a body declared as JSON must be valid.
    if (declared) throw new RelayError("ERR_RELAY_BODY_JSON");
    return undefined;
  }
}

function beginsLikeJSON(body: Uint8Array): boolean {
  return body.find((byte) => !SPACES.includes(byte)) === OPENING_BRACE;
}

/** Finds the model that a request names; `undefined` means that it is relayed as `*`. */
export function modelOf(asked: Asked, dialect: Dialect): string | undefined {
  const model = dialect.readModel(asked);
  if (model === undefined && dialect.needsModel(asked))
    throw new RelayError("ERR_RELAY_MODEL_MISSING", { advice: whyNoModel(asked) });
  return model;
}

/**
 * Rejects a JSON body that names its model twice or in another spelling: the upstream may read another of the names than the relay's rules.
 * @throws RelayError `ERR_RELAY_MODEL_TWICE`
 */
export function checkModelOnce({ body, json }: ReadRequest): void {
  if (body !== undefined && json !== undefined && isAmbiguous(body, "model"))
    throw new RelayError("ERR_RELAY_MODEL_TWICE");
}

/** Explains why a body names no model; `undefined` where the body is an object, or is not known. */
export function whyNoModel(asked: Asked & Partial<ReadRequest>): string | undefined {
  const { method, json } = asked;
  if (BODILESS.has(method) || !("body" in asked)) return undefined;
  if (asked.body === undefined) return "the body is empty";
  if (json === undefined) return "the body is not JSON";
  if (typeof json === "string")
    return "the body is a JSON string, not an object: it was encoded twice";
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? undefined
    : "the body is not a JSON object";
}
