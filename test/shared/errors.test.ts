import { readFileSync } from "node:fs";
import { H3, serve } from "h3";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Behaviour } from "../../simulator/behaviour.ts";
import type { ErrorCode } from "../../src/shared/error-facts.ts";
import { ERRORS } from "../../src/shared/error-table.ts";
import { createRelay, defineRelay, type OptionsOf } from "../../src/index.ts";
import type { RelayOptions } from "../../src/options/types.ts";
import { answered } from "../support/answered.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(async () => {
  vi.restoreAllMocks();
  await relay?.close();
});

type DialectName = "openai" | "anthropic" | "google";

/** One request that a client of this dialect would make. */
interface Ask {
  path?: string;
  method?: string;
  body?: BodyInit;
  headers?: Record<string, string>;
}

interface Provocation {
  status: number;
  options?: (dialect: DialectName, stream: boolean) => UnderTestOptions;
  behaviour?: (dialect: DialectName, stream: boolean) => Behaviour;
  ask?: (dialect: DialectName) => Ask;
  /** Done before the tested request. */
  before?: (send: () => Promise<Response>) => unknown;
  /** Done while the request is in progress. */
  during?: () => unknown;
  /** An error that only occurs in a stream, and arrives as an event. */
  asEvent?: true;
}

const inside =
  (error: object): ((dialect: DialectName, stream: boolean) => Behaviour) =>
  (_dialect, stream) => {
    const body = JSON.stringify({ error });
    const type = stream ? "text/event-stream" : "application/json";
    return {
      reply: { headers: { "content-type": type }, body: stream ? `data: ${body}\n\n` : body },
    };
  };
const stalled = async (): Promise<void> =>
  relay.upstream.ledger.until(({ calls }) => calls.some((call) => call.stalled));
const stall = (): Behaviour => ({ stall: "before-headers" });
/** More bytes than one request of this test has, and fewer than two have. */
const roomForOne = (dialect: DialectName): number => (dialect === "google" ? 20 : 60);
const oneCredential = (): UnderTestOptions => ({ count: 1 });
const elsewhere = (dialect: DialectName): UnderTestOptions => ({
  upstream: { dialect, baseURL: "http://127.0.0.1:9/v1" },
});

/** Id of the request that was routed last. */
let routed = "";

