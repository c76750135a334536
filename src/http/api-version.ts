// Checks that the API version and the endpoint are given exactly once: in the client's base URL or in the upstream's (L7).
import type { Dialect } from "../contract/dialect.ts";
import type { Endpoint } from "../contract/target.ts";
import { RelayError } from "../shared/errors.ts";

const VERSION = /^v\d+\w*$/;
const VERSION_INSIDE = /\/v\d+\w*(?:\/|$)/;
/** Last path segments of endpoints that are often pasted as part of a base URL. */
const ENDINGS: ReadonlySet<string> = new Set([
  "completions",
  "responses",
  "messages",
  "embeddings",
]);
/** First segments of the paths that official clients request. */
const STARTS: ReadonlySet<string> = new Set([
  "chat",
  "completions",
  "responses",
  "messages",
  "embeddings",
  "models",
]);
/** Hosts whose API needs a version in every path. */
const NEEDS_VERSION: ReadonlySet<string> = new Set(["https://api.openai.com"]);

/** What a dialect's official clients add before a path. */
interface Clients {
  name: string;
  adds: string;
  /** An endpoint that they request. */
  endpoint: string;
  /** Paths, after the version, that only these clients request. */
  own: RegExp;
}
const CLIENTS: Readonly<Record<string, Clients>> = {
  openai: {
    name: "OpenAI",
    adds: "",
    endpoint: "/chat/completions",
    own: /^\/(?:chat\/completions|completions|responses|embeddings)(?:\/|$)/,
  },
  anthropic: {
    name: "Anthropic",
    adds: "/v1",
    endpoint: "/messages",
    own: /^\/messages(?:\/|$)/,
  },
  google: {
    name: "Google",
    adds: "/v1beta",
    endpoint: "/models/MODEL:generateContent",
    own: /^\/models\/[^/]+:\w+$/,
  },
};
const TWICE =
  /^(\/(?:chat\/completions|completions|responses|messages|embeddings))(?:\/v\d+\w*)?\1$/;
const NO_ENDPOINT = "the request names no endpoint";

/** The fields of an upstream that are used here. */
interface Upstream {
  name: string;
  dialect: Dialect;
}

/**
 * Rejects a version or an endpoint that is given twice (`/v1` in the base URL and in the request), or a version that is missing where one
 * is needed. Nothing is repaired: the upstream always gets its base URL and the rest of the path, unchanged.
 * @throws RelayError `ERR_RELAY_VERSION`, which tells both sides what to change.
 */
export function checkVersion(
  path: string,
  mount: string,
  upstream: Upstream,
  endpoint: Endpoint,
): void {
  const fault = faultOf(path, upstream.dialect, endpoint);
  if (fault !== undefined) throw toError(fault, path, mount, upstream, endpoint);
}

function faultOf(
  path: string,
  dialect: Dialect,
  { origin, basePath }: Endpoint,
): string | undefined {
  const last = basePath.slice(basePath.lastIndexOf("/") + 1);
  const first = segmentAt(path, 1);
  const inBase = VERSION.test(last);
  const inPath = VERSION.test(first);
  if (inBase && inPath)
    return "the version is given twice, in the request and in the relay's options";
  if (inPath && isOfficial(dialect) && VERSION.test(segmentAt(path, first.length + 2)))
    return "the version is given twice in the request";
  if (inPath && dialect.name === "anthropic" && first !== "v1")
    return `the version ${first} does not exist in this API`;
  if (isOfficial(dialect) && isEndpoint(last) && STARTS.has(segmentAt(withoutVersions(path), 1)))
    return "the relay's options contain a whole endpoint, and the client adds one";
  if (isOfficial(dialect) && isTwice(path)) return "the endpoint is given twice in the request";
  if (isOfficial(dialect) && (inBase || basePath === "") && isBare(path, first, inPath))
    return NO_ENDPOINT;
  if (inBase || inPath) return undefined;
  const isNeeded = dialect.version === "required" || NEEDS_VERSION.has(origin);
  return isNeeded && !VERSION_INSIDE.test(basePath)
    ? "no version is given in the request or in the relay's options"
    : undefined;
}

