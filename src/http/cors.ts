// CORS, off by default: browsers of other origins may call only where the operator says so (N8).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Fault } from "../observe/fault-log.ts";
import { CORS_DEFAULTS } from "../options/defaults.ts";
import type { CorsOptions } from "../options/group-types.ts";

/** Headers that every answer carries; those that allow something only towards an allowed origin. */
export function corsHeaders(
  cors: CorsOptions | false,
  call: InboundCall,
  exposed: readonly string[],
): HeaderList {
  const origin = allowedOrigin(cors, call);
  if (!cors) return [];
  // An answer without leave must not be kept for an origin that has it.
  const headers: HeaderList = cors.origin === "*" ? [] : [["vary", "origin"]];
  if (origin === undefined) return headers;
  headers.push(["access-control-allow-origin", origin]);
  if (cors.credentials) headers.push(["access-control-allow-credentials", "true"]);
  return [
    ...headers,
    ["access-control-expose-headers", [...exposed, "retry-after", "x-should-retry"].join(", ")],
  ];
}

/** Tells whether a browser asks if a page of another origin may call. */
export function isPreflight(call: InboundCall): boolean {
  return call.method === "OPTIONS" && call.header("access-control-request-method") !== undefined;
}

/** What an operator reads of a preflight whose origin may not call: the browser tells its user alone, and not why. */
export function refusedOrigin(cors: CorsOptions | false, call: InboundCall): Fault | undefined {
  const origin = call.header("origin");
  if (origin === undefined || allowedOrigin(cors, call) !== undefined) return undefined;
  const isPlain = origin.length <= 100 && URL.canParse(origin) && new URL(origin).origin === origin;
  const page = isPlain ? `a page of ${origin}` : "a page of another origin";
  const listed = isPlain ? `"${origin}"` : "…";
  return {
    subject: "cors",
    kind: "origin",
    what: `${page} may not call this relay, ${cors ? "`cors.origin` does not list it" : "`cors` is off"}`,
    advice: cors
      ? "where the page is your own, add its origin"
      : `where the page is your own, set \`cors: { origin: [${listed}] }\``,
    endedBy: undefined,
  };
}

/** Headers of a preflight's answer; `undefined` where CORS is off. */
export function preflightHeaders(
  cors: CorsOptions | false,
  call: InboundCall,
): HeaderList | undefined {
  if (!cors) return undefined;
  const allowed = corsHeaders(cors, call, []).filter(([name]) => !name.endsWith("expose-headers"));
  if (allowedOrigin(cors, call) === undefined) return allowed;
  const wanted = call.header("access-control-request-headers");
  return [
    ...allowed,
    ["access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE"],
    ...(wanted ? ([["access-control-allow-headers", wanted]] as HeaderList) : []),
    ["access-control-max-age", String(Math.floor((cors.maxAge ?? CORS_DEFAULTS.maxAge) / 1_000))],
  ];
}

function allowedOrigin(cors: CorsOptions | false, call: InboundCall): string | undefined {
  const origin = call.header("origin");
  if (!cors || origin === undefined) return undefined;
  if (cors.origin === "*") return "*";
  return cors.origin.includes(origin) ? origin : undefined;
}