const PROVOCATIONS: Partial<Record<ErrorCode, Provocation>> = {
  ERR_RELAY_CLOSED: { status: 503, before: () => relay.relay.close() },
  ERR_RELAY_SHUTDOWN: {
    status: 503,
    behaviour: stall,
    async during() {
      await stalled();
      void relay.relay.close();
      await relay.clock.advance(5_000);
    },
  },
  ERR_RELAY_STOPPED: {
    status: 409,
    options: () => ({ hooks: { route: ({ requestId }) => (routed = requestId) } }),
    behaviour: stall,
    async during() {
      await stalled();
      relay.relay.stop(routed);
    },
  },
  ERR_RELAY_INTERNAL: {
    status: 500,
    options: () => ({
      transport: {
        name: "broken",
        send() {
          throw new Error("broken");
        },
        close: () => Promise.resolve(),
      },
    }),
  },
  ERR_RELAY_PERMISSION: {
    status: 500,
    options: () => ({
      fetch() {
        const message =
          'Requires net access to "api.example.com:443", run again with the --allow-net flag';
        throw Object.assign(new Error(message), { name: "NotCapable" });
      },
    }),
  },
  ERR_RELAY_PATH: { status: 400, ask: () => ({ path: "/a%2fb" }) },
  ERR_RELAY_VERSION: { status: 404, ask: () => ({ path: "/v1/models" }) },
  ERR_RELAY_RESERVED: { status: 404, ask: () => ({ path: "/_relay/status" }) },
  ERR_RELAY_CROSS_SITE: {
    status: 403,
    ask: () => ({ headers: { "sec-fetch-site": "cross-site" } }),
  },
  ERR_RELAY_OPERATION: { status: 403, ask: () => ({ path: "/files" }) },
  ERR_RELAY_METHOD: { status: 405, ask: () => ({ method: "OPTIONS", body: undefined }) },
  ERR_RELAY_HEADERS: { status: 431, options: () => ({ limits: { headerCount: 1 } }) },
  ERR_RELAY_BODY_SIZE: { status: 413, options: () => ({ limits: { bodySize: 10 } }) },
  ERR_RELAY_BODY_ENCODING: {
    status: 415,
    ask: () => ({ headers: { "content-encoding": "gzip" } }),
  },
  ERR_RELAY_BODY_JSON: { status: 400, ask: () => ({ body: "{" }) },
  ERR_RELAY_BODY_TIMEOUT: {
    status: 408,
    ask: () => ({ body: new ReadableStream({ start: (it) => it.enqueue(new Uint8Array(1)) }) }),
    async during() {
      while (relay.clock.pending() === 0) await new Promise((resolve) => setImmediate(resolve));
      await relay.clock.advance(60_000);
    },
  },
  ERR_RELAY_BODY_USED: {
    status: 500,
    options: () => ({ authorize: async (request) => (await request.text()) !== "" }),
  },
  ERR_RELAY_MODEL_MISSING: {
    status: 400,
    ask: (dialect) =>
      dialect === "google" ? { path: "/models/:generateContent", body: "{}" } : { body: "{}" },
  },
  ERR_RELAY_MODEL_NAME: {
    status: 400,
    ask(dialect) {
      const model = "m".repeat(257);
      return dialect === "google"
        ? { path: `/models/${model}:generateContent`, body: "{}" }
        : { body: JSON.stringify({ model }) };
    },
  },
  ERR_RELAY_MODEL_TWICE: {
    status: 400,
    options: () => ({
      credentials: makeCredentials(1).map((it) => ({ ...it, models: { deny: ["dear"] } })),
    }),
    ask: () => ({ body: '{"model":"gpt-4o","Model":"dear"}' }),
  },
  ERR_RELAY_MODEL_UNKNOWN: {
    status: 400,
    options(dialect) {
      const upstream = { baseURL: "http://127.0.0.1:9/v1", dialect };
      const credentials = makeCredentials(2).map((it, at) => ({
        ...it,
        upstream: ["one", "two"][at],
      }));
      return { upstreams: { one: upstream, two: upstream }, credentials };
    },
  },
  ERR_RELAY_POOL_UNKNOWN: { status: 400, ask: () => ({ headers: { "x-relay-pool": "odd" } }) },
  ERR_RELAY_UNAUTHORIZED: { status: 401, options: () => ({ authorize: () => false }) },
  ERR_RELAY_AUTHORIZE: {
    status: 500,
    options: () => ({
      authorize() {
        throw new Error("no database");
      },
    }),
  },
  ERR_RELAY_CALLER_BUSY: {
    status: 429,
    options: () => ({ limits: { perCaller: { concurrent: 1 } } }),
    behaviour: stall,
    before: (send) => (void send().catch(() => {}), stalled()),
  },
  ERR_RELAY_CALLER_BUFFER: {
    status: 429,
    options: (dialect) => ({
      authorize: () => "me",
      limits: { bufferedBytes: 4 * roomForOne(dialect) },
    }),
    behaviour: stall,
    before: (send) => (void send().catch(() => {}), stalled()),
  },
  ERR_RELAY_BUFFER_FULL: {
    status: 503,
    options: (dialect) => ({ limits: { bufferedBytes: roomForOne(dialect) } }),
    behaviour: stall,
    before: (send) => (void send().catch(() => {}), stalled()),
  },
  ERR_RELAY_QUEUE_FULL: {
    status: 503,
    options: () => ({
      limits: { queue: 0 },
      credentials: makeCredentials(1).map((it) => ({ ...it, maxInFlight: 1 })),
    }),
    behaviour: stall,
    before: (send) => (void send().catch(() => {}), stalled()),
  },
  ERR_RELAY_NO_CREDENTIAL: {
    status: 503,
    before: () =>
      relay.relay.status().credentials.forEach(({ id }) => relay.relay.credentials.disable(id)),
  },
  ERR_RELAY_TOKEN: {
    status: 503,
    options: () => ({
      credentials: [{ id: "t", token: () => Promise.reject(new Error("sk-planted is wrong")) }],
    }),
  },
  ERR_RELAY_LIMITED: {
    status: 429,
    behaviour: () => ({ refuse: { kind: "rate-limit", wait: 30_000 } }),
  },
  ERR_RELAY_PROTECTED: {
    status: 429,
    options: () => ({ scheduling: { protect: { below: 10 } }, limits: { maxWait: 0 }, count: 1 }),
    behaviour: () => ({
      headers: { "x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "1" },
    }),
    before: (send) => send(),
  },
  ERR_RELAY_CAPACITY: { status: 503, behaviour: () => ({ refuse: "capacity" }) },
  ERR_RELAY_DEADLINE: {
    status: 504,
    options: () => ({ limits: { deadline: 1_000 } }),
    behaviour: stall,
  },
  ERR_RELAY_MODEL_NOT_FOUND: {
    status: 404,
    options: oneCredential,
    behaviour: () => ({ refuse: "model-not-found" }),
    before: (send) => send(),
  },
  ERR_RELAY_UPSTREAM_TIMEOUT: {
    status: 504,
    options: () => ({ streaming: { commitAfter: false } }),
    behaviour: stall,
  },
  ERR_RELAY_UPSTREAM_DOWN: {
    status: 503,
    options: () => ({ limits: { circuitAfter: 1, maxAttempts: 1 } }),
    behaviour: () => ({ refuse: "server-error" }),
    before: (send) => send(),
  },
  ERR_RELAY_UPSTREAM_UNREACHABLE: { status: 502, options: elsewhere },
  ERR_RELAY_UPSTREAM_CLOSED: { status: 502, behaviour: () => ({ cut: "before-headers" }) },
  ERR_RELAY_UPSTREAM_INVALID: { status: 502, behaviour: () => ({ garbage: true }) },
  ERR_RELAY_UPSTREAM_REDIRECT: {
    status: 502,
    behaviour: () => ({ reply: { status: 302, headers: { location: "http://127.0.0.1:9/" } } }),
  },
  ERR_RELAY_UPSTREAM_EMPTY: {
    status: 502,
    behaviour: (_dialect, stream) => ({
      reply: {
        headers: { "content-type": stream ? "text/event-stream" : "application/json" },
        body: "",
      },
    }),
  },
  ERR_RELAY_UPSTREAM_FAILED: { status: 500, behaviour: () => ({ refuse: "server-error" }) },
  ERR_RELAY_UPSTREAM_REFUSED: {
    status: 502,
    behaviour: inside({
      code: 403,
      status: "PERMISSION_DENIED",
      type: "permission_error",
      message: "You may not.",
    }),
  },
  ERR_RELAY_UPSTREAM_REJECTED: {
    status: 400,
    behaviour: inside({
      code: 400,
      status: "INVALID_ARGUMENT",
      type: "invalid_request_error",
      message: "Field x is unknown.",
    }),
  },
  ERR_RELAY_TRUNCATED: {
    status: 502,
    asEvent: true,
    behaviour: () => ({ cut: { afterEvents: 2 } }),
  },
  ERR_RELAY_IDLE: { status: 504, asEvent: true, behaviour: () => ({ stall: { afterEvents: 1 } }) },
};

const DIALECTS: readonly DialectName[] = ["openai", "anthropic", "google"];
const CASES = Object.entries(PROVOCATIONS).flatMap(([code, provocation]) =>
  DIALECTS.flatMap((dialect) =>
    [true, false]
      .filter((stream) => stream || !provocation.asEvent)
      .map((stream) => ({ code: code as ErrorCode, dialect, stream, ...provocation })),
  ),
);

function send({ dialect, stream }: (typeof CASES)[number], asked: Ask = {}): Promise<Response> {
  const verb = stream ? "streamGenerateContent?alt=sse" : "generateContent";
  const usual = {
    openai: { path: "/chat/completions", body: { model: "gpt-4o", stream, messages: [] } },
    anthropic: { path: "/messages", body: { model: "claude-4", stream, messages: [] } },
    google: { path: `/models/gemini-2.5-pro:${verb}`, body: { contents: [] } },
  }[dialect];
  const { path = usual.path, method = "POST", headers = {} } = asked;
  const body = "body" in asked ? asked.body : JSON.stringify(usual.body);
  return fetch(relay.url + path, {
    method,
    body,
    headers: { "content-type": "application/json", ...headers },
    duplex: "half",
  } as RequestInit);
}

/** The error object in the format that this dialect's clients read. */
function errorIn(
  dialect: DialectName,
  body: unknown,
): { code: unknown; message: unknown; status: unknown } {
  const { error, type } = body as { error: Record<string, unknown>; type?: string };
  if (dialect === "anthropic") expect(type).toBe("error");
  expect(typeof (dialect === "google" ? error["status"] : error["type"])).toBe("string");
  return {
    message: error["message"],
    code: error[dialect === "google" ? "reason" : "code"],
    status: dialect === "google" ? error["code"] : undefined,
  };
}

describe("over a socket", () => {
  it.each(CASES)("E3 sends $code in the format of $dialect (stream: $stream)", async (provoked) => {
    const { code, dialect, stream, status, options, behaviour, asEvent } = provoked;
    const more = options?.(dialect, stream);
    relay = await startRelay({ upstream: { dialect }, ...more });
    if (behaviour) relay.upstream.script({ then: behaviour(dialect, stream) });
    const asked = provoked.ask?.(dialect);
    await provoked.before?.(() => send(provoked, asked));
    const asking = send(provoked, asked);
    await provoked.during?.();
    const response = await answered(relay, asking);
    const text = asEvent ? await streamed(response) : await response.text();
    expect(response.status).toBe(asEvent ? 200 : status);
    const json = asEvent ? /data: (.*)\n\n$/.exec(text)![1]! : text;
    const error = errorIn(dialect, JSON.parse(json));
    expect(error.code).toBe(code);
    if (dialect === "google") expect(error.status).toBe(status);
    expect(error.message).toMatch(/^[A-Z].*[.?]$/);
    expect(text).not.toContain("127.0.0.1");
    if (!asEvent) {
      expect(response.headers.get("content-type")).toBe("application/json");
      const wait = Number(response.headers.get("retry-after") ?? Infinity);
      expect(response.headers.get("x-should-retry")).toBe(wait <= 60 ? null : "false");
    }
  });

  async function streamed(response: Response): Promise<string> {
    const reading = response.text();
    let text: string | undefined;
    void reading.then((it) => (text = it));
    while (text === undefined) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (relay.upstream.ledger.calls.every(({ open, stalled: is }) => !open || is))
        await relay.clock.advance(10_000);
    }
    return text;
  }
});

