/** Common mistakes in options, and the whole message for each. */
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { expect, it, vi } from "vitest";
import { createRelay, RelayError } from "../../src/index.ts";
import type { RelayOptions } from "../../src/options/types.ts";

const KEY = "sk-planted-7f3a91c4e8";
const openai = { baseURL: "https://api.openai.com/v1", dialect: "openai" };
const teamA = { id: "team-a", apiKey: KEY };
const good = { upstream: openai, credentials: [teamA] };
/** The whole text of an error with one fault. */
const wrong = (fault: string): string => `The relay's options are wrong: ${fault}`;

/** Returns the message for options: the error, or the warnings at start. */
function read(options: unknown): string {
  const lines: string[] = [];
  const warn = (line: string): void => void lines.push(line);
  const log = { debug() {}, info() {}, warn, error: warn };
  const isObject = typeof options === "object" && options !== null;
  try {
    const given = isObject ? { authorize: () => true, log, ...options } : options;
    void createRelay(given as RelayOptions).close();
  } catch (error) {
    expect(error).toBeInstanceOf(RelayError);
    lines.push((error as RelayError).message);
  }
  const text = lines.join("\n");
  expect(text).not.toContain("planted");
  return text;
}

const withUpstream = (more: object): object => ({ ...good, upstream: { ...openai, ...more } });
const withCredential = (more: object): object => ({
  ...good,
  credentials: [{ ...teamA, ...more }],
});
const withKey = (apiKey: unknown): object => withCredential({ apiKey });
const withURL = (baseURL: unknown): object => withUpstream({ baseURL });
const withMount = (mount: unknown): object => ({ ...good, mount });
const withStorage = (storage: unknown): object => ({ ...good, storage });
const two = {
  upstreams: { openai, claude: { baseURL: "https://api.anthropic.com", dialect: "anthropic" } },
  credentials: [
    { ...teamA, upstream: "openai" },
    { id: "team-b", apiKey: KEY, upstream: "claude" },
  ],
};

const everything = {
  upstream: { baseURL: "api.openai.com", dialect: "OpenAI" },
  tiers: ["free"],
  credentials: [
    { id: "team-a", apiKey: `${KEY}\n` },
    { id: "team-b", apiKey: undefined, tier: "fre" },
    { id: "team-a", apiKey: KEY, maxInflight: 2 },
  ],
  models: { "gpt-4o": { fallback: ["gpt-4o"] } },
  mount: "/ai/**",
  streeming: { idleTimout: 5 },
};

