import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { CredentialOptions } from "../../src/options/credential-types.ts";
import { answered } from "../support/answered.ts";
import { leakIn } from "../support/planted.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

const KEY = "sk-proj-9aF3xQ71LmZ0tY5uR2wE";
const OTHER = "sk-proj-7bR8wK52NpY4gH1jD6sC";
const GATEWAY = "gw4Vn0Xc8Mq2Zr6Ty1Lp5Kd";
const TENANT = "tn7Hs3Bf9Wg1Qj4Nm8Ux2Ca";
const POOLED = "pq6Rt2Ke8Ys4Di0Fo5Va3Lh";
const GRANT = "rt5Jm1Cb7Nx3Zq9Ew2Lk6Pa";
const HEADER = btoa('{"alg":"RS256","typ":"JWT"}').replaceAll("=", "");
const tokenOf = (name: string): string =>
  `${HEADER}.${btoa(`{"sub":"user","jti":"${name}"}`).replaceAll("=", "")}.Zx9kQ2vL7bN4mT1w-${name}`;
const OLD = tokenOf("first-user-token");
const NEW = tokenOf("second-user-token");

let relay: RelayUnderTest;
let seen: unknown[];
beforeEach(() => {
  seen = [];
  for (const name of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, name).mockImplementation((...words) => void seen.push(words));
});
afterEach(async () => {
  await relay.close();
  vi.restoreAllMocks();
});

/** A kind of secret, and how a relay comes to send it. `fails`: what the attempts before the last are answered with. */
interface Kind {
  secret: string;
  options: UnderTestOptions;
  fails?: number;
}

const credentials = (...keys: string[]): CredentialOptions[] =>
  keys.map((apiKey, at) => ({ id: `c${at + 1}`, apiKey }));
const simulator = {};
const headersOf = (
  headers: Record<string, string>,
  secretHeaders?: string[],
): UnderTestOptions => ({
  credentials: credentials(OTHER),
  simulator,
  upstream: { headers, secretHeaders },
});

function renewing(): UnderTestOptions {
  const tokens = [OLD, NEW];
  const next = (): string => tokens.shift() ?? NEW;
  return { simulator, credentials: [{ id: "c1", token: () => next() }] };
}

const KINDS: Record<string, Kind> = {
  "the key": { secret: KEY, options: { credentials: credentials(KEY), simulator } },
  "the key of an earlier attempt": {
    secret: KEY,
    options: { credentials: credentials(KEY, OTHER), simulator },
    fails: 500,
  },
  "a token": { secret: OLD, options: renewing() },
  "the token before its renewal": { secret: OLD, options: renewing(), fails: 401 },
  "the renewed token": { secret: NEW, options: renewing(), fails: 401 },
  "a header of the upstream": {
    secret: GATEWAY,
    options: headersOf({ "cf-aig-authorization": `Bearer ${GATEWAY}` }),
  },
  "a header in secretHeaders": {
    secret: TENANT,
    options: headersOf({ "x-tenant": TENANT }, ["X-Tenant"]),
  },
  "a header of a pool": {
    secret: POOLED,
    options: {
      credentials: credentials(OTHER),
      simulator,
      upstream: { pools: [{ name: "main", headers: { "x-api-key": POOLED } }] },
    },
  },
};

const JSON_TYPE = { "content-type": "application/json" };
const SSE = { "content-type": "text/event-stream" };
const HELLO = 'data: {"choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n';
const LINE = '{"choices":[{"index":0,"delta":{"content":"hello"}}]}\n';

interface Reply {
  reply: { status: number; headers: Record<string, string>; body: string };
  split?: number;
}
const reply = (status: number, headers: Record<string, string>, body: string): Reply => ({
  reply: { status, headers, body },
});

