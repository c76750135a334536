import { H3, handleCors, serve } from "h3";
import { afterEach, describe, expect, it } from "vitest";
import { defineRelay } from "../../src/index.ts";
import { rawRequest, sendRaw } from "../support/raw.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

let relay: RelayUnderTest;
const more: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of more.splice(0)) await close();
  await relay.close();
});

async function start(options?: UnderTestOptions): Promise<RelayUnderTest> {
  relay = await startRelay(options);
  return relay;
}

const get = (headers: string[] = [], path = "/ai/models"): ReturnType<typeof sendRaw> =>
  sendRaw(relay.url, rawRequest(`GET ${path}`, headers));
const seen = (): Record<string, string | string[] | undefined> =>
  relay.upstream.ledger.last()!.headers;

/** What a client may say about itself and its path; none of it concerns the upstream. */
const CLIENTS_OWN = [
  "authorization: Bearer client-token",
  "proxy-authorization: Basic client",
  "cookie: session=client",
  "x-api-key: client-key",
  "api-key: client-key",
  "x-goog-api-key: client-key",
  "x-auth-token: client-key",
  "forwarded: for=10.1.1.1",
  "x-forwarded-for: 10.1.1.1",
  "x-forwarded-host: client.test",
  "x-forwarded-proto: https",
  "x-real-ip: 10.1.1.1",
  "true-client-ip: 10.1.1.1",
  "cf-connecting-ip: 10.1.1.1",
  "via: 1.1 client",
  "origin: https://client.test",
  "referer: https://client.test/page?token=1",
  "user-agent: client/1",
  "accept-encoding: gzip, br",
  "accept-language: de",
  "sec-fetch-mode: cors",
  "te: trailers",
  "expect-ct: max-age=0",
  "x-stainless-os: Client",
  "x-relay-credential: c2",
  "x-custom: client",
  "upgrade-insecure-requests: 1",
  "host: client.test",
];

describe("towards the upstream", () => {
  it.each(["openai", "anthropic", "google", "generic"] as const)(
    "N2 passes none of the client's own headers: %s",
    async (dialect) => {
      const base = dialect === "google" ? "/v1beta" : "/v1";
      const { upstream } = await start();
      const url = upstream.url + base;
      const other = await startRelay({ keep: upstream, upstream: { baseURL: url, dialect } });
      more.push(other.close);
      await sendRaw(other.url, rawRequest("GET /ai/models?key=client-key", CLIENTS_OWN));
      const { headers, query } = upstream.ledger.last()!;
      expect(JSON.stringify(headers).toLowerCase()).not.toMatch(/client|10\.1\.1/);
      expect(query).toBe(dialect === "generic" ? "?key=client-key" : "");
      expect(Object.keys(headers).toSorted()).toEqual(
        [
          "accept-encoding",
          "connection",
          dialect === "anthropic"
            ? "x-api-key"
            : dialect === "google"
              ? "x-goog-api-key"
              : "authorization",
          "host",
          "user-agent",
        ].toSorted(),
      );
      expect(headers["user-agent"]).toBe("h3-relay");
      expect(headers["accept-encoding"]).toBe("identity");
    },
  );

  it("N2 passes the headers that the API needs, and those that the operator allows", async () => {
    await start({ upstream: { passHeaders: ["X-Trace"], headers: { "X-Org": "ours" } } });
    await get([
      "accept: text/a",
      "openai-beta: b",
      "x-trace: t",
      "x-org: theirs",
      "idempotency-key: i",
    ]);
    expect(seen()).toMatchObject({
      accept: "text/a",
      "openai-beta": "b",
      "x-trace": "t",
      "x-org": "ours",
      "idempotency-key": "i",
    });
  });

  it("N2 passes no header that the client's Connection header restricts to this hop", async () => {
    await start({ upstream: { passHeaders: ["x-trace"] } });
    await get([
      "Connection: X-Trace , OpenAI-Beta,close",
      "x-trace: t",
      "openai-beta: b",
      "accept: a",
    ]);
    expect(seen()).toMatchObject({ accept: "a" });
    expect(seen()).not.toHaveProperty("x-trace");
    expect(seen()).not.toHaveProperty("openai-beta");
  });

  it("B12 puts the credential where each API expects it", async () => {
    const { upstream } = await start();
    const cases = [
      ["openai", "sk-1-0123456789", "authorization", "Bearer sk-1-0123456789"],
      ["generic", "sk-2-0123456789", "authorization", "Bearer sk-2-0123456789"],
      ["anthropic", "sk-ant-api-01234", "x-api-key", "sk-ant-api-01234"],
      ["anthropic", "sk-ant-oat-01234", "authorization", "Bearer sk-ant-oat-01234"],
      ["google", "AIza0123456789", "x-goog-api-key", "AIza0123456789"],
      ["google", "ya29.0123456789", "authorization", "Bearer ya29.0123456789"],
    ] as const;
    for (const [dialect, apiKey, name, value] of cases) {
      const other = await startRelay({
        keep: upstream,
        upstream: { baseURL: `${upstream.url}/v1`, dialect },
        credentials: [{ id: "one", apiKey }],
      });
      more.push(other.close);
      await fetch(`${other.url}/models`);
      expect(upstream.ledger.last()!.headers[name]).toBe(value);
    }
  });

  it("B12 finds the model in the body or in the path", async () => {
    const { upstream } = await start();
    const cases = [
      ["openai", "/v1", "/chat/completions", { model: "gpt-4o" }, "gpt-4o"],
      ["openai", "/v1", "/deployments/my%20gpt/chat/completions", {}, "my gpt"],
      ["anthropic", "/v1", "/messages", { model: "claude" }, "claude"],
      ["google", "/v1beta", "/models/gemini-2.5-pro:generateContent", {}, "gemini-2.5-pro"],
      ["google", "/v1beta", "/tunedModels/mine:generateContent", {}, "tunedModels/mine"],
      ["generic", "/v1", "/anything", { model: "x" }, "x"],
    ] as const;
    for (const [dialect, base, path, body, model] of cases) {
      const other = await startRelay({
        keep: upstream,
        upstream: { baseURL: upstream.url + base, dialect },
      });
      more.push(other.close);
      const response = await other.chat({ path, body: { model: undefined, ...body } });
      expect(response.headers.get("x-relay-model")).toBe(model);
      await response.body?.cancel();
    }
  });
});