const MISTAKES: Record<string, [options: unknown, text: string | string[]]> = {
  "upstream misspelt": [
    { upstrem: openai, credentials: [teamA] },
    wrong("upstrem: is not an option; did you mean `upstream`?"),
  ],
  base_url: [
    { ...good, upstream: { base_url: openai.baseURL, dialect: "openai" } },
    wrong("upstream.base_url: is not an option; did you mean `baseURL`?"),
  ],
  "url instead of baseURL": [
    { ...good, upstream: { url: openai.baseURL, dialect: "openai" } },
    wrong("upstream.url: is not an option; did you mean `baseURL`?"),
  ],
  "provider instead of dialect": [
    { ...good, upstream: { baseURL: openai.baseURL, provider: "openai" } },
    wrong("upstream.provider: is not an option; did you mean `dialect`?"),
  ],
  "key instead of apiKey": [
    { ...good, credentials: [{ id: "team-a", key: KEY }] },
    wrong("credentials[0] (team-a).key: is not an option; did you mean `apiKey`?"),
  ],
  "api_key in addition to apiKey": [
    withCredential({ api_key: KEY }),
    wrong("credentials[0] (team-a).api_key: is not an option; `apiKey` is already set"),
  ],
  "a secret as a name": [
    withCredential({ [KEY]: true }),
    wrong("credentials[0] (team-a): contains a name that is not an option"),
  ],
  "an option at the wrong place": [
    { ...good, idleTimeout: 60_000, maxAttempts: 2 },
    [
      "The relay's options are wrong in 2 places:",
      "  idleTimeout: is not an option here; did you mean `streaming.idleTimeout`?",
      "  maxAttempts: is not an option here; did you mean `limits.maxAttempts`?",
    ],
  ],
  "the upstream's options at the top": [
    { baseURL: openai.baseURL, dialect: "openai", credentials: [teamA] },
    [
      "The relay's options are wrong in 3 places:",
      "  baseURL: is not an option here; did you mean `upstream.baseURL`?",
      "  dialect: is not an option here; did you mean `upstream.dialect`?",
      "  upstream: is missing: set `upstream`, or `upstreams` for several",
    ],
  ],
  "an option of another product": [{ ...good, colour: "red" }, wrong("colour: is not an option")],
  "a dialect in capitals": [
    withUpstream({ dialect: "OpenAI" }),
    wrong(
      'upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own; did you mean "openai"?',
    ),
  ],
  "a product name as the dialect": [
    withUpstream({ dialect: "gemini" }),
    wrong(
      'upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own; did you mean "google"?',
    ),
  ],
  "an unknown dialect": [
    withUpstream({ dialect: "planted" }),
    wrong(
      "upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own",
    ),
  ],
  "a mode misspelt": [
    { ...good, scheduling: { mode: "cachefirst" } },
    wrong(
      'scheduling.mode: must be "balance", "cache-first" or "performance-first"; did you mean "cache-first"?',
    ),
  ],
  "a strategy misspelt": [
    { ...good, scheduling: { strategy: "round_robin" } },
    wrong(
      'scheduling.strategy: must be "round-robin", "weighted", "least-in-flight", "quota", or a function; did you mean "round-robin"?',
    ),
  ],
  "a reason misspelt": [
    { ...good, limits: { disableOn: ["UNAUTHENTICATD"] } },
    wrong(
      'limits.disableOn[0]: must be one of QUOTA_EXHAUSTED, RATE_LIMIT_EXCEEDED, MODEL_CAPACITY_EXHAUSTED, SERVER_ERROR, UNKNOWN, UNAUTHENTICATED, FORBIDDEN, BILLING, INVALID_REQUEST, NOT_FOUND; did you mean "UNAUTHENTICATED"?',
    ),
  ],
  "a tier misspelt": [
    { ...good, tiers: ["free", "pro"], credentials: [{ ...teamA, tier: "prop" }] },
    wrong('credentials[0] (team-a).tier: must be one of free, pro; did you mean "pro"?'),
  ],
  "an upstream misspelt": [
    { ...two, credentials: [two.credentials[0], { ...two.credentials[1], upstream: "Claude" }] },
    wrong(
      'credentials[1] (team-b).upstream: must be one of openai, claude; did you mean "claude"?',
    ),
  ],
  "a preferred credential misspelt": [
    { ...good, scheduling: { preferred: "team_a" } },
    wrong('scheduling.preferred: must be the id of a credential; did you mean "team-a"?'),
  ],
  "many faults at once": [
    everything,
    [
      "The relay's options are wrong in 11 places:",
      "  streeming: is not an option; did you mean `streaming`?",
      "  credentials[2] (team-a).maxInflight: is not an option; did you mean `maxInFlight`?",
      "  streaming.idleTimout: is not an option; did you mean `idleTimeout`?",
      "  credentials[1] (team-b).apiKey: is missing; is its environment variable set?",
      "  upstream.baseURL: must be an absolute http(s) URL: add https:// (or http://)",
      '  upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own; did you mean "openai"?',
      "  mount: must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)",
      "  credentials[0] (team-a).apiKey: contains a line break: files often end with one, `.trim()` removes it",
      '  credentials[1] (team-b).tier: must be one of free; did you mean "free"?',
      "  credentials[2] (team-a).id: is a duplicate of credentials[0].id",
      "  models.gpt-4o.fallback[0]: is the model itself",
    ],
  ],
  "a key that is not set": [
    withKey(undefined),
    wrong("credentials[0] (team-a).apiKey: is missing; is its environment variable set?"),
  ],
  "an empty key": [
    withKey(""),
    wrong("credentials[0] (team-a).apiKey: must not be empty; is its environment variable set?"),
  ],
  "a base URL that is not set": [
    withURL(undefined),
    wrong("upstream.baseURL: is missing; is its environment variable set?"),
  ],
  "an empty base URL": [
    withURL(""),
    wrong("upstream.baseURL: must not be empty; is its environment variable set?"),
  ],
  "a credential without a key": [
    { ...good, credentials: [{ id: "team-a" }] },
    wrong(
      "credentials[0] (team-a).apiKey: is missing: a credential needs `apiKey`, `token` or `anonymous`",
    ),
  ],
  "a key with a line break": [
    withKey(`${KEY}\n`),
    wrong(
      "credentials[0] (team-a).apiKey: contains a line break: files often end with one, `.trim()` removes it",
    ),
  ],
  "a key that ends with a space": [
    withKey(`${KEY} `),
    wrong("credentials[0] (team-a).apiKey: has a space before or behind it: remove it"),
  ],
  "a key in quotes": [
    withKey(`"${KEY}"`),
    wrong("credentials[0] (team-a).apiKey: is in quotes: remove them"),
  ],
  "a key with its scheme": [
    withKey(`Bearer ${KEY}`),
    wrong(
      "credentials[0] (team-a).apiKey: begins with a scheme such as `Bearer `: set the key only, the relay adds the scheme",
    ),
  ],
  "a key as a header": [
    withKey(`Authorization: Bearer ${KEY}`),
    wrong("credentials[0] (team-a).apiKey: is a whole header: set the key only"),
  ],
  "a key as a line of .env": [
    withKey(`OPENAI_API_KEY=${KEY}`),
    wrong(
      "credentials[0] (team-a).apiKey: begins with the name of a variable and `=`: set the value only",
    ),
  ],
  "a key that was not expanded": [
    withKey("${OPENAI_API_KEY}"),
    wrong(
      "credentials[0] (team-a).apiKey: is the name of a variable, not its value: the program that reads the file did not expand it",
    ),
  ],
  "a key that is the text `undefined`": [
    withKey(String(undefined)),
    wrong(
      "credentials[0] (team-a).apiKey: is the text `undefined` or `null`, which an unset variable becomes; is its environment variable set?",
    ),
  ],
  "a placeholder": [
    withKey("sk-..."),
    wrong(
      "credentials[0] (team-a).apiKey: is shortened or a placeholder (`...`): set the whole key, which most providers show only once",
    ),
  ],
  "a placeholder in words": [
    withKey("your-api-key"),
    wrong("credentials[0] (team-a).apiKey: is a placeholder: set the real key"),
  ],
  "a placeholder in brackets": [
    withKey("<key>"),
    wrong("credentials[0] (team-a).apiKey: is a placeholder: set the real key"),
  ],
  "a key with a dash of a text editor": [
    withKey("sk\u2013abc"),
    wrong(
      "credentials[0] (team-a).apiKey: contains a character that is not printable ASCII, as headers need it",
    ),
  ],
  "a URL as key": [
    withKey("https://api.openai.com"),
    wrong("credentials[0] (team-a).apiKey: is a URL, not a key"),
  ],
  "a base URL without a scheme": [
    withURL("api.openai.com/v1"),
    wrong("upstream.baseURL: must be an absolute http(s) URL: add https:// (or http://)"),
  ],
  "a local base URL without a scheme": [
    withURL("localhost:11434/v1"),
    wrong("upstream.baseURL: must be an absolute http(s) URL: add https:// (or http://)"),
  ],
  "a WebSocket URL": [
    withURL("wss://api.openai.com/v1"),
    wrong(
      "upstream.baseURL: must be an absolute http(s) URL: sockets (ws://, wss://) are not relayed",
    ),
  ],
  "port 0": [
    withURL("http://localhost:0/v1"),
    wrong("upstream.baseURL: has the port 0, which is not valid"),
  ],
  "a port too large": [
    withURL("http://localhost:99999/v1"),
    wrong("upstream.baseURL: must be an absolute http(s) URL: its host or its port is not valid"),
  ],
  "a base URL with a space": [
    withURL("https://api.openai.com/v1 "),
    wrong("upstream.baseURL: begins or ends with a space or a line break: remove it"),
  ],
  "a base URL in quotes": [
    withURL("'https://api.openai.com/v1'"),
    wrong("upstream.baseURL: is in quotes: remove them"),
  ],
  "a base URL with a placeholder": [
    withURL("https://${HOST}/v1"),
    wrong(
      "upstream.baseURL: contains a variable or a placeholder that was not replaced by its value",
    ),
  ],
  "a base URL of an unset host": [
    withURL(`https://${String(undefined)}/v1`),
    wrong(
      "upstream.baseURL: contains the text `undefined` or `null`; is its environment variable set?",
    ),
  ],
  "a base URL with an endpoint": [
    withURL("https://api.openai.com/v1/chat/completions"),
    "upstream.baseURL ends with an endpoint (/chat/completions), which clients append themselves: remove it",
  ],
  "a base URL of Google's with an endpoint": [
    withUpstream({
      dialect: "google",
      baseURL:
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent",
    }),
    "upstream.baseURL ends with an endpoint (/models/…), which clients append themselves: remove it",
  ],
  "a base URL without its version": [
    withURL("https://api.openai.com"),
    "upstream.baseURL has no path: OpenAI-compatible APIs usually have /v1, which their clients do not append",
  ],
  "a version that Anthropic's client adds": [
    withUpstream({ dialect: "anthropic", baseURL: "https://api.anthropic.com/v1" }),
    "upstream.baseURL ends with a version, which official clients of this dialect (anthropic) append themselves (/v1): remove it, otherwise they get 404",
  ],
  "a key over http": [
    withURL("http://api.openai.com/v1"),
    "upstream.baseURL is http:// to a public host: keys and prompts cross the internet unencrypted, use https://",
  ],
  "a mount as a route": [
    withMount("/ai/**"),
    wrong(
      "mount: must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)",
    ),
  ],
  "a mount as a route of files": [
    withMount("/ai/[...path]"),
    wrong(
      "mount: must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)",
    ),
  ],
  "a mount as a route with a star": [
    withMount("/ai/*"),
    wrong(
      "mount: must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)",
    ),
  ],
  "a mount without its slash": [
    withMount("ai"),
    wrong("mount: must be a path like `/ai`, beginning with `/`"),
  ],
  "a mount as a URL": [
    withMount("https://your.app/ai"),
    wrong("mount: must be a path like `/ai`, not a whole URL"),
  ],
  "a mount with a query": [
    withMount("/ai?x=1"),
    wrong("mount: must be a path like `/ai`, without a query"),
  ],
  "a mount with a space": [
    withMount("/my ai"),
    wrong(
      "mount: must be a path like `/ai`, encoded as in a URL: no request path begins with this",
    ),
  ],
  "a driver as storage": [
    withStorage(memoryDriver()),
    wrong(
      "storage: must be a storage, not a driver: wrap it, `createStorage({ driver })` of unstorage",
    ),
  ],
  "a promise of a storage": [
    withStorage(Promise.resolve(createStorage())),
    wrong("storage: must be a storage, not a promise: await it first, in an `async` factory"),
  ],
  "a function that returns a storage": [
    withStorage(() => createStorage()),
    wrong("storage: must be a storage, not a function: call it (`useStorage()`)"),
  ],
  "a client of Redis as storage": [
    withStorage({ get() {}, set() {} }),
    wrong(
      "storage: must be a storage, but has no `getItem`: pass `createStorage({ driver })` of unstorage, or `useStorage()` in Nitro and Nuxt",
    ),
  ],
  "a URL as storage": [
    withStorage("redis://localhost"),
    wrong(
      "storage: must be a storage, not a string or a URL: pass `createStorage({ driver })` of unstorage, or `useStorage()` in Nitro and Nuxt",
    ),
  ],
  "a secret too short": [
    { ...good, secret: "planted" },
    wrong("secret: must have at least 16 characters"),
  ],
  "a secret that is not set": [
    { ...good, secret: undefined },
    wrong("secret: is missing; is its environment variable set?"),
  ],
  "a weak secret": [
    { ...good, secret: "changeme-changeme" },
    "secret is easily guessed: use 32 random characters, from `openssl rand -hex 16` for example",
  ],
  "seconds instead of milliseconds": [
    { ...good, streaming: { idleTimeout: 30 }, scheduling: { sessionTTL: 3_600 } },
    [
      "streaming.idleTimeout is 30 ms: durations are in milliseconds; 30 s would be 30_000",
      "scheduling.sessionTTL is 3600 ms: durations are in milliseconds; 3600 s would be 3_600_000",
    ],
  ],
  "a timeout for bytes that the one for payload makes useless": [
    { ...good, streaming: { idleTimeout: 900_000, payloadIdleTimeout: 60_000 } },
    "streaming.idleTimeout has no effect except in the dialect generic: streaming.payloadIdleTimeout is shorter",
  ],
  "credentials as an object": [
    { ...good, credentials: { a: KEY } },
    wrong("credentials: must be a list"),
  ],
  "a bare key": [
    { ...good, credentials: [KEY] },
    wrong("credentials[0]: must be an object like `{ id, apiKey }`"),
  ],
  "a duplicate id": [
    { ...good, credentials: [teamA, { ...teamA, apiKey: "k" }] },
    wrong("credentials[1] (team-a).id: is a duplicate of credentials[0].id"),
  ],
  "a fallback to an unknown model": [
    { ...two, models: { "gpt-4o": { upstream: "openai", fallback: ["gpt-4"] } } },
    wrong(
      "models.gpt-4o.fallback[0]: must be listed in `models`, because there are several upstreams",
    ),
  ],
  "an upstream without a credential": [
    { ...two, credentials: [two.credentials[0]] },
    wrong("upstreams.claude: has no credential: name this upstream in `credentials[].upstream`"),
  ],
  "a mount with a trailing slash, which is removed": [withMount("/ai/"), ""],
};