/** Answers that quote a text, by the exit that they lead to. */
const EXITS: Record<string, (text: string) => Reply> = {
  "a refusal in JSON": (text) =>
    reply(
      422,
      JSON_TYPE,
      `{"error":{"message":"bad \\"${text}\\"","type":"invalid_request_error"}}`,
    ),
  "a refusal in HTML": (text) => reply(400, { "content-type": "text/html" }, `<p>bad ${text}</p>`),
  "a refusal of an unknown type": (text) =>
    reply(400, { "content-type": "application/x-own" }, `bad ${text}`),
  "a refusal without a type": (text) => reply(413, {}, `bad ${text}`),
  "a header of a refusal": (text) => reply(422, { ...JSON_TYPE, "x-debug": text }, "{}"),
  "a header of an answer": (text) =>
    reply(200, { ...SSE, "x-debug": text }, `${HELLO}data: [DONE]\n\n`),
  "an error in a 200": (text) =>
    reply(200, JSON_TYPE, `{"error":{"message":"bad ${text}","code":"invalid_api_key"}}`),
  "an error before the first event": (text) =>
    reply(200, SSE, `data: {"error":{"message":"bad ${text}"}}\n\n`),
  "an error event": (text) =>
    reply(200, SSE, `${HELLO}event: error\ndata: {"error":{"message":"bad ${text}"}}\n\n`),
  "an error event in small pieces": (text) => ({
    ...reply(200, SSE, `${HELLO}: ${text}\r\ndata: {"error":{"message":"bad ${text}"}}\r\n\r\n`),
    split: 7,
  }),
  "an error event without an end": (text) =>
    reply(200, SSE, `${HELLO}data: {"error":{"message":"bad ${text}"}}`),
  "an error among lines": (text) => ({
    ...reply(
      200,
      { "content-type": "application/x-ndjson" },
      `${LINE}{"error":{"message":"bad ${text}"}}\n${LINE}`,
    ),
    split: 50,
  }),
  "an error at the end of an array": (text) => ({
    ...reply(
      200,
      JSON_TYPE,
      `[{"candidates":[{"content":"hello"}]}\n,{"error":{"message":"bad ${text}","code":500}}]`,
    ),
    split: 9,
  }),
  "an error at the end of a short array": (text) =>
    reply(
      200,
      JSON_TYPE,
      `[{"candidates":[{"content":"hello"}]},{"error":{"message":"bad ${text}"}}]`,
    ),
  "the code of a refusal": (text) =>
    reply(429, JSON_TYPE, `{"error":{"message":"no","code":"rate_limit:${text}"}}`),
  "the code of a 403": (text) =>
    reply(403, JSON_TYPE, `{"error":{"message":"no","code":"account_suspended:${text}"}}`),
  "the address of a verification": (text) =>
    reply(
      403,
      JSON_TYPE,
      `{"error":{"message":"Verify at https://u:${text}@login.example.com/v?key=${text}","status":"VALIDATION_REQUIRED"}}`,
    ),
  "a redirect": (text) => reply(307, { location: `https://${text}.example.com/${text}` }, ""),
  "a server error": (text) => reply(500, JSON_TYPE, `{"error":{"message":"bad ${text}"}}`),
};

const hex = (text: string, width: number): string[] =>
  [...text].map((one) => one.charCodeAt(0).toString(16).padStart(width, "0"));
const ENCODINGS: Record<string, (secret: string) => string> = {
  whole: (secret) => secret,
  "its tail": (secret) => secret.slice(-13),
  "its middle": (secret) => `a ${secret.slice(-16, -3)} z`,
  base64: (secret) => btoa(`user:${secret}`),
  "URL-encoded": (secret) =>
    hex(secret, 2)
      .map((code) => `%${code}`)
      .join(""),
};
const ESCAPED = (secret: string): string =>
  hex(secret, 4)
    .map((code) => `\\u${code}`)
    .join("");

const MATRIX = Object.keys(KINDS).flatMap((kind) =>
  Object.keys(EXITS).flatMap((exit) =>
    Object.entries(ENCODINGS)
      // What a redactor finds does not depend on the kind of a secret: the others are tested whole.
      .filter(([how]) => kind === "the key" || how === "whole")
      .map(([how, encode]) => [kind, exit, how, encode] as const),
  ),
);

