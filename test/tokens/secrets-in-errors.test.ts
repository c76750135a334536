/** No token, key, client secret or query is in anything that a failed token call leaves behind (J7). */
import { generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { AnonymousContext } from "../../src/contract/anonymous-source.ts";
import {
  firebase,
  firebaseAnonymous,
  graphqlAnonymous,
  oauth,
  serviceAccount,
  TokenError,
} from "../../src/index.ts";
import type { CredentialOptions } from "../../src/options/credential-types.ts";
import { answered } from "../support/answered.ts";
import { type RelayUnderTest, startRelay } from "../support/relay.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

const KEY = "planted-web-key";
const GRANT = "planted-refresh-token";
const CLIENT_SECRET = "planted-client-secret";
const QUERY = "planted-query";
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2_048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
/** What must be nowhere: the secrets, and what only a URL, a body or an assertion holds. */
const PIECES = ["planted", "?key=", "grant_type", "eyJ", privateKey.split("\n")[1]!];

const HOST = "https://login.example.com";
const tokenURL = `${HOST}/token?tenant=${QUERY}`;
const keyed = { apiKey: KEY, endpoint: HOST, tokenEndpoint: HOST };

type Call = (context: AnonymousContext) => Promise<unknown>;

const grant = oauth({
  tokenURL,
  clientId: "client",
  clientSecret: CLIENT_SECRET,
  refreshToken: GRANT,
});
const robot = serviceAccount({ clientEmail: "robot@example.com", privateKey, tokenURL });
const app = firebase({ apiKey: KEY, refreshToken: GRANT, tokenEndpoint: HOST });
const guests = firebaseAnonymous(keyed);
const users = graphqlAnonymous({
  url: `${HOST}/graphql?key=${QUERY}`,
  query: "mutation { make }",
  tokenPath: "data.make",
  headers: { "x-api-key": KEY },
  exchange: keyed,
});

const CALLS: [string, Call][] = [
  ["oauth", (context) => grant.refresh({ ...context, refreshToken: GRANT })],
  ["a service account", (context) => robot.refresh({ ...context, refreshToken: undefined })],
  ["firebase", (context) => app.refresh({ ...context, refreshToken: GRANT })],
  ["anonymous sign-in", (context) => guests.create(context)],
  ["a GraphQL mutation", (context) => users.create(context)],
];

/** Errors as platforms throw them: each quotes the URL in another place. */
function platformErrors(url: string): Record<string, Error> {
  const deno = new TypeError(`error sending request for url (${url}): client error (Connect)`, {
    cause: new Error(`dns error: failed to lookup address for ${url}`),
  });
  const bun = Object.assign(new Error("Unable to connect."), {
    code: "ConnectionRefused",
    path: url,
  });
  const node = new TypeError("fetch failed", {
    cause: Object.assign(new Error(`connect ECONNREFUSED ${url}`), { code: "ECONNREFUSED" }),
  });
  return { deno, bun, node, plain: new Error(url), odd: Object.assign(new Error(), { code: url }) };
}

const FAULTS: [string, typeof fetch][] = [
  ...["deno", "bun", "node", "plain", "odd"].map((name): [string, typeof fetch] => [
    `the network fails as on ${name}`,
    async (input) => {
      throw platformErrors(String(input))[name]!;
    },
  ]),
  ["the answer is a refusal that quotes the call", quoting(401)],
  ["the answer is a server error that quotes the call", quoting(503)],
  ["the answer is no JSON", quoting(200)],
  [
    "the answer is a redirect",
    async (input) => new Response(null, { status: 302, headers: { location: String(input) } }),
  ],
  ["the body breaks off", async (input) => new Response(broken(new Error(String(input))))],
];

/** Answers with everything that it was sent. */
function quoting(status: number): typeof fetch {
  return async (input, init) => {
    const headers = JSON.stringify([...new Headers(init?.headers)]);
    return new Response(`${String(input)} ${headers} ${init?.body as string}`, { status });
  };
}

function broken(error: Error): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(`{"access_token":"${GRANT}`));
      controller.error(error);
    },
  });
}