describe("at start", () => {
  const wrong = {
    upstream: { baseURL: "https://x/v1", dialect: "openai" as const },
    credentials: [{ id: "a", apiKey: undefined }],
  };

  it("K13 throws ERR_RELAY_OPTIONS where plain options are wrong", () => {
    expect(() => createRelay(wrong)).toThrow(
      expect.objectContaining({ code: "ERR_RELAY_OPTIONS", status: 500 }),
    );
    expect(() => defineRelay(wrong)).toThrow(/credentials\[0\] \(a\)\.apiKey: is missing/);
  });

  const OWN = /^\[relay\] the function that returns the relay's options failed: /.source;
  const FACTORIES: [string, OptionsOf, RegExp][] = [
    [
      "gives wrong options",
      () => wrong,
      /^\[relay\] The relay's options are wrong: credentials\[0\] \(a\)\.apiKey: is missing/,
    ],
    [
      "gives a promise of wrong options",
      () => Promise.resolve(wrong),
      /^\[relay\] The relay's options are wrong: credentials\[0\] \(a\)\.apiKey: is missing/,
    ],
    [
      "throws",
      () => {
        throw new TypeError("KEYS is not set", { cause: new RangeError("too few") });
      },
      new RegExp(
        `${OWN}TypeError: KEYS is not set at .*errors\\.test\\.ts:.*, caused by RangeError at .*$`,
      ),
    ],
    [
      "cannot read its JSON",
      () => JSON.parse("sk-planted-secret") as RelayOptions,
      new RegExp(`${OWN}SyntaxError: .*errors\\.test\\.ts`),
    ],
    [
      "throws no error",
      () => {
        // oxlint-disable-next-line no-throw-literal
        throw "KEYS is not set";
      },
      new RegExp(`${OWN}KEYS is not set$`),
    ],
    [
      "rejects",
      () => Promise.reject(new Error("no vault")),
      new RegExp(`${OWN}Error: no vault at`),
    ],
    [
      "gives nothing",
      (() => undefined) as never,
      /^\[relay\] .* options: must be an object; a function must return it$/,
    ],
  ];

  it.each(FACTORIES)(
    "K13 answers ERR_RELAY_START and logs once when a factory %s",
    async (_what, factory, line) => {
      const logged = vi.spyOn(console, "error").mockImplementation(() => {});
      const handler = defineRelay(factory);
      const app = new H3().all("/ai/**", handler as never).mount("/web", handler);
      const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
      await server.ready();
      try {
        for (const path of ["ai/models", "web/models", "ai/x"]) {
          const response = await fetch(server.url + path);
          expect([response.status, response.headers.get("x-should-retry")]).toEqual([500, "false"]);
          const text = await response.text();
          expect(JSON.parse(text).error.code).toBe("ERR_RELAY_START");
          expect(text).not.toMatch(/credentials|sk-planted|KEYS|vault/);
        }
        expect(logged.mock.calls).toEqual([[expect.stringMatching(line)]]);
        expect(String(logged.mock.calls)).not.toContain("sk-planted");
      } finally {
        await server.close(true);
      }
    },
  );

  it("K13 starts as soon as the factory's options are correct", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    relay = await startRelay();
    const env: { KEY?: string } = {};
    const { upstream } = relay;
    const handler = defineRelay(() => ({
      upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
      credentials: [{ id: "a", apiKey: env.KEY }],
      mount: "/",
      log: false,
    }));
    const ask = () => handler.fetch(new Request("http://x/models"));
    expect((await ask()).status).toBe(500);
    env.KEY = secretOf("c1");
    expect((await ask()).status).toBe(200);
    await handler.relay.close();
  });
});

