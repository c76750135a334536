import { H3, serve, withBase } from "h3";
import { afterEach, describe, expect, it } from "vitest";
import { defineRelay, type RelayHandler } from "../../src/index.ts";
import type { DialectName, UpstreamOptions } from "../../src/options/upstream-types.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { makeCredentials, secretOf } from "../support/relay.ts";
import { type RawAnswer, rawRequest, sendRaw } from "../support/raw.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

interface Mounted {
  origin: string;
  upstream: Simulator;
  /** Sends a raw chat completion to a raw target. */
  post(target: string, headers?: string[]): Promise<RawAnswer>;
  get(target: string, headers?: string[]): Promise<RawAnswer>;
  /** Path and query of every upstream call. */
  paths(): string[];
  close(): Promise<void>;
}

let mounted: Mounted;
afterEach(() => mounted.close());

type Build = (app: H3, handler: never, relay: RelayHandler) => void;

async function mount(
  build: Build,
  options: {
    base?: string;
    upstream?: Partial<UpstreamOptions>;
    mount?: string;
    authorize?: () => boolean;
  } = {},
): Promise<Mounted> {
  const { base = "/v1" } = options;
  const upstream = await createSimulator();
  const handler = defineRelay({
    upstream: { baseURL: `${upstream.url}${base}`, dialect: "openai", ...options.upstream },
    credentials: makeCredentials(1),
    mount: options.mount,
    authorize: options.authorize,
    clock: createVirtualClock(),
    log: false,
  });
  const app = new H3();
  build(app, handler as never, handler);
  const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
  await server.ready();
  const origin = server.url!.replace(/\/$/, "");
  const body = JSON.stringify({ model: "gpt-4o", stream: false, messages: [] });
  mounted = {
    origin,
    upstream,
    post: (target, headers = []) =>
      sendRaw(
        origin,
        rawRequest(`POST ${target}`, ["content-type: application/json", ...headers], body),
      ),
    get: (target, headers = []) => sendRaw(origin, rawRequest(`GET ${target}`, headers)),
    paths: () => upstream.ledger.calls.map(({ path, query }) => path + query),
    async close() {
      await server.close(true);
      await handler.relay.close();
      await upstream.close();
    },
  };
  return mounted;
}

const byRoute: Build = (app, handler) => void app.all("/ai/**", handler);

const WAYS: [string, Build, string, string?][] = [
  ["app.all", byRoute, "/ai"],
  ["app.use", (app, handler) => void app.use("/ai/**", handler), "/ai"],
  ["a named wildcard", (app, handler) => void app.all("/ai/**:path", handler), "/ai"],
  ["app.mount", (app, _, relay) => void app.mount("/ai", relay), "/ai"],
  [
    "withBase inside a route",
    (app, handler) => void app.all("/ai/**", withBase("/ai", handler)),
    "/ai",
  ],
  [
    "withBase deeper than its route",
    (app, handler) => void app.all("/ai/**", withBase("/ai/x", handler)),
    "/ai/x",
  ],
  [
    "withBase around an app",
    (app, handler) =>
      void app.all("/api/**", withBase("/api", new H3().all("/ai/**", handler).handler)),
    "/api/ai",
  ],
  [
    "a mounted app",
    (app, handler) => void app.mount("/api", new H3().all("/ai/**", handler)),
    "/api/ai",
  ],
  [
    "a middleware of a mounted app",
    (app, handler) => void app.mount("/api", new H3().use("/ai/**", handler)),
    "/api/ai",
  ],
  [
    "a middleware before a catch-all route",
    (app, handler) => void app.use("/ai/**", handler).all("/**", () => "the site"),
    "/ai",
  ],
  [
    "a route behind a middleware for a part of it",
    (app, handler) => void app.use("/ai/chat/**", () => undefined as never).all("/ai/**", handler),
    "/ai",
  ],
  [
    "a catch-all route behind a middleware for a part of it",
    (app, handler) => void app.use("/chat/**", () => undefined as never).all("/**", handler),
    "",
    "/",
  ],
  [
    "a route with a parameter",
    (app, handler) => void app.all("/t/:tenant/ai/**", handler),
    "/t/a%20b/ai",
  ],
  ["a route of its own", (app, handler) => void app.all("/chat/completions", handler), "", "/"],
];

describe("mounting", () => {
  it.each(WAYS)(
    "L7 L1 appends the tail to the base URL: %s",
    async (_way, build, prefix, option) => {
      await mount(build, { mount: option });
      expect((await mounted.post(`${prefix}/chat/completions`)).status).toBe(200);
      expect((await mounted.post(`${prefix}/chat/completions?x=%20a`)).status).toBe(200);
      expect(mounted.paths()).toEqual(["/v1/chat/completions", "/v1/chat/completions?x=%20a"]);
    },
  );

  it.each(WAYS.slice(0, -1))(
    "L7 keeps a trailing slash: %s",
    async (_way, build, prefix, option) => {
      await mount(build, { mount: option });
      await mounted.get(`${prefix}/models/`);
      expect(mounted.paths()).toEqual(["/v1/models/"]);
    },
  );

  it("L7 serves the base URL itself at the mount point", async () => {
    await mount(byRoute, { base: "/v1/models" });
    expect((await mounted.get("/ai")).status).toBe(200);
    expect((await mounted.get("/ai?limit=1")).status).toBe(200);
    expect(mounted.paths()).toEqual(["/v1/models", "/v1/models?limit=1"]);
  });

  it("L7 L15 answers 404 outside a configured mount", async () => {
    await mount((app, _, { fetch }) => void app.all("/**", (event) => fetch(event.req)), {
      mount: "/ai",
    });
    await mounted.get("/ai/models");
    expect((await mounted.get("/aix/models")).status).toBe(404);
    expect(mounted.paths()).toEqual(["/v1/models"]);
  });
});