/** Starts a relay and asks once; the last attempt is answered with a quote. Returns everything that can be observed. */
async function ask(kind: Kind, exit: (text: string) => Reply, quote: string): Promise<string[]> {
  const keep = (event: unknown): void => void seen.push(event);
  relay = await startRelay({
    ...kind.options,
    limits: { circuitAfter: false, ...kind.options.limits },
    hooks: {
      attempt: keep,
      cooldown: keep,
      rotation: keep,
      credential: keep,
      route: keep,
      refresh: keep,
      end: keep,
    },
  });
  const first = { status: kind.fails ?? 0, headers: JSON_TYPE, body: '{"error":{"message":"no"}}' };
  relay.upstream.script(
    ...(kind.fails === undefined ? [] : [{ when: { first: 1 }, then: { reply: first } }]),
    { then: exit(quote) },
  );
  const asking = relay.chat({ stream: false });
  const calls = kind.fails === undefined ? 1 : 2;
  // A refresh hashes in threads, in real time: the relay's clock must not run meanwhile.
  if (kind.options.credentials?.[0]?.token)
    await vi.waitFor(() => expect(relay.upstream.ledger.total).toBeGreaterThanOrEqual(calls));
  const response = await answered(relay, asking);
  const body = await response.text();
  await relay.ended();
  expect(relay.upstream.ledger.total).toBeGreaterThanOrEqual(calls);
  const shown = [
    relay.relay.status(),
    relay.relay.explain({ path: "/chat/completions", body: { model: "gpt-4o" } }),
    seen,
    relay.lines,
  ];
  return [body, JSON.stringify([...response.headers]), ...shown.map((one) => JSON.stringify(one))];
}

function expectNothing(texts: string[], secret: string, quote: string): void {
  for (const text of texts) {
    expect(leakIn(text, [secret, secret.toLowerCase()])).toBeUndefined();
    // No stretch of the quote that shows 12 characters.
    const size = Math.ceil(quote.length / secret.length) * 12;
    for (let at = 0; quote.length > secret.length && at + size <= quote.length; at++)
      expect(text).not.toContain(quote.slice(at, at + size));
  }
}