it("E12 reports ERR_RELAY_CLIENT_GONE only to the end hook", async () => {
  relay = await startRelay();
  relay.upstream.script({ then: stall() });
  const controller = new AbortController();
  const asking = relay.chat({ signal: controller.signal });
  await stalled();
  controller.abort();
  await expect(asking).rejects.toThrow();
  expect(await relay.ended()).toMatchObject({ error: "ERR_RELAY_CLIENT_GONE", status: undefined });
});

it("E3 has no code that no test provokes", () => {
  const told = Object.keys(PROVOCATIONS);
  const elsewhereTold = [
    "ERR_RELAY_OPTIONS",
    "ERR_RELAY_START",
    "ERR_RELAY_MODULE",
    "ERR_RELAY_CLIENT_GONE",
    "ERR_RELAY_BODY_INCOMPLETE",
    "ERR_RELAY_NO_PAYLOAD",
    "ERR_RELAY_PENDING_FULL",
    "ERR_RELAY_UPSTREAM_SILENT",
    "ERR_RELAY_NOT_READY",
    "ERR_RELAY_MOUNT",
    "ERR_RELAY_MOUNT_MISSING",
    "ERR_RELAY_CREDENTIAL",
    "ERR_RELAY_CONFIGURED",
  ];
  expect([...told, ...elsewhereTold].toSorted()).toEqual(Object.keys(ERRORS).toSorted());
});