it.each(Object.entries(MISTAKES))("K13 %s", (_what, [options, text]) => {
  expect(read(options)).toBe([text].flat().join("\n"));
});

it("K13 lists the faults as data, unknown names first", () => {
  const faultsOf = (options: unknown): unknown => {
    try {
      createRelay(options as RelayOptions);
    } catch (error) {
      return (error as RelayError).facts;
    }
    return undefined;
  };
  expect(faultsOf({ ...good, credentials: [{ ...teamA, tier: "x", wieght: 2 }] })).toEqual({
    path: "credentials[0].wieght",
    detail: "is not an option; did you mean `weight`?",
    faults: [
      {
        path: "credentials[0].wieght",
        credential: "team-a",
        detail: "is not an option; did you mean `weight`?",
      },
      {
        path: "credentials[0].tier",
        credential: "team-a",
        detail: "must be a number if `tiers` is not set",
      },
    ],
    faultCount: 2,
  });
});

it("K13 shows 20 of many faults and their number", () => {
  const many = (count: number): object => ({
    ...good,
    credentials: Array.from({ length: count }, (_, at) => ({ ...teamA, id: `c${at}`, weight: 0 })),
  });
  const lines = read(many(50)).split("\n");
  expect(lines).toHaveLength(22);
  expect(lines[0]).toBe("The relay's options are wrong in 50 places:");
  expect(lines[1]).toBe("  credentials[0] (c0).weight: must be at least 1");
  expect(lines.at(-1)).toBe("  and 30 more");
  expect(read(many(5_000)).split("\n")[0]).toBe(
    "The relay's options are wrong in 1000 or more places:",
  );
});

it("K13 reports the same for a factory, synchronous or asynchronous", async () => {
  const text = read(everything);
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  for (const factory of [() => everything, async () => everything]) {
    const relay = createRelay(factory as never);
    await expect(relay.ready()).rejects.toMatchObject({ message: text });
    await relay.close();
  }
  expect(error.mock.calls).toEqual([[`[relay] ${text}`], [`[relay] ${text}`]]);
  error.mockRestore();
});

it.each([
  [withCredential({ upstream: 5 }), "credentials[0] (team-a).upstream: must be a string"],
  [{ ...two, models: "ab" }, "models: must be an object"],
  [
    { ...good, upstream: "https://api.openai.com/v1" },
    "upstream: must be an object like `{ baseURL, dialect }`",
  ],
  [{ ...good, tiers: "free", credentials: [{ ...teamA, tier: "free" }] }, "tiers: must be a list"],
  [{ ...good, credentials: 5, scheduling: { preferred: "a" } }, "credentials: must be a list"],
])("K13 tells a fault once, and nothing that only follows from it: %j", (options, fault) => {
  expect(read(options)).toBe(wrong(fault));
});