describe("the path", () => {
  it("L7 is passed on undecoded and unchanged", async () => {
    await mount(byRoute, { upstream: { allow: ["*"] } });
    const tails = [
      "/files/a%20b",
      "/files/caf%C3%A9",
      "/files/%41%7E",
      "/files/a+b,c;d=e:f@g!$&'()*",
      "/models/org.name-1_x~y",
      "/files/100%25",
    ];
    for (const tail of tails) await mounted.get(`/ai${tail}`);
    expect(mounted.paths()).toEqual(tails.map((tail) => `/v1${tail}`));
  });

  it("L7 N2 keeps the query unchanged, except for parameters that contain a credential", async () => {
    await mount(byRoute, { upstream: { dialect: "google" }, base: "/v1beta" });
    await mounted.get(
      "/ai/models?pageSize=5&key=sk-mine&x=%20+%C3%A9&&y&ACCESS_TOKEN=1&%6Bey=2&z=",
    );
    expect(mounted.paths()).toEqual(["/v1beta/models?pageSize=5&x=%20+%C3%A9&&y&z="]);
    expect(mounted.upstream.ledger.last()!.headers["x-goog-api-key"]).toBe(secretOf("c1"));
  });

  const DOUBLED: [DialectName, string, string, string][] = [
    ["openai", "/v1", "/v1/chat/completions", "/ai/chat/completions"],
    ["openai", "/api/v1", "/v1/models", "/ai/models"],
    ["anthropic", "/v1", "/v1/messages", "/ai/v1/messages"],
    ["google", "/v1beta", "/v1beta/models", "/ai/v1beta/models"],
    ["google", "/v1beta", "/v1/models", "/ai/v1/models"],
  ];
  it.each(DOUBLED)(
    "L7 answers 404 to a doubled version and names the path: %s %s %s",
    async (dialect, base, tail, expected) => {
      await mount(byRoute, { upstream: { dialect }, base });
      const { status, body } = await mounted.post(`/ai${tail}`);
      expect(status).toBe(404);
      expect(body).toContain(`the request goes to ${expected}.`);
      expect(body).not.toContain(mounted.upstream.url);
      expect(mounted.paths()).toEqual([]);
    },
  );

  it("L7 answers 404 to a missing version and names the path under the whole mount", async () => {
    await mount((app, handler) => void app.mount("/api", new H3().all("/ai/**", handler)), {
      upstream: { dialect: "anthropic" },
      base: "",
    });
    const { status, body } = await mounted.post("/api/ai/messages");
    expect([status, body]).toEqual([404, expect.stringContaining("goes to /api/ai/v1/messages.")]);
    expect((await mounted.post("/api/ai/v1/messages", ["anthropic-version: 1"])).status).toBe(200);
  });

  it("L7 allows a version in the request where the base URL has none", async () => {
    await mount(byRoute, { base: "" });
    expect((await mounted.post("/ai/v1/chat/completions")).status).toBe(200);
  });
});