describe("towards the client", () => {
  it("I13 N2 removes headers of the upstream's connection, host and cookies", async () => {
    await start();
    relay.upstream.script({
      then: {
        headers: {
          "set-cookie": ["a=1", "b=2"],
          connection: "close, x-hop",
          "x-hop": "1",
          "access-control-allow-origin": "*",
          "access-control-allow-credentials": "true",
          "strict-transport-security": "max-age=1",
          "www-authenticate": "Bearer",
          location: "http://upstream.test/",
          "alt-svc": "h3=x",
          server: "upstream",
          via: "1.1 upstream",
          "x-relay-model": "forged",
          "x-relay-request-id": "forged",
          "x-kept": "yes",
        },
      },
    });
    const { headers } = await get();
    expect(headers["x-kept"]).toBe("yes");
    expect(headers["x-relay-request-id"]).not.toContain("forged");
    expect(headers).not.toHaveProperty("x-relay-model");
    for (const name of ["set-cookie", "x-hop", "access-control-allow-origin", "location", "server"])
      expect(headers).not.toHaveProperty(name);
    expect(
      Object.keys(headers).filter((name) =>
        /access-control|www-auth|alt-svc|via|strict/.test(name),
      ),
    ).toEqual([]);
  });

  it("J1 sends the model, the attempts and the request id, on success and on failure", async () => {
    await start({ limits: { maxWait: 0 } });
    relay.upstream.script({ when: { first: 1 }, then: { refuse: "unauthenticated" } });
    const good = await relay.chat();
    expect([
      good.status,
      good.headers.get("x-relay-model"),
      good.headers.get("x-relay-attempts"),
    ]).toEqual([200, "gpt-4o", "2"]);
    expect(good.headers.has("x-relay-credential")).toBe(false);
    await good.text();
    relay.upstream.script({ then: { refuse: "bad-request" } });
    const bad = await relay.chat();
    expect([
      bad.status,
      bad.headers.get("x-relay-model"),
      bad.headers.get("x-relay-attempts"),
    ]).toEqual([400, "gpt-4o", "1"]);
    const ids = [good, bad].map(({ headers }) => headers.get("x-relay-request-id"));
    await relay.ended(2);
    expect(relay.ends.map(({ requestId }) => requestId)).toEqual(ids);
    const none = await fetch(`${relay.url}/_relay`);
    expect(none.headers.get("x-relay-attempts")).toBe("0");
    expect(none.headers.get("x-relay-request-id")).toMatch(/./);
  });

  it("J1 lets the operator rename or omit these headers, and show the credential's label", async () => {
    await start({
      credentials: [{ id: "c1", label: "Jörg <j@x.test>\r\n", apiKey: secretOf("c1") }],
      responseHeaders: { model: "X-Model", attempts: false, credential: "x-by" },
    });
    const { headers } = await relay.chat();
    expect(headers.get("x-model")).toBe("gpt-4o");
    expect(headers.has("x-relay-attempts")).toBe(false);
    expect(headers.get("x-by")).toBe("J%C3%B6rg <j@x.test>%0D%0A");
  });

  it("J1 cannot be made to write a header of the client's by a model name", async () => {
    await start();
    const response = await relay.chat({ model: "a\r\nset-cookie: x=1\u0000é" });
    expect(response.headers.get("x-relay-model")).toBe("a%0D%0Aset-cookie: x=1%00%C3%A9");
    expect(response.headers.has("set-cookie")).toBe(false);
    await response.body?.cancel();
  });
});