// Examined in detail only where the last segment occurs twice in the path.
function isTwice(path: string): boolean {
  const last = path.slice(path.lastIndexOf("/"));
  return path.indexOf(last) < path.length - last.length && TWICE.test(withoutVersions(path));
}

/** The mount path alone, or a version with nothing after it. */
function isBare(path: string, first: string, inPath: boolean): boolean {
  return first === "" || (inPath && path.length <= first.length + 2);
}

function isEndpoint(last: string): boolean {
  return ENDINGS.has(last) || last.includes(":");
}

function isOfficial({ name }: Dialect): boolean {
  return Object.hasOwn(CLIENTS, name);
}

function segmentAt(path: string, start: number): string {
  const end = path.indexOf("/", start);
  return end < 0 ? path.slice(start) : path.slice(start, end);
}

function toError(
  fault: string,
  path: string,
  mount: string,
  { name, dialect }: Upstream,
  endpoint: Endpoint,
): RelayError {
  const clients = isOfficial(dialect) ? CLIENTS[dialect.name] : undefined;
  const foreign = clients && foreignTo(path, dialect.name);
  if (foreign) return toForeignError(mount + path, dialect.name, foreign);
  const rest = withoutVersions(path).replace(TWICE, "$1");
  const version = /^\/(v\d+\w*)/.exec(path)?.[0];
  const isBeta = clients?.name === "Google" && version !== undefined;
  const adds = clients ? (isBeta ? version : clients.adds) : toVersion(version, endpoint);
  return new RelayError("ERR_RELAY_VERSION", {
    path: mount + path,
    expected: mount + adds + (fault === NO_ENDPOINT ? clients!.endpoint : rest || "/"),
    detail: fault,
    advice: clients ? adviceOf(clients, mount, name, fault) : undefined,
  });
}

// Where the clients are not known, the version stays where the relay's options have it.
function toVersion(version: string | undefined, { basePath }: Endpoint): string {
  return VERSION_INSIDE.test(basePath) ? "" : (version ?? "/v1");
}

function withoutVersions(path: string): string {
  return path.replace(/^(?:\/v\d+\w*(?=\/|$))+/, "");
}

/** The dialect whose clients alone request such a path, where it differs from the upstream's. */
function foreignTo(path: string, dialect: string): string | undefined {
  const rest = withoutVersions(path);
  return Object.keys(CLIENTS).find((name) => name !== dialect && CLIENTS[name]!.own.test(rest));
}

function toForeignError(path: string, dialect: string, foreign: string): RelayError {
  const [own, other] = [CLIENTS[dialect]!.name, CLIENTS[foreign]!.name];
  const article = /^[AO]/.test(own) ? "an" : "a";
  return new RelayError("ERR_RELAY_VERSION", {
    path,
    detail: `this is a path of ${other} clients, and the dialect of the upstream is ${dialect}; the relay does not translate`,
    advice: `Use ${article} ${own} client, or an upstream with \`dialect: "${foreign}"\`.`,
  });
}

function adviceOf({ name, adds }: Clients, mount: string, upstream: string, fault: string): string {
  const option = upstream === "default" ? "upstream.baseURL" : `upstreams.${upstream}.baseURL`;
  const client = mount === "" ? "be the address of the app, without a path" : `end with ${mount}`;
  if (fault === NO_ENDPOINT)
    return `${name} clients add it by themselves: their base URL must ${client}.`;
  return adds === ""
    ? `${name} clients add no version: in the relay \`${option}\` must end with the version (/v1) and without an endpoint, in the client the base URL must ${client}.`
    : `${name} clients add ${adds} by themselves: in the relay \`${option}\` must end without a version and without an endpoint, in the client the base URL must ${client}.`;
}
