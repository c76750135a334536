// CORS, off by default: browsers may call from other origins only where the operator allows it (N8).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { HeaderList } from "../contract/sink.ts";
import type { Fault } from "../observe/fault-log.ts";
import { CORS_DEFAULTS } from "../options/defaults.ts";
import type { CorsOptions } from "../options/group-types.ts";

/** Headers for every response; those that grant access only for an allowed origin. */
export function corsHeaders(
  cors: CorsOptions | false,
  call: InboundCall,
  exposed: readonly string[],
): HeaderList {
  const origin = allowedOrigin(cors, call);
  if (!cors) return [];
  // Responses without permission must not be cached for an allowed origin.
  const headers: HeaderList = cors.origin === "*" ? [] : [["vary", "origin"]];
  if (origin === undefined) return headers;
  headers.push(["access-control-allow-origin", origin]);
  if (cors.credentials) headers.push(["access-control-allow-credentials", "true"]);
  return [
    ...headers,
    ["access-control-expose-headers", [...exposed, "retry-after", "x-should-retry"].join(", ")],
  ];
}

/** True for a browser's preflight request. */
export function isPreflight(call: InboundCall): boolean {
  return call.method === "OPTIONS" && call.header("access-control-request-method") !== undefined;
}

/** True where a request from a page of another site may be served (N12). */
export function allowsOtherSite(cors: CorsOptions | false, call: InboundCall): boolean {
  if (!cors) return false;
  // With every origin, cookies are not allowed: without them, a page can do no more than any other client.
  if (cors.origin === "*") return call.header("cookie") === undefined;
  return allowedOrigin(cors, call) !== undefined;
}

/** The fault for the operator of a preflight whose origin is not allowed: the browser reports it to its user only, without the reason. */
export function refusedOrigin(cors: CorsOptions | false, call: InboundCall): Fault | undefined {
  const origin = call.header("origin");
  if (origin === undefined || allowedOrigin(cors, call) !== undefined) return undefined;
  const listed = isPlainOrigin(origin) ? `"${origin}"` : "…";
  return {
    subject: "cors",
    kind: "origin",
    what: `${pageOf(origin)} may not call this relay: ${cors ? "`cors.origin` does not list it" : "`cors` is off"}`,
    advice: cors
      ? "if the page is yours, add its origin"
      : `if the page is yours, set \`cors: { origin: [${listed}] }\``,
    endedBy: undefined,
  };
}

/** Names the page behind an `Origin` header, which may be any text. */
export function pageOf(origin: string | undefined): string {
  return origin !== undefined && isPlainOrigin(origin)
    ? `a page of ${origin}`
    : "a page of another origin";
}

function isPlainOrigin(origin: string): boolean {
  return origin.length <= 100 && URL.canParse(origin) && new URL(origin).origin === origin;
}

/** Headers of the response to a preflight; `undefined` where CORS is off. */
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
