import { oauth } from "../../src/tokens/sources/oauth.ts";
import { describe, expect, it } from "vitest";
import { generic } from "../../src/dialects/generic.ts";
import { createRelay, RelayError } from "../../src/index.ts";
import type { RelayOptions } from "../../src/options/types.ts";

const SECRET = "sk-planted-7f3a91c4e8";
const upstream = { baseURL: "https://api.example.com/v1", dialect: "openai" };
const credential = { id: "a", apiKey: SECRET };
const good = { upstream, credentials: [credential] };

/** Path and words of every fault of these options, a line each. */
function faultOf(options: unknown): string {
  try {
    createRelay(options as RelayOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(RelayError);
    const { code, message, cause, facts } = error as RelayError;
    expect(code).toBe("ERR_RELAY_OPTIONS");
    expect(message).not.toContain(SECRET.slice(0, 8));
    expect(cause).toBeUndefined();
    const { faults = [facts] } = facts;
    return faults.map(({ path, detail }) => `${path}: ${detail}`).join("\n");
  }
  return "no fault";
}

const withUpstream = (more: object): object => ({ ...good, upstream: { ...upstream, ...more } });
const withCredential = (more: object): object => ({
  ...good,
  credentials: [{ ...credential, ...more }],
});
const withLimits = (limits: object): object => ({ ...good, limits });
const withStreaming = (streaming: object): object => ({ ...good, streaming });
const withCors = (cors: unknown): object => ({ ...good, cors });
const withDialect = (more: object): object => withUpstream({ dialect: { ...generic, ...more } });
const several = (more: object = {}): object => ({
  upstreams: { one: upstream, two: upstream },
  credentials: [
    { ...credential, upstream: "one" },
    { ...credential, id: "b", upstream: "two" },
  ],
  ...more,
});
const storage = {
  getItem() {},
  getItems() {},
  setItem() {},
  removeItem() {},
  getKeys() {},
};

/** Whatever a credential presents: its id is its own. */
function sameIdTwice(): [what: string, options: unknown, message: string][] {
  const kinds = { apiKey: SECRET, token: () => "t", anonymous: () => ({ accessToken: "t" }) };
  const names = Object.keys(kinds) as (keyof typeof kinds)[];
  return names.flatMap((first) =>
    names.map((second): [string, unknown, string] => [
      `one id for ${first} and ${second}`,
      {
        ...good,
        credentials: [
          { ...credential, id: "b" },
          ...[first, second].map((name) => ({ id: "a", [name]: kinds[name] })),
        ],
      },
      "credentials[2].id: is a duplicate of credentials[1].id",
    ]),
  );
}

const TABLE: [what: string, options: unknown, message: string | RegExp][] = [
  ["nothing", undefined, "options: must be an object; a function must return it"],
  ["null", null, "options: must be an object"],
  ["a secret", SECRET, "options: must be an object"],
  ["a promise", Promise.resolve(good), /^options: must be an object, not a promise/],
  [
    "an unknown key",
    { ...good, upstrem: {} },
    "upstrem: is not an option; `upstream` is already set",
  ],
  ["no upstream", { credentials: [credential] }, /^upstream: is missing/],
  ["no upstreams in the list", { ...good, upstream: undefined, upstreams: {} }, /^upstream: is mi/],
  [
    "`upstream` and `upstreams` together",
    { ...good, upstreams: { one: upstream } },
    /^upstreams: cannot be combined/,
  ],
  ["an unknown mode", { ...good, scheduling: { mode: "fast" } }, /^scheduling\.mode: must be "b/],
  [
    "an unknown strategy",
    { ...good, scheduling: { strategy: "x" } },
    /^scheduling\.strategy: must/,
  ],
  [
    "an unknown preferred credential",
    { ...good, scheduling: { preferred: "missing" } },
    "scheduling.preferred: must be the id of a credential",
  ],
  [
    "a threshold of 0 %",
    { ...good, scheduling: { protect: { below: 0 } } },
    "scheduling.protect.below: must be above 0",
  ],
  [
    "a threshold above 100 %",
    { ...good, scheduling: { protect: { below: 101 } } },
    "scheduling.protect.below: must be at most 100",
  ],
  [
    "a weight of 0",
    { ...good, credentials: [{ id: "a", apiKey: SECRET, weight: 0 }] },
    "credentials[0].weight: must be at least 1",
  ],
  [
    "a weight above 100",
    { ...good, credentials: [{ id: "a", apiKey: SECRET, weight: 101 }] },
    "credentials[0].weight: must be at most 100",
  ],
  [
    "`quotaEvery` without `quota`",
    withUpstream({ quotaEvery: 60_000 }),
    "upstream.quotaEvery: has no effect without `quota`",
  ],
  [
    "a `quotaEvery` below 1,000",
    withUpstream({ quota: () => undefined, quotaEvery: 10 }),
    "upstream.quotaEvery: must be at least 1000",
  ],
  [
    "a duplicate backup",
    withUpstream({ backups: ["https://x/v1", "https://x/v1/"] }),
    "upstream.backups[1]: is a duplicate of upstream.backups[0]",
  ],
  [
    "a backup that is not a URL",
    withUpstream({ backups: ["x"] }),
    /^upstream\.backups\[0\]: must be an/,
  ],
  [
    "an upstream as text",
    { ...good, upstream: "https://x" },
    "upstream: must be an object like `{ baseURL, dialect }`",
  ],
  [
    "an unknown key of an upstream",
    withUpstream({ url: "https://x" }),
    /^upstream\.url: is not an option; `b/,
  ],
  [
    "no base URL",
    withUpstream({ baseURL: undefined }),
    "upstream.baseURL: is missing; is its environment variable set?",
  ],
  [
    "an empty base URL",
    withUpstream({ baseURL: "" }),
    "upstream.baseURL: must not be empty; is its environment variable set?",
  ],
  ["a relative one", withUpstream({ baseURL: "/v1" }), /^upstream\.baseURL: must be an absolute/],
  ["a file URL", withUpstream({ baseURL: "file:///etc" }), /^upstream\.baseURL: must be an abs/],
  ["a socket URL", withUpstream({ baseURL: "ws://x/v1" }), /^upstream\.baseURL: must be an abs/],
  ["no host", withUpstream({ baseURL: "https://" }), /^upstream\.baseURL: must be an absolute/],
  ["a number for it", withUpstream({ baseURL: 443 }), "upstream.baseURL: must be a string"],
  [
    "a base URL with a credential",
    withUpstream({ baseURL: `https://u:${SECRET}@x/v1` }),
    "upstream.baseURL: must not contain a credential",
  ],
  [
    "a base URL with a query",
    withUpstream({ baseURL: `https://x/v1?key=${SECRET}` }),
    "upstream.baseURL: must not have a query or a fragment",
  ],
  [
    "a base URL with an empty query",
    withUpstream({ baseURL: "https://x/?" }),
    /^upstream\.baseURL: must not have a q/,
  ],
  [
    "a base URL with a fragment",
    withUpstream({ baseURL: "https://x/#a" }),
    /^upstream\.baseURL: must not have a q/,
  ],
  [
    "a base URL with an empty segment",
    withUpstream({ baseURL: "https://x/a//b" }),
    /^upstream\.baseURL: must not have an e/,
  ],
  [
    "a base URL with a backslash",
    withUpstream({ baseURL: "https://x/a\\b" }),
    /^upstream\.baseURL: must not have an e/,
  ],
  [
    "no dialect",
    withUpstream({ dialect: undefined }),
    /^upstream\.dialect: (?:is missing|must be)/,
  ],
  [
    "an unknown dialect",
    withUpstream({ dialect: SECRET }),
    /^upstream\.dialect: must be one of op/,
  ],
  ["a prototype's name", withUpstream({ dialect: "toString" }), /^upstream\.dialect: must be one/],
  [
    "an invalid header name",
    withUpstream({ headers: { "a b": "c" } }),
    /^upstream\.headers: contains a na/,
  ],
  [
    "a secret as a header's name",
    withUpstream({ headers: { [`Bearer ${SECRET}`]: "x" } }),
    "upstream.headers: contains a name that must be a header name",
  ],
  [
    "an undefined header value",
    withUpstream({ headers: { "x-org": undefined } }),
    "upstream.headers.x-org: is missing; is its environment variable set?",
  ],
  [
    "a line break in a header",
    withUpstream({ headers: { "x-org": `a\r\nauthorization: ${SECRET}` } }),
    "upstream.headers.x-org: must be a header value",
  ],
  [
    "a host header",
    withUpstream({ headers: { Host: "evil" } }),
    /^upstream\.headers: contains a name/,
  ],
  [
    "a passed cookie",
    withUpstream({ passHeaders: ["x-a", "Cookie"] }),
    "upstream.passHeaders[1]: cannot be passed from a client to an upstream",
  ],
  [
    "a passed API key header",
    withUpstream({ passHeaders: ["x-api-key"] }),
    /^upstream\.passHeaders\[0\]: cannot be passed/,
  ],
  [
    "a passed address header",
    withUpstream({ passHeaders: ["x-forwarded-for"] }),
    /^upstream\.passHeaders\[0\]: cannot be passed/,
  ],
  [
    "`passHeaders` as a string",
    withUpstream({ passHeaders: "x-a" }),
    "upstream.passHeaders: must be a list",
  ],
  [
    "a passed cookie of an upstream",
    withUpstream({ passResponseHeaders: ["link", "Set-Cookie"] }),
    "upstream.passResponseHeaders[1]: cannot be passed from an upstream to a client",
  ],
  [
    "a passed CORS header of an upstream",
    withUpstream({ passResponseHeaders: ["access-control-allow-origin"] }),
    /^upstream\.passResponseHeaders\[0\]: cannot be passed/,
  ],
  [
    "a response header that is passed and dropped",
    withUpstream({ passResponseHeaders: ["Link"], dropResponseHeaders: ["x-a", "link"] }),
    "upstream.dropResponseHeaders[1]: cannot be combined with upstream.passResponseHeaders[0]",
  ],
  ["no credentials", { upstream }, "credentials: is missing: give a list of `{ id, apiKey }`"],
  ["credentials by name", { ...good, credentials: { a: SECRET } }, "credentials: must be a list"],
  [
    "an empty list of credentials",
    { ...good, credentials: [] },
    "credentials: is empty: give at least one credential, `{ id, apiKey }`",
  ],
  [
    "a credential that is a string",
    { ...good, credentials: [SECRET] },
    "credentials[0]: must be an object like `{ id, apiKey }`",
  ],
  [
    "a credential that is `null`",
    { ...good, credentials: [credential, null] },
    "credentials[1]: must be an object like `{ id, apiKey }`",
  ],
  [
    "an unknown key",
    withCredential({ key: SECRET }),
    /^credentials\[0\]\.key: is not an option; `a/,
  ],
  [
    "an unset key",
    withCredential({ apiKey: undefined }),
    /^credentials\[0\]\.apiKey: is missing; i/,
  ],
  [
    "an empty key",
    withCredential({ apiKey: "" }),
    /^credentials\[0\]\.apiKey: must not be empty; /,
  ],
  [
    "a token without its refresh token",
    {
      ...good,
      credentials: [
        {
          id: "a",
          token: oauth({
            tokenURL: "https://a.example/token",
            clientId: "c",
            refreshToken: undefined as never,
          }),
        },
      ],
    },
    /^credentials\[0\]\.token\.refreshToken: is missing; i/,
  ],
  ["no key", withCredential({ apiKey: null }), "credentials[0].apiKey: must be a string"],
  [
    "a key with a line break",
    withCredential({ apiKey: `${SECRET}\n` }),
    /^credentials\[0\]\.apiKey: contains a line break/,
  ],
  ["no id", withCredential({ id: undefined }), /^credentials\[0\]\.id: is missing; is its env/],
  ["an empty id", withCredential({ id: "" }), "credentials[0].id: must not be empty"],
  ["the id of all", withCredential({ id: "*" }), "credentials[0].id: must not be `*`"],
  [
    "a duplicate id",
    { ...good, credentials: [credential, { ...credential, id: "b" }, credential] },
    "credentials[2].id: is a duplicate of credentials[0].id",
  ],
  ...sameIdTwice(),
  [
    "an unknown upstream of a credential",
    withCredential({ upstream: "x" }),
    /^credentials\[0\]\.upstream: must be o/,
  ],
  [
    "a credential without an upstream, with several upstreams",
    several({ credentials: [credential] }),
    "credentials[0].upstream: is missing: name one of the upstreams one, two",
  ],
  [
    "an upstream without a credential",
    several({ credentials: [{ ...credential, upstream: "one" }] }),
    "upstreams.two: has no credential: name this upstream in `credentials[].upstream`",
  ],
  [
    "a tier by name without `tiers`",
    withCredential({ tier: "pro" }),
    /^credentials\[0\]\.tier: must be a number/,
  ],
  [
    "a misspelt tier",
    { ...good, tiers: ["free"], credentials: [{ ...credential, tier: "fre" }] },
    'credentials[0].tier: must be one of free; did you mean "free"?',
  ],
  [
    "a tier that is not a number",
    withCredential({ tier: Number.NaN }),
    /^credentials\[0\]\.tier: must /,
  ],
  ["an endless tier", withCredential({ tier: Infinity }), "credentials[0].tier: must be finite"],
  ["a duplicate tier", { ...good, tiers: ["a", "b", "a"] }, "tiers[2]: is a duplicate of tiers[0]"],
  [
    "models as a list",
    withCredential({ models: ["x"] }),
    /^credentials\[0\]\.models(?:\.0)?: (?:must be an object|is not an option)/,
  ],
  [
    "an empty pattern",
    withCredential({ models: { allow: [""] } }),
    "credentials[0].models.allow[0]: must not be empty",
  ],
  [
    "a `maxInFlight` of 0",
    withCredential({ maxInFlight: 0 }),
    /^credentials\[0\]\.maxInFlight: must be at/,
  ],
  [
    "a `maxInFlight` of 1.5",
    withCredential({ maxInFlight: 1.5 }),
    /^credentials\[0\]\.maxInFlight: must be a/,
  ],
  [
    "a model of an unknown upstream",
    { ...good, models: { "gpt-4o": { upstream: "acme" } } },
    "models.gpt-4o.upstream: must be one of default",
  ],
  [
    "a model that no credential serves",
    {
      ...good,
      models: { "gpt-4o": { upstream: "default" } },
      credentials: [{ ...credential, models: { deny: ["gpt-4*"] } }],
    },
    "models.gpt-4o: is not served by any credential of its upstream",
  ],
  ["an unknown key of a model", { ...good, models: { x: { upsteam: "a" } } }, /^models\.x\.up/],
  ["authorize as text", { ...good, authorize: SECRET }, "authorize: must be a function"],
  ["a negative wait", withLimits({ maxWait: -1 }), "limits.maxWait: must not be negative"],
  ["an endless wait", withLimits({ maxWait: Infinity }), "limits.maxWait: must be finite"],
  ["a wait as text", withLimits({ maxWait: "10s" }), "limits.maxWait: must be a number"],
  ["no number", withLimits({ deadline: Number.NaN }), "limits.deadline: must be a number"],
  ["a deadline switched on", withLimits({ deadline: true }), "limits.deadline: must be a number"],
  ["no attempt", withLimits({ maxAttempts: 0 }), "limits.maxAttempts: must be at least 1"],
  [
    "a `hintMultiplier` below 1",
    withLimits({ hintMultiplier: 0.5 }),
    /^limits\.hintMultiplier: must be at le/,
  ],
  ["too much jitter", withLimits({ jitter: 2 }), "limits.jitter: must be at most 1"],
  ["a queue below zero", withLimits({ queue: -1 }), "limits.queue: must not be negative"],
  [
    "a limit of 0 for each caller",
    withLimits({ perCaller: { concurrent: 0 } }),
    "limits.perCaller.concurrent: must be at least 1",
  ],
  ["an old name of an option", withLimits({ perClient: 5 }), /^limits\.perClient: /],
  ["a cap that is a number", withLimits({ perCaller: 5 }), "limits.perCaller: must be an object"],
  [
    "`clientAddress` as a string",
    { ...good, clientAddress: "x-real-ip" },
    "clientAddress: must be a function",
  ],
  [
    "`trustProxy: true`",
    { ...good, trustProxy: true },
    "trustProxy: must be the number of proxies in front of the relay, or a list of their networks",
  ],
  [
    "`trustProxy` as a string",
    { ...good, trustProxy: "10.0.0.0/8" },
    "trustProxy: must be the number of proxies in front of the relay, or a list of their networks",
  ],
  ["half a proxy", { ...good, trustProxy: 0.5 }, "trustProxy: must be a whole number"],
  ["less than no proxy", { ...good, trustProxy: -1 }, "trustProxy: must not be negative"],
  [
    "an invalid network",
    { ...good, trustProxy: ["10.0.0.0/8", "10.0.0.0/33"] },
    'trustProxy[1]: must be an address, a network like 10.0.0.0/8, "loopback" or "private"',
  ],
  [
    "a name that is not known",
    { ...good, trustProxy: ["localhost"] },
    /^trustProxy\[0\]: must be an address/,
  ],
  [
    "an undefined network",
    { ...good, trustProxy: [undefined] },
    "trustProxy[0]: is missing; is its environment variable set?",
  ],
  [
    "a network of all addresses",
    { ...good, trustProxy: ["::/0"] },
    "trustProxy[0]: must not contain every address, which would let clients choose theirs: give the number of proxies",
  ],
  ["no headers", withLimits({ headerCount: 0 }), "limits.headerCount: must be at least 1"],
  [
    "an infinite body size",
    withLimits({ bodySize: Infinity }),
    "limits.bodySize: must be a whole number",
  ],
  [
    "a boolean as a string",
    withLimits({ switchOnFirstRateLimit: "no" }),
    /^limits\.switchOn.*: must be true/,
  ],
  [
    "a family with the name `*`",
    withLimits({ families: { "gpt*": "*" } }),
    "limits.families.gpt*: must not be `*`",
  ],
  [
    "an unknown limit",
    withLimits({ maxRetries: 3 }),
    "limits.maxRetries: is not an option; did you mean `maxAttempts`?",
  ],
  [
    "a negative heartbeat",
    withStreaming({ heartbeat: -1 }),
    "streaming.heartbeat: must not be negative",
  ],
  [
    "an infinite timeout",
    withStreaming({ idleTimeout: false }),
    "streaming.idleTimeout: must be a number",
  ],
  ...(
    [
      "connectTimeout",
      "firstByteTimeout",
      "responseTimeout",
      "firstPayloadTimeout",
      "idleTimeout",
      "payloadIdleTimeout",
      "clientStallTimeout",
    ] as const
  ).map((name): [string, object, string] => [
    `no time at all for ${name}`,
    withStreaming({ [name]: 0 }),
    `streaming.${name}: must be at least 1 ms`,
  ]),
  [
    "a payload timeout that is switched on",
    withStreaming({ payloadIdleTimeout: true }),
    "streaming.payloadIdleTimeout: must be a number",
  ],
  [
    "no calls that wait",
    { ...good, limits: { maxPending: 0 } },
    "limits.maxPending: must be at least 1",
  ],
  ["events of nothing", withStreaming({ eventSize: 0 }), "streaming.eventSize: must be at least 1"],
  [
    "a session key that is a number",
    { ...good, scheduling: { sessionKey: 1 } },
    /^scheduling\.sessionKey: must/,
  ],
  [
    "a `rotateEvery` of 0",
    { ...good, scheduling: { rotateEvery: 0 } },
    /^scheduling\.rotateEvery: must be/,
  ],
  [
    "a storage without a method",
    { ...good, storage: { ...storage, getItems: undefined } },
    "storage.getItems: is missing",
  ],
  [
    "a URL as storage",
    { ...good, storage: "redis://x" },
    /^storage: must be a storage, not a string/,
  ],
  ["a base of dots", { ...good, base: "a:.." }, /^base: must not have a part of dots only/],
  ["a long base", { ...good, base: "x".repeat(201) }, /^base: must have at most 200 characters/],
  ["a base with a slash", { ...good, base: "a/b" }, /^base: must be letters/],
  [
    "a mount without a slash",
    { ...good, mount: "ai" },
    "mount: must be a path like `/ai`, beginning with `/`",
  ],
  [
    "a duplicate response header",
    { ...good, responseHeaders: { model: "X-Relay", attempts: "x-relay" } },
    "responseHeaders.attempts: is a duplicate of responseHeaders.model",
  ],
  [
    "a response header with another meaning",
    { ...good, responseHeaders: { model: "content-type" } },
    "responseHeaders.model: has another meaning in a response",
  ],
  [
    "`cors: true`",
    withCors(true),
    'cors: must be false or an object like `{ origin: ["https://app.example.com"] }`',
  ],
  ["no origin", withCors({ origin: [] }), "cors.origin: must list at least one origin"],
  [
    "an origin with a path",
    withCors({ origin: ["https://x/"] }),
    /^cors\.origin\[0\]: must be an or/,
  ],
  ["the origin null", withCors({ origin: ["null"] }), /^cors\.origin\[0\]: must be an origin/],
  [
    "CORS with credentials for all origins",
    withCors({ origin: "*", credentials: true }),
    /^cors: cannot combine credentials/,
  ],
  ["an unknown hook", { ...good, hooks: { ended() {} } }, "hooks.ended: is not an option"],
  ["a hook that is a string", { ...good, hooks: { end: "log" } }, "hooks.end: must be a function"],
  [
    "a log without some methods",
    { ...good, log: { info() {} } },
    "log.debug: is missing\nlog.warn: is missing\nlog.error: is missing",
  ],
  [
    "an unknown transport",
    { ...good, transport: "http" },
    'transport: must be "fetch" or a transport',
  ],
  [
    "a transport without a method",
    { ...good, transport: { name: "x", send() {} } },
    "transport.close: is missing",
  ],
  ["a clock without a method", { ...good, clock: { now: Date.now } }, "clock.after: is missing"],
  ["a random source that is a number", { ...good, random: 4 }, "random: must be a function"],
  ["a fetch that is a string", { ...good, fetch: "fetch" }, "fetch: must be a function"],
];

it.each(TABLE)("K13 names the path of %s", (_what, options, message) => {
  if (typeof message === "string") expect(faultOf(options)).toBe(message);
  else expect(faultOf(options)).toMatch(message);
});

it("K13 accepts valid options", () => {
  expect(faultOf({ ...good, log: false })).toBe("no fault");
  expect(faultOf(several({ log: false, models: { x: { upstream: "one" } } }))).toBe("no fault");
  expect(faultOf({ ...good, log: false, tiers: ["a"], scheduling: { sessionKey: "x-s" } })).toBe(
    "no fault",
  );
});

describe("a dialect of the operator's", () => {
  const METHODS = [
    "readModel",
    "needsModel",
    "wantsStream",
    "credentialHeader",
    "classifyEvent",
    "mayBeSignificant",
    "readUsage",
    "renderError",
    "renderErrorEvent",
  ];
  const FIELDS = ["name", "passHeaders", "secretParameters", "version", "codes"];

  it.each([...METHODS, ...FIELDS])("B12 is refused at start without its %s", (name) => {
    expect(faultOf(withDialect({ [name]: undefined }))).toBe(
      `upstream.dialect.${name}: is missing`,
    );
  });

  it.each([...METHODS, "judge", "isCompleteWith"])(
    "B12 is refused if its %s is not a function",
    (name) => {
      expect(faultOf(withDialect({ [name]: SECRET }))).toBe(
        `upstream.dialect.${name}: must be a function`,
      );
    },
  );

  it("N2 cannot pass a client's credentials", () => {
    expect(faultOf(withDialect({ passHeaders: ["x-a", "authorization"] }))).toBe(
      "upstream.dialect.passHeaders[1]: cannot be passed from a client to an upstream",
    );
  });

  it("B12 may be an instance of a class", () => {
    class Own {
      declare name: string;
    }
    Object.assign(Own.prototype, generic);
    expect(faultOf({ ...good, log: false, upstream: { ...upstream, dialect: new Own() } })).toBe(
      "no fault",
    );
  });
});

it("K13 names the wrong one of 100,000 credentials", { timeout: 60_000 }, () => {
  const many = (last: object): object => ({
    ...good,
    credentials: Array.from({ length: 100_000 }, (_, at) => ({
      id: `c${at}`,
      apiKey: `${SECRET}-${at}`,
      ...(at === 99_999 && last),
    })),
  });
  expect(faultOf(many({ apiKey: undefined }))).toMatch(/^credentials\[99999\]\.apiKey: is missing/);
  expect(faultOf(many({ weight: 0 }))).toBe("credentials[99999].weight: must be at least 1");
  expect(faultOf(many({ id: "c7" }))).toBe(
    "credentials[99999].id: is a duplicate of credentials[7].id",
  );
});
