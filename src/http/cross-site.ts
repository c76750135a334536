// Requests that a page of another site makes with a visitor's browser (N12). Only browsers send the headers that are read here, and a page
// can change none of them; a request without them comes from another kind of client and passes.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Fault } from "../observe/fault-log.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { RelayError } from "../shared/errors.ts";
import { allowsOtherSite, pageOf } from "./cors.ts";

type SiteConfig = Pick<RelayConfig, "cors" | "origins" | "trustProxy">;

/** The error for a request from a page of another site that `cors` does not allow; `undefined` for every other request. */
export function crossSiteError(call: InboundCall, config: SiteConfig): RelayError | undefined {
  const origin = call.header("origin");
  const site = call.header("sec-fetch-site");
  if (site === undefined && origin === undefined) return undefined;
  if (site === "same-origin" || site === "none") return undefined;
  const isOther = site === "cross-site" || site === "same-site" || !isOwn(origin, call, config);
  if (!isOther || allowsOtherSite(config.cors, call) || isAllowedByHost(call, origin))
    return undefined;
  return new RelayError("ERR_RELAY_CROSS_SITE", { detail: pageOf(origin) });
}

/** True where CORS headers that the host has prepared allow the page (N8). */
function isAllowedByHost(call: InboundCall, origin: string | undefined): boolean {
  for (const [name, value] of call.preparedHeaders?.() ?? []) {
    if (name !== "access-control-allow-origin") continue;
    return value === "*" ? call.header("cookie") === undefined : value === origin;
  }
  return false;
}

/** What the operator reads about it, once. */
export function crossSiteFault({ facts }: RelayError): Fault {
  return {
    subject: "cors",
    kind: "cross-site",
    what: `a request of ${facts.detail} was refused, because the page belongs to another site than this relay`,
    advice:
      "if the page is yours, add its origin to `cors.origin`; if it is a page of this app and a proxy rewrites `Host`, set `trustProxy`, or list the origin in `origins`",
    endedBy: undefined,
  };
}

function isOwn(
  origin: string | undefined,
  call: InboundCall,
  { origins, trustProxy }: SiteConfig,
): boolean {
  if (origin === undefined) return true;
  const given = origin.toLowerCase();
  if (origins.includes(given)) return true;
  // "null", of a sandboxed page or a file, has no host.
  const start = given.indexOf("://");
  if (start < 0) return false;
  const port = given.startsWith("https:") ? ":443" : given.startsWith("http:") ? ":80" : undefined;
  const host = given.slice(start + 3);
  const isSame = (one: string): boolean => withoutPort(one.trim().toLowerCase(), port) === host;
  if (isSame(hostOf(call))) return true;
  const isTrusting =
    typeof trustProxy === "number" ? trustProxy > 0 : (trustProxy?.length ?? 0) > 0;
  return isTrusting && forwardedHosts(call).some(isSame);
}

/** The host that the client has called; a web request may have it in its URL only. */
function hostOf(call: InboundCall): string {
  return call.header("host") ?? new URL(call.request().url).host;
}

/** Hosts that proxies have written. A page cannot send these headers. */
function forwardedHosts(call: InboundCall): string[] {
  const named = call.header("forwarded")?.matchAll(/(?:^|[;,\s])host="?([^";,\s]+)/gi) ?? [];
  return [
    ...(call.header("x-forwarded-host")?.split(",") ?? []),
    ...[...named].map(([, host = ""]) => host),
  ];
}

// An origin has no port where it is the scheme's own.
function withoutPort(host: string, port: string | undefined): string {
  return port !== undefined && host.endsWith(port) ? host.slice(0, -port.length) : host;
}
