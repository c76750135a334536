// Which response headers of an upstream pass to the client (N11). Registered names pass by an allow-list: everything that the registry of
// HTTP field names has and docs/security.md does not list as passing is in one of the groups below. Names of vendors pass, except those
// with an effect on a browser or a proxy.
import type { ResponseFieldRules } from "../contract/target.ts";

/** Names by the reason why they stop at the relay. A test compares the groups with the registry and with the table in docs/security.md. */
export const STOPPED_FIELDS: Readonly<Record<string, readonly string[]>> = {
  connection: words(`
    connection keep-alive proxy-connection te trailer transfer-encoding upgrade close http2-settings capsule-protocol alt-svc alt-used
    alpn content-length content-encoding accept-ranges server date via status mime-version max-forwards`),
  login: words(`
    set-cookie set-cookie2 cookie cookie2 www-authenticate proxy-authenticate authentication-info proxy-authentication-info
    authentication-control optional-www-authenticate authorization proxy-authorization activate-storage-access set-login
    idp-signin-status dpop dpop-nonce replay-nonce client-cert client-cert-chain cert-not-before cert-not-after
    concealed-auth-export cta-common-access-token hobareg include-referred-token-binding-id oscore`),
  origin: words(`
    access-control access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-expose-headers access-control-max-age access-control-request-headers
    access-control-request-method clear-site-data content-security-policy content-security-policy-report-only
    x-content-security-policy x-content-security-policy-report-only x-webkit-csp cross-origin-embedder-policy
    cross-origin-embedder-policy-report-only cross-origin-opener-policy cross-origin-opener-policy-report-only
    cross-origin-resource-policy document-policy document-policy-report-only document-isolation-policy expect-ct feature-policy
    integrity-policy integrity-policy-report-only nel origin-agent-cluster origin-isolation origin-trial permissions-policy
    permissions-policy-report-only permission-policy public-key-pins public-key-pins-report-only referrer-policy report-to
    reporting-endpoints strict-transport-security timing-allow-origin x-content-type-options x-frame-options x-xss-protection
    x-permitted-cross-domain-policies x-download-options x-ua-compatible p3p pics-label accept-ch accept-ch-lifetime critical-ch
    observe-browsing-topics ad-auction-signals ad-auction-result`),
  page: words(`
    refresh location content-location content-base link link-template sourcemap x-sourcemap service-worker-allowed speculation-rules
    supports-loading-mode x-dns-prefetch-control x-robots-tag default-style content-script-type content-style-type window-target
    no-vary-search use-as-dictionary available-dictionary dictionary-id redirect-ref uri alternates amp-cache-transform
    early-data x-associated-content x-pingback`),
  proxy: words(`
    surrogate-control surrogate-capability surrogate-key cdn-cache-control cloudflare-cdn-cache-control vercel-cdn-cache-control
    netlify-cdn-cache-control edge-control edge-cache-tag cache-tag cache-tags xkey cache-groups cache-group-invalidation
    cache-status cdn-loop proxy-status pragma warning x-sendfile x-sendfile2 x-sendfile-temporary x-lighttpd-send-file
    x-lighttpd-send-tempfile x-litespeed-location x-litespeed-cache x-litespeed-cache-control x-litespeed-tag x-litespeed-purge
    x-litespeed-vary x-reproxy-url x-reproxy-file x-reproxy-expected-size x-archive-files fly-replay fly-replay-cache
    x-envoy-immediate-health-check-fail x-envoy-degraded endpoint-load-metrics endpoint-load-metrics-bin`),
  digest: words(`
    content-digest repr-digest unencoded-digest digest content-md5 want-content-digest want-repr-digest want-unencoded-digest
    want-digest signature signature-input accept-signature`),
  request: words(`
    a-im accept accept-additions accept-charset accept-datetime accept-encoding accept-features accept-language accept-patch
    accept-post accept-query apply-to-redirect-ref depth destination dnt expect forwarded from host if if-match if-modified-since
    if-none-match if-range if-schedule-tag-match if-unmodified-since last-event-id lock-token method-check method-check-expires
    negotiate origin overwrite ping-from ping-to position prefer preference-applied priority range referer referer-root
    soapaction timeout urgency user-agent`),
  unused: words(`
    c-ext c-man c-opt c-pep c-pep-info cal-managed-id caldav-timezones cmcd-object cmcd-request cmcd-session cmcd-status
    cmsd-dynamic cmsd-static configuration-context content-id content-version dasl dav delta-base derived-from differential-id
    ediint-features ext getprofile im isolation label man memento-datetime meter odata-entityid odata-isolation
    odata-maxversion odata-version opt ordering-type oslc-core-version pep pep-info profileobject protocol protocol-info
    protocol-query protocol-request proxy-features proxy-instruction public repeatability-client-id repeatability-first-sent
    repeatability-request-id repeatability-result safe schedule-reply schedule-tag security-scheme server-timing setprofile
    slug status-uri tcn topic traceparent tracestate ttl variant-vary`),
};

const STOPPED: ReadonlySet<string> = new Set(Object.values(STOPPED_FIELDS).flat());
/** Caching headers that are never an upstream's behind `authorize`. */
const PRIVATE = ["cache-control", "age", "expires"];
const NONE: ReadonlySet<string> = new Set();

/** The rules of one upstream: the lists above, the two options, and whether `authorize` makes each answer private. */
export class ResponseFields implements ResponseFieldRules {
  readonly isPrivate: boolean;
  readonly #stopped: ReadonlySet<string>;
  readonly #passed: ReadonlySet<string>;

  constructor(passed: readonly string[], dropped: readonly string[], isPrivate: boolean) {
    this.isPrivate = isPrivate;
    const pass = passed.map((name) => name.toLowerCase());
    const stopped = new Set([...STOPPED, ...dropped.map((name) => name.toLowerCase())]);
    for (const name of pass) stopped.delete(name);
    if (isPrivate) for (const name of PRIVATE) stopped.add(name);
    this.#stopped = stopped;
    this.#passed = pass.length > 0 ? new Set(pass) : NONE;
  }

  stops(name: string): boolean {
    return this.#stopped.has(name) || (isOfStoppedFamily(name) && !this.#passed.has(name));
  }
}

/** Families of names that browsers, proxies or frameworks obey. */
export const STOPPED_PREFIXES: readonly string[] = [
  "access-control-",
  "attribution-reporting-",
  "cross-origin-",
  "sec-",
  "x-accel-",
  "x-middleware-",
  "x-nextjs-",
];

// The first and the third character select the one family that is possible: almost every other name costs one comparison.
function isOfStoppedFamily(name: string): boolean {
  switch ((name.charCodeAt(0) << 8) | name.charCodeAt(2)) {
    case 0x6163:
      return name.startsWith("access-control-");
    case 0x6174:
      return name.startsWith("attribution-reporting-");
    case 0x636f:
      return name.startsWith("cross-origin-");
    case 0x7363:
      return name.startsWith("sec-");
    case 0x7861:
      return name.startsWith("x-accel-");
    case 0x786d:
      return name.startsWith("x-middleware-");
    case 0x786e:
      return name.startsWith("x-nextjs-");
    default:
      return false;
  }
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
