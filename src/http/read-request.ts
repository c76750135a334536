// Reads a request: method, path and body, read once and checked before a credential is selected.
import type { BodyMeter, InboundCall } from "../contract/inbound-call.ts";
import type { Asked, Dialect } from "../contract/dialect.ts";
import { JSON_REQUEST, OPAQUE_REQUEST } from "../shared/content-types.ts";
import { RelayError } from "../shared/errors.ts";
import { compilePaths, type PathNode } from "../shared/json-paths.ts";
import type { JsonScanner } from "../shared/json-scanner.ts";
import { readValue } from "../shared/json-value.ts";
import { scanInSlices, scanJson } from "../shared/scan-json.ts";
import { isNormal, readPath, toNotNormal } from "./path.ts";

/** A request that has been read, with its original body. */
export interface ReadRequest extends Asked {
  body: Uint8Array | undefined;
  /** The scan of a body that is too large to be parsed: `json` has only what is on the paths of the scan. */
  scan: JsonScanner | undefined;
}

/** What reading a body needs, besides the call. */
export interface BodyReading {
  /** Maximum size of a body, in bytes. */
  bodySize: number;
  /** The fields that are read of a body that is too large to be parsed. */
  paths: PathNode;
  /** Counts the bytes that are held. */
  held: BodyMeter & { settle(bytes: number): void };
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const BODILESS = new Set(["GET", "HEAD"]);
const OPENING_BRACE = 0x7b;
/** White space in JSON, and a byte order mark. */
const SPACES = [0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf];
/** A body up to this size is parsed, in bytes; of a larger one no tree is built. */
export const PARSED_SIZE = 16_384;
/** What a dialect reads of a body if it does not say. */
const COMMON_PATHS = ["model", "stream", "stream_options"];

const MODEL = compilePaths(["model"]);

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
  { bodySize, paths, held }: BodyReading,
): Promise<ReadRequest> {
  const { method } = call;
  const asked: ReadRequest = { method, ...path, body: undefined, json: undefined, scan: undefined };
  if (BODILESS.has(method)) return asked;
  checkEncoding(call.header("content-encoding"));
  const body = await call.readBody(bodySize, held);
  held.settle(body.length);
  if (body.length === 0) return asked;
  asked.body = body;
  const type = call.header("content-type") ?? "";
  if (body.length <= PARSED_SIZE) asked.json = readJSON(body, type);
  else await scanBody(asked, body, type, paths);
  return asked;
}

/** Compiles the paths of the fields that the dialects of a relay read of a request. */
export function toBodyPaths(dialects: Iterable<Dialect>): PathNode {
  const paths = new Set<string>(["model"]);
  for (const { bodyPaths = COMMON_PATHS, usageOption } of dialects) {
    for (const path of bodyPaths) paths.add(path);
    if (usageOption) paths.add(usageOption.path.join("."));
  }
  return compilePaths(paths);
}

/** Scans a large body: its grammar is checked as parsing would, and no tree is built. */
async function scanBody(
  asked: ReadRequest,
  body: Uint8Array,
  type: string,
  paths: PathNode,
): Promise<void> {
  const declared = JSON_REQUEST.test(type);
  if (!declared && OPAQUE_REQUEST.test(type)) return;
  const scan = await scanInSlices(body, paths, { objectOnly: !declared });
  if (scan.root) {
    asked.scan = scan;
    asked.json = readValue(body, scan.root);
  } else if (declared) throw new RelayError("ERR_RELAY_BODY_JSON");
}

/** Scans a body for edits. `paths` are those of a body that is small and has not been scanned yet. */
export function scanOf(
  { body, json, scan }: ReadRequest,
  paths: PathNode,
): JsonScanner | undefined {
  return scan ?? (body && json !== undefined ? scanJson(body, paths) : undefined);
}

// The model inside an encoded body cannot be read; decoding it here would defeat the limit on its size.
function checkEncoding(encoding: string | undefined): void {
  if (encoding && encoding.toLowerCase() !== "identity") {
    throw new RelayError("ERR_RELAY_BODY_ENCODING", { detail: encoding.slice(0, 40) });
  }
}

function readJSON(body: Uint8Array, type: string): unknown {
  const declared = JSON_REQUEST.test(type);
  if (!declared && (OPAQUE_REQUEST.test(type) || !beginsLikeJSON(body))) return undefined;
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
export function checkModelOnce(asked: ReadRequest): void {
  if (scanOf(asked, MODEL)?.ambiguous.has("model")) throw new RelayError("ERR_RELAY_MODEL_TWICE");
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
