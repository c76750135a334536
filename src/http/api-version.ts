// Where the version and the endpoint stand: each once, in the client's base URL or in the upstream's (L7).
import type { Dialect } from "../contract/dialect.ts";
import type { Endpoint } from "../contract/target.ts";
import { RelayError } from "../shared/errors.ts";

const VERSION = /^v\d+\w*$/;
const VERSION_INSIDE = /\/v\d+\w*(?:\/|$)/;
/** Last segments of the endpoints that a base URL is often pasted with. */
const ENDINGS: ReadonlySet<string> = new Set([
  "completions",
  "responses",
  "messages",
  "embeddings",
]);
/** First segments of the paths that official clients ask for. */
const STARTS: ReadonlySet<string> = new Set([
  "chat",
  "completions",
  "responses",
  "messages",
  "embeddings",
  "models",
]);
/** Hosts that serve nothing without a version. */
const NEEDS_VERSION: ReadonlySet<string> = new Set(["https://api.openai.com"]);

/** What a dialect's official clients put before a path. */
interface Clients {
  name: string;
  adds: string;
  /** An endpoint that they ask for. */
  endpoint: string;
  /** Paths, after the version, that are theirs alone. */
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

/** The fields of an upstream that are used. */
interface Upstream {
  name: string;
  dialect: Dialect;
}

/**
 * Refuses a version or an endpoint that stands twice (`/v1` in the base URL and in the request), or a version that stands nowhere
 * where one is needed. It is not repaired: what reaches the upstream is always its base URL and the rest of the path, as they are.
 * @throws RelayError `ERR_RELAY_VERSION`, telling both sides what to change.
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
    return `the version ${first} is not one of this API`;
  if (isOfficial(dialect) && isEndpoint(last) && STARTS.has(segmentAt(withoutVersions(path), 1)))
    return "the relay's options give a whole endpoint where the client adds one";
  if (isOfficial(dialect) && isTwice(path)) return "the endpoint is given twice in the request";
  if (isOfficial(dialect) && (inBase || basePath === "") && isBare(path, first, inPath))
    return NO_ENDPOINT;
  if (inBase || inPath) return undefined;
  const isNeeded = dialect.version === "required" || NEEDS_VERSION.has(origin);
  return isNeeded && !VERSION_INSIDE.test(basePath)
    ? "no version is given in the request or in the relay's options"
    : undefined;
}

// Looked at closely only where the last segment stands in the path once more.
function isTwice(path: string): boolean {
  const last = path.slice(path.lastIndexOf("/"));
  return path.indexOf(last) < path.length - last.length && TWICE.test(withoutVersions(path));
}

/** The mount point alone, or a version and nothing behind it. */
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

// Where no client is known, the version stays where the relay's options have it.
function toVersion(version: string | undefined, { basePath }: Endpoint): string {
  return VERSION_INSIDE.test(basePath) ? "" : (version ?? "/v1");
}

function withoutVersions(path: string): string {
  return path.replace(/^(?:\/v\d+\w*(?=\/|$))+/, "");
}

/** The dialect whose clients alone ask for such a path, where it is not the upstream's. */
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
  const client = mount === "" ? "be the app's own, without a path" : `end with ${mount}`;
  if (fault === NO_ENDPOINT)
    return `${name} clients add it by themselves: their base URL must ${client}.`;
  return adds === ""
    ? `${name} clients add no version: in the relay \`${option}\` must end with the version (/v1) and without an endpoint, in the client the base URL must ${client}.`
    : `${name} clients add ${adds} by themselves: in the relay \`${option}\` must end without a version and without an endpoint, in the client the base URL must ${client}.`;
}