it("E3 describes every code in docs/errors.md with its status and type", () => {
  const text = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| `(\w+)` \| (.+) \|$/gm)];
  expect(rows.map(([, code, status, type]) => [code, Number(status), type])).toEqual(
    Object.entries(ERRORS).map(([code, { status, type }]) => [code, status, type]),
  );
});

describe("no credential available", () => {
  it.each([true, false])(
    "A14 answers 503 in JSON where all are disabled (stream: %s)",
    async (stream) => {
      relay = await startRelay({ count: 2 });
      relay.relay.credentials.disable("c1");
      relay.relay.credentials.disable("c2");
      const response = await relay.chat({ stream });
      expect([response.status, response.headers.get("content-type")]).toEqual([
        503,
        "application/json",
      ]);
      expect(await response.json()).toMatchObject({
        error: { code: "ERR_RELAY_NO_CREDENTIAL", type: "service_unavailable", model: "gpt-4o" },
      });
      expect(relay.upstream.ledger.total).toBe(0);
    },
  );

  it.each([true, false])(
    "A14 answers 503 where none serves the model (stream: %s)",
    async (stream) => {
      const [one] = makeCredentials(1);
      relay = await startRelay({ credentials: [{ ...one!, models: { deny: ["gpt-4*"] } }] });
      const response = await relay.chat({ stream });
      expect([response.status, response.headers.get("content-type")]).toEqual([
        503,
        "application/json",
      ]);
      expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_NO_CREDENTIAL" } });
      expect((await relay.chat({ model: "o3", stream: false })).status).toBe(200);
    },
  );
});