describe("secrets at the exits", () => {
  it.each(MATRIX)("J7 %s is not shown by %s: %s", async (kindName, exit, _how, encode) => {
    const kind = KINDS[kindName]!;
    const options = kindName.includes("token") ? renewing() : kind.options;
    const quote = encode(kind.secret);
    const texts = await ask({ ...kind, options }, EXITS[exit]!, quote);
    expectNothing(texts, kind.secret, quote);
  });

  const JSON_EXITS = Object.keys(EXITS).filter(
    (exit) => !/header|redirect|HTML|type|address/.test(exit),
  );
  it.each(JSON_EXITS)("J7 the key is not shown by %s: escaped as in JSON", async (exit) => {
    const quote = ESCAPED(KEY);
    const texts = await ask(KINDS["the key"]!, EXITS[exit]!, quote);
    expectNothing(texts, KEY, quote);
    expect(texts.join()).not.toContain(JSON.stringify(quote.slice(-72)).slice(1, -1));
  });

  it.each([
    [
      "a refusal in JSON",
      '{"error":{"message":"bad \\"[redacted]\\"","type":"invalid_request_error"}}',
    ],
    ["a refusal in HTML", "<p>bad [redacted]</p>"],
    ["a refusal of an unknown type", "bad [redacted]"],
    ["an error event", `${HELLO}event: error\ndata: {"error":{"message":"bad [redacted]"}}\n\n`],
    ["an error event in small pieces", `${HELLO}data: {"error":{"message":"bad [redacted]"}}\n\n`],
    ["an error among lines", `${LINE}{"error":{"message":"bad [redacted]"}}\n${LINE}`],
    [
      "an error at the end of an array",
      '[{"candidates":[{"content":"hello"}]}\n,{"error":{"message":"bad [redacted]","code":500}}]',
    ],
  ])("J7 the rest of %s is passed on", async (exit, expected) => {
    const [body] = await ask(KINDS["the key"]!, EXITS[exit]!, KEY);
    expect(body).toContain(expected);
  });

  it.each([
    "an error event",
    "an error among lines",
    "an error at the end of an array",
    "a refusal in JSON",
  ])("I11 %s without a secret is passed byte for byte", async (exit) => {
    const made = EXITS[exit]!("no key");
    const [body] = await ask(KINDS["the key"]!, () => made, "");
    expect(body).toContain(made.reply.body.replace(/\n*$/, ""));
  });

  it("J7 the text of a model is not searched", async () => {
    const event = `data: {"choices":[{"index":0,"delta":{"content":"${OTHER}"}}]}\n\n`;
    const sse = reply(200, SSE, `${HELLO}${event}data: [DONE]\n\n`);
    const [body] = await ask(
      { secret: OTHER, options: { credentials: [{ id: "c1", token: () => OTHER }], simulator } },
      () => sse,
      "",
    );
    expect(body).toContain(event);
  });

  it.each(["a", "type", "error"])(
    "J7 a refusal is passed unchanged where the key is %s",
    async (apiKey) => {
      const made = EXITS["a refusal in JSON"]!("no key");
      const [body] = await ask(
        { secret: apiKey, options: { credentials: credentials(apiKey), simulator } },
        () => made,
        "",
      );
      expect(body).toBe(made.reply.body);
    },
  );

  it("J7 the refusal of a refresh shows no secret of its source", async () => {
    const { oauth } = await import("../../src/index.ts");
    const clientSecret = "cs8Zb4Wn2Ry6Tq0Lx3Mf7Kd";
    const refuse: typeof fetch = async (_input, init) => {
      const quoted = `${String(init?.body)} ${new Headers(init?.headers).get("authorization")}`;
      return Response.json(
        { error: `invalid_grant:${GRANT}`, error_description: `${quoted} ${clientSecret}` },
        { status: 400, headers: { "x-amzn-errortype": GRANT } },
      );
    };
    const token = oauth({
      tokenURL: "https://login.example.com/token",
      clientId: "app",
      clientSecret,
      refreshToken: GRANT,
    });
    const keep = (event: unknown): void => void seen.push(event);
    relay = await startRelay({
      credentials: [{ id: "c1", token }],
      fetch: refuse,
      hooks: { refresh: keep, credential: keep, end: keep },
    });
    const asking = relay.chat({ stream: false });
    await vi.waitFor(() => expect(seen).toContainEqual(expect.objectContaining({ ok: false })));
    const response = await answered(relay, asking);
    const shown = [
      [...response.headers],
      await response.text(),
      seen,
      relay.lines,
      relay.relay.status(),
    ];
    for (const secret of [GRANT, clientSecret, btoa(`app:${clientSecret}`)])
      expect(leakIn(JSON.stringify(shown), [secret])).toBeUndefined();
  });

  it("J7 an error of the operator's own code is logged without a secret of the credential", async () => {
    const key = "AKIA4XMP0QZ7WN2RT9";
    const fail = (): never => {
      const error = new Error(key, { cause: new Error(key) });
      throw Object.assign(error, { name: `${key}Error`, code: key });
    };
    relay = await startRelay({
      credentials: [{ id: "team one", apiKey: key }],
      simulator,
      upstream: { quota: fail, quotaEvery: 1_000 },
      hooks: { end: fail, attempt: fail },
    });
    await vi.waitFor(() => expect(JSON.stringify(relay.lines)).toContain("the quota of team one"));
    expect(leakIn(JSON.stringify(relay.lines), [key])).toBeUndefined();
  });

  it("J7 a store's address is shown without its password", async () => {
    const fault = Object.assign(new Error("no"), { code: "redis://app:s3cr3t-pw@db.example.com" });
    const storage = {
      getItem: () => Promise.reject(fault),
      getItems: () => Promise.reject(fault),
      setItem: () => Promise.reject(fault),
      removeItem: () => Promise.reject(fault),
      getKeys: () => Promise.reject(fault),
    };
    relay = await startRelay({ storage: storage as never, simulator, waitUntilReady: false });
    await vi.waitFor(() => expect(relay.relay.status().store.fault).toBeDefined());
    const text = JSON.stringify([relay.relay.status(), relay.lines]);
    expect(text).not.toContain("s3cr3t-pw");
  });

  it("J7 the secrets of a request are known until it ends, also when the credential has been removed", async () => {
    relay = await startRelay({ credentials: credentials(OTHER), simulator });
    const id = relay.relay.credentials.add({ label: "more", apiKey: KEY, tier: 0 });
    const made = EXITS["an error event"]!(KEY);
    relay.upstream.script({ then: { ...made, delay: 0, split: 40, splitInterval: 20 } as never });
    const response = await relay.chat();
    relay.relay.credentials.remove(id);
    expect(leakIn(await response.text(), [KEY])).toBeUndefined();
  });
});