describe("headers that the host prepared", () => {
  async function host(build: (app: H3) => void, options: object = {}): Promise<string> {
    await start();
    const handler = defineRelay({
      upstream: { baseURL: `${relay.upstream.url}/v1`, dialect: "openai" },
      credentials: makeCredentials(1),
      clock: relay.clock,
      log: false,
      ...options,
    });
    const app = new H3();
    build(app);
    app.all("/ai/**", handler as never);
    const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
    await server.ready();
    more.push(async () => void (await server.close(true), await handler.relay.close()));
    return server.url!.slice(0, -1);
  }

  const prepare = (app: H3): void =>
    void app.use((event) => {
      event.res.headers.set("x-frame-options", "DENY");
      event.res.headers.append("set-cookie", "host=1");
      event.res.headers.append("set-cookie", "host=2");
      event.res.headers.set("content-type", "text/host");
      event.res.headers.set("vary", "accept-language");
    });

  it("N8 are kept on responses, on errors, and on responses of authorize", async () => {
    const authorize = (request: Request) =>
      request.headers.get("x-who") ? new Response("no", { status: 418 }) : true;
    const url = await host(prepare, { authorize });
    for (const [path, who, status] of [
      ["/ai/models", "", 200],
      ["/ai/_relay", "", 404],
      ["/ai/models", "me", 418],
    ] as const) {
      const { headers, ...answer } = await fetch(url + path, {
        headers: who ? { "x-who": who } : {},
      }).then(({ status, headers }) => ({ status, headers }));
      expect(answer.status).toBe(status);
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.getSetCookie()).toEqual(["host=1", "host=2"]);
      expect(headers.get("content-type")).not.toBe("text/host");
    }
  });

  it("N8 work together with the host's own CORS", async () => {
    const cors = { origin: ["https://app.test"], methods: "*" as const };
    const url = await host((app) => void app.use((event) => handleCors(event, cors) || undefined));
    const response = await fetch(`${url}/ai/models`, { headers: { origin: "https://app.test" } });
    expect(response.headers.get("access-control-allow-origin")).toBe("https://app.test");
  });

  it("N8 merge the host's vary with the relay's own", async () => {
    const url = await host(prepare, { cors: { origin: ["https://app.test"] } });
    const response = await fetch(`${url}/ai/models`, { headers: { origin: "https://app.test" } });
    expect(response.headers.get("vary")).toBe("origin, accept-language");
  });
});

describe("browsers", () => {
  const cors = { origin: ["https://app.test"], credentials: true, maxAge: 60_000 };
  const ask = (origin: string | undefined, extra: Record<string, string> = {}) =>
    fetch(`${relay.url}/models`, { headers: { ...(origin ? { origin } : {}), ...extra } });
  const preflight = (origin: string, path = "/models") =>
    fetch(relay.url + path, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-session",
      },
    });

  it("N8 get no CORS headers unless it is switched on", async () => {
    await start();
    expect([...(await ask("https://app.test")).headers.keys()].join()).not.toContain(
      "access-control",
    );
    expect((await preflight("https://app.test")).status).toBe(405);
  });

  it("N8 get answers to preflights, before authorize and without an upstream call", async () => {
    await start({ cors, authorize: () => false });
    const { status, headers } = await preflight("https://app.test");
    expect(status).toBe(204);
    expect(Object.fromEntries(headers)).toMatchObject({
      "access-control-allow-origin": "https://app.test",
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
      "access-control-allow-headers": "content-type,x-session",
      "access-control-max-age": "60",
      vary: "origin",
    });
    expect(relay.upstream.ledger.total).toBe(0);
    expect(await relay.ended()).toMatchObject({ reason: "completed", attempts: 0 });
  });

  it("N8 are not allowed from another origin, and responses vary by origin", async () => {
    await start({ cors });
    for (const origin of ["https://evil.test", "https://app.test.evil.test", "null", undefined]) {
      const { headers } = await ask(origin);
      expect(headers.has("access-control-allow-origin")).toBe(false);
      expect(headers.get("vary")).toBe("origin");
    }
    const { status, headers } = await preflight("https://evil.test");
    expect(status).toBe(204);
    expect([...headers.keys()].join()).not.toContain("access-control");
  });

  it("N8 are allowed by origin on responses, on errors and on streams, and see the relay's headers", async () => {
    await start({ cors });
    const headers = { origin: "https://app.test" };
    const answers = [await ask("https://app.test"), await relay.chat({ headers })];
    relay.upstream.script({ then: { refuse: "bad-request" } });
    answers.push(await relay.chat({ headers }), await fetch(`${relay.url}/_relay`, { headers }));
    for (const answer of answers) {
      expect(answer.headers.get("access-control-allow-origin")).toBe("https://app.test");
      expect(answer.headers.get("access-control-expose-headers")).toMatch(
        /^x-relay-request-id, x-relay-attempts, x-relay-model, retry-after/,
      );
      await answer.body?.cancel();
    }
  });

  it("N8 are allowed from every origin without cookies", async () => {
    await start({ cors: { origin: "*" } });
    const { headers } = await ask("https://anybody.test");
    expect(headers.get("access-control-allow-origin")).toBe("*");
    expect(headers.has("access-control-allow-credentials")).toBe(false);
  });

  it("N8 get the same for an OPTIONS that is not a preflight as for any unsupported method", async () => {
    await start({ cors });
    const { status } = await fetch(`${relay.url}/models`, { method: "OPTIONS" });
    expect(status).toBe(405);
  });
});