/**
 * Everything that a logger could print of an error: own fields, hidden ones and getters, at each depth of its causes. Only the getter
 * `refusal`, which is no field of its own, has the answer, to be classified.
 */
function everythingOf(error: unknown): string {
  const texts: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) {
    texts.push(String(one), one.message, one.stack ?? "");
    for (const name of Object.getOwnPropertyNames(one))
      texts.push(`${name}=${inspect((one as never)[name], { depth: 20, getters: true })}`);
  }
  const hidden = inspect(error, { depth: 20, showHidden: true });
  return [...texts, hidden, JSON.stringify(error)].join("\n");
}

describe.each(CALLS)("J7 the error of %s", (_, call) => {
  it.each(FAULTS)("shows no secret and no query when %s", async (_fault, fetch) => {
    const context = { fetch, clock: createVirtualClock(), signal: new AbortController().signal };
    const error = await call(context).then(undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TokenError);
    const text = everythingOf(error);
    for (const piece of PIECES) expect(text).not.toContain(piece);
  });

  it("shows none when the call is aborted, and names the time limit", async () => {
    const controller = new AbortController();
    const fetch: typeof globalThis.fetch = (input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener("abort", () => reject(new Error(String(input))));
        controller.abort();
      });
    const context = { fetch, clock: createVirtualClock(), signal: controller.signal };
    const error = await call(context).then(undefined, (thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: "TokenError", code: "TIMEOUT" });
    for (const piece of PIECES) expect(everythingOf(error)).not.toContain(piece);
  });

  it("keeps the platform's code as its cause", async () => {
    const fetch: typeof globalThis.fetch = async (input) => {
      throw platformErrors(String(input))["node"]!;
    };
    const context = { fetch, clock: createVirtualClock(), signal: new AbortController().signal };
    await expect(call(context)).rejects.toMatchObject({
      code: "NETWORK",
      cause: { message: "refused (ECONNREFUSED)", code: "ECONNREFUSED" },
    });
  });
});

describe("J7 a relay with failing token calls", () => {
  let relay: RelayUnderTest | undefined;
  afterEach(async () => {
    await relay?.close();
    relay = undefined;
    vi.restoreAllMocks();
  });

  const CREDENTIALS: [string, CredentialOptions][] = [
    ["oauth", { id: "one", token: grant }],
    ["a service account", { id: "one", token: robot }],
    ["firebase", { id: "one", token: app }],
    ["anonymous sign-in", { id: "one", anonymous: guests }],
    ["a GraphQL mutation", { id: "one", anonymous: users }],
  ];
  const cases = CREDENTIALS.flatMap(([name, credential]) =>
    FAULTS.map(([fault, fetch]) => [name, fault, credential, fetch] as const),
  );

  it.each(cases)(
    "%s shows no secret and no query when %s: in answer, log, hooks, status and console",
    async (_name, _fault, credential, fetch) => {
      const seen: unknown[] = [];
      const keep = (event: unknown): void => void seen.push(event);
      for (const name of ["log", "info", "warn", "error", "debug"] as const)
        vi.spyOn(console, name).mockImplementation((...words) => void seen.push(words));
      relay = await startRelay({
        credentials: [credential],
        fetch,
        limits: { maxWait: 60_000 },
        hooks: { attempt: keep, credential: keep, creation: keep, refresh: keep, end: keep },
      });
      const asking = relay.chat({ stream: false });
      await vi.waitFor(() => expect(seen).toContainEqual(expect.objectContaining({ ok: false })));
      const response = await answered(relay, asking);
      expect(response.status).toBeGreaterThanOrEqual(400);
      await relay.ended();
      seen.push([...response.headers], await response.text(), relay.lines, relay.relay.status());
      const text = inspect(seen, { depth: 20, showHidden: true, getters: true });
      for (const piece of PIECES) expect(text).not.toContain(piece);
    },
  );
});