describe("attacks", () => {
  const REFUSED = [
    "/ai/..",
    "/ai/files/.",
    "/ai/x/%252e%252e/admin",
    "/ai/x/..;/admin",
    "/ai/x/..%3b/admin",
    "/ai/x/%2e%2e;a=b/admin",
    "/ai/files%2f..%2fadmin",
    "/ai/%2F%2Fevil.test/x",
    "/ai/files%5c..%5cadmin",
    "/ai/files%252fadmin",
    "/ai//evil.test/x",
    "/ai/files//x",
    "/ai/files\\x",
    "/ai\\..\\..\\x",
    "/ai/files%00",
    "/ai/files%0d%0aHost:%20evil.test",
    "/ai/files#fragment",
    "/ai/files?a#fragment",
    "/ai/files?a\tb",
    "/ai/files%zz",
    "/ai/files%",
    "//ai/models",
    "//evil.test/ai/models",
    "http:/ai/models",
    "*",
    "ai/models",
    "/ai/files\0",
    "/ai/files\u0001x",
  ];

  it.each(REFUSED)("N3 sends nothing upstream for %j", async (target) => {
    await mount(byRoute, { upstream: { allow: ["*"] } });
    const { status } = await mounted.get(target);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(mounted.paths()).toEqual([]);
  });

  it.each([
    ["http://evil.test/ai/models", "/v1/models"],
    ["/%61i/models", "/v1/models"],
  ])("N3 stays inside the base path for %s", async (target, path) => {
    await mount(byRoute);
    await mounted.get(target);
    expect(mounted.paths()).toEqual([path]);
  });

  it.each([
    ["an outer path", "/../../x"],
    ["a route beside it", "/ai/../other"],
  ])("N3 does not serve %s", async (_what, target) => {
    await mount(byRoute);
    expect((await mounted.get(target)).status).toBe(404);
    expect(mounted.paths()).toEqual([]);
  });

  const NOT_NORMAL = [
    "/ai/a/../models",
    "/ai/%2e%2e/ai/models",
    "/ai/a/%2E%2e/models",
    "/ai/a/.%2E/models",
    "/ai/a/%2e./models",
    "/ai/./models",
    "/ai/%2E/models",
    "/x/../ai/models",
    "/x/%2e%2E/ai/models",
    "/ai/a/\\..\\models",
    "/ai/a\\..\\models",
    "/x\\..\\ai/models",
    "http://evil.test:1/ai/../ai/models?x",
    "/ai/files/..",
    "/ai/files/%2e%2e",
    "/ai/files/.%2E",
  ];

  it.each(NOT_NORMAL)(
    "N3 answers 400 before `authorize` where the raw path is not normal: %s",
    async (target) => {
      let asked = 0;
      await mount(byRoute, { authorize: () => (asked++, true) });
      const { status, body } = await mounted.get(target);
      expect([status, body]).toEqual([400, expect.stringContaining("ERR_RELAY_PATH")]);
      expect([asked, mounted.paths()]).toEqual([0, []]);
    },
  );

  it.each(["app.mount", "app.use", "a mounted app", "withBase inside a route"])(
    "N3 relays no path that is not normal, however the relay is mounted: %s",
    async (way) => {
      const [, build, at] = WAYS.find(([name]) => name === way)!;
      let asked = 0;
      await mount(build, { authorize: () => (asked++, true) });
      for (const tail of ["/a/../models", "/%2e%2e/models", "/a/\\..\\models", "/a/%2E./models"]) {
        const { status } = await mounted.get(at + tail);
        expect([tail, [400, 404].includes(status)]).toEqual([tail, true]);
      }
      expect([asked, mounted.paths()]).toEqual([0, []]);
    },
  );

  it("N3 a router's guard and the upstream see the same path", async () => {
    const guard: Build = (app, handler) =>
      void app
        .use("/ai/images/**", () => new Response("guarded", { status: 401 }))
        .all("/ai/**", handler);
    await mount(guard);
    for (const tail of [
      "/images/generations",
      "/x/../images/generations",
      "/x/%2e%2e/images/generations",
      "/x/\\..\\images/generations",
    ])
      expect((await mounted.post(`/ai${tail}`)).status).toBeGreaterThanOrEqual(400);
    expect(mounted.paths()).toEqual([]);
  });

  it("N3 nothing else counts as not normal", async () => {
    await mount(byRoute);
    for (const path of [
      "/a;b/models",
      "/a.b/models",
      "/.well-known/x",
      "/..a/models",
      "/a../models",
      "/.../models",
    ])
      expect([path, (await mounted.get(`/ai${path}`)).body.includes("ERR_RELAY_PATH")]).toEqual([
        path,
        false,
      ]);
    expect((await mounted.get("/ai/models?x=/../y")).status).toBe(200);
  });

  it("N3 calls the configured host, whatever the client's Host header says", async () => {
    await mount(byRoute);
    const host = new URL(mounted.upstream.url).host;
    await mounted.get("/ai/models", ["host: evil.test"]);
    await mounted.get("/ai/models", ["x-forwarded-host: evil.test", "forwarded: host=evil.test"]);
    await mounted.get("http://evil.test/ai/models", ["host: other.test"]);
    expect(mounted.upstream.ledger.calls.map(({ headers }) => headers["host"])).toEqual([
      host,
      host,
      host,
    ]);
  });
});

describe("reserved paths", () => {
  it.each([
    "/_relay",
    "/_relay/",
    "/_relay/status",
    "/%5Frelay/status",
    "/_rel%61y",
    "/%255frelay/x",
    "/%5f%72%65%6c%61%79",
    "/_RELAY/status",
    "/_relay;a/status",
    "/_relay%3Ba/status",
    "/_relay?x",
  ])("J10 N5 answers 404 at %s and forwards nothing", async (tail) => {
    await mount(byRoute);
    const { status, body } = await mounted.get(`/ai${tail}`);
    expect([status, JSON.parse(body).error.code]).toEqual([404, "ERR_RELAY_RESERVED"]);
    expect(mounted.paths()).toEqual([]);
  });

  it("J10 reserves nothing that only looks similar", async () => {
    await mount(byRoute, { upstream: { allow: ["*"] } });
    for (const tail of ["/_relayed", "/x/_relay", "/relay", "/_rela"])
      await mounted.get(`/ai${tail}`);
    expect(mounted.paths()).toEqual(["/v1/_relayed", "/v1/x/_relay", "/v1/relay", "/v1/_rela"]);
  });
});
