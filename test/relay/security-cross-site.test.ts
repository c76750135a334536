import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { chromium } from "playwright-core";
import { afterEach, describe, expect, it } from "vitest";
import { defineRelay } from "../../adapters/node.ts";
import type { DialectName } from "../../src/options/upstream-types.ts";
import { isMissing } from "../support/needs.ts";
import { rawRequest, sendRaw, type RawAnswer } from "../support/raw.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const CHROMIUM = "/usr/bin/chromium";
const CHAT = JSON.stringify({ model: "gpt-4o", stream: false, messages: [] });
const EVIL = "https://evil.test";

let relay: RelayUnderTest;
let asked = 0;
const authorize = (): boolean => (asked++, true);
afterEach(() => relay?.close());

async function start(options: UnderTestOptions = {}): Promise<void> {
  asked = 0;
  relay = await startRelay({ authorize, ...options });
}

const post = (headers: readonly string[], body = CHAT): Promise<RawAnswer> =>
  sendRaw(relay.url, rawRequest("POST /ai/chat/completions", headers, body));

const REFUSED: [string, readonly string[]][] = [
  [
    "a form with cookies",
    ["content-type: text/plain", "cookie: s=1", `origin: ${EVIL}`, "sec-fetch-site: cross-site"],
  ],
  ["a page of another site", [`origin: ${EVIL}`, "sec-fetch-site: cross-site"]],
  ["a page of a sibling", ["origin: https://evil.relay.test", "sec-fetch-site: same-site"]],
  ["an image or a link, without an origin", ["sec-fetch-site: cross-site"]],
  ["an old browser", [`origin: ${EVIL}`]],
  ["an old browser's sandboxed page", ["origin: null"]],
  ["another port", ["origin: http://relay.test:81"]],
  ["a longer host", ["origin: https://relay.test.evil.test"]],
  ["a host at the end", ["origin: https://evilrelay.test"]],
  ["an unknown value", [`origin: ${EVIL}`, "sec-fetch-site: new"]],
  [
    "a forged forwarded host without `trustProxy`",
    [`origin: ${EVIL}`, "x-forwarded-host: evil.test"],
  ],
];

const SERVED: [string, readonly string[]][] = [
  ["curl -d", ["content-type: application/x-www-form-urlencoded"]],
  ["text/plain without the headers of a browser", ["content-type: text/plain", "cookie: s=1"]],
  ["an SDK", ["content-type: application/json"]],
  ["the app's own page", ["origin: https://relay.test", "sec-fetch-site: same-origin"]],
  [
    "its own page behind a proxy that rewrites the host",
    [`origin: ${EVIL}`, "sec-fetch-site: same-origin"],
  ],
  ["a person's own navigation", ["sec-fetch-site: none"]],
  ["an old browser on the app's own page", ["origin: https://relay.test"]],
  [
    "an old browser, with the scheme's own port",
    ["origin: http://relay.test", "host: relay.test:80"],
  ],
  ["an old browser, in another case", ["origin: https://relay.test", "host: RELAY.test"]],
];

describe.each(["node", "web"] as const)("a browser's request through the %s sink", (sink) => {
  it.each(REFUSED)("N12 is 403 before `authorize`: %s", async (_, headers) => {
    await start({ sink });
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]) {
      const hasBody = method !== "GET" && method !== "HEAD";
      const { status, body } = await sendRaw(
        relay.url,
        rawRequest(`${method} /ai/chat/completions`, headers, hasBody ? CHAT : ""),
      );
      expect([method, status]).toEqual([method, 403]);
      if (method !== "HEAD")
        expect(JSON.parse(body).error).toMatchObject({
          code: "ERR_RELAY_CROSS_SITE",
          type: "permission_error",
        });
    }
    expect([asked, relay.upstream.ledger.total]).toEqual([0, 0]);
    expect(relay.lines.filter(({ message }) => message.includes("another site")).length).toBe(1);
  });

  it.each(SERVED)("N12 passes: %s", async (_, headers) => {
    await start({ sink });
    expect((await post(headers)).status).toBe(200);
    expect([asked, relay.upstream.ledger.total]).toEqual([1, 1]);
  });
});

it("N12 is served where `cors` allows its origin, with and without cookies", async () => {
  await start({ cors: { origin: ["https://app.test"] } });
  const page = ["origin: https://app.test", "sec-fetch-site: cross-site"];
  expect((await post(page)).status).toBe(200);
  expect((await post([...page, "cookie: a=1"])).status).toBe(200);
  expect((await post(["origin: https://other.test", "sec-fetch-site: cross-site"])).status).toBe(
    403,
  );
  expect((await post(["sec-fetch-site: cross-site"])).status).toBe(403);
});

it("N12 is served where `cors` allows every origin, but not with cookies", async () => {
  await start({ cors: { origin: "*" } });
  const page = [`origin: ${EVIL}`, "sec-fetch-site: cross-site"];
  expect((await post(page)).status).toBe(200);
  expect((await post([...page, "cookie: a=1"])).status).toBe(403);
});

it.each([
  [{ origins: ["https://app.test"] }, ["origin: https://app.test"], 200],
  [{ origins: ["https://app.test"] }, ["origin: https://other.test"], 403],
  [
    { origins: ["https://app.test"] },
    ["origin: https://app.test", "sec-fetch-site: cross-site"],
    403,
  ],
  [{ trustProxy: 1 }, ["origin: https://app.test", "x-forwarded-host: app.test"], 200],
  [{ trustProxy: 1 }, ["origin: https://app.test", "x-forwarded-host: app.test:443, inner"], 200],
  [
    { trustProxy: 1 },
    ["origin: https://app.test", 'forwarded: for=1.1.1.1;host="app.test";proto=https'],
    200,
  ],
  [{ trustProxy: ["loopback"] }, ["origin: https://app.test", "forwarded: host=app.test"], 200],
  [{ trustProxy: 0 }, ["origin: https://app.test", "x-forwarded-host: app.test"], 403],
  [{ trustProxy: 1 }, ["origin: https://evil.test", "x-forwarded-host: app.test"], 403],
] as [UnderTestOptions, string[], number][])(
  "N12 with %j, %j is answered with %i",
  async (options, headers, expected) => {
    await start(options);
    expect((await post(headers)).status).toBe(expected);
  },
);

it("N12 N8 is served where the host's own CORS headers allow it", async () => {
  await start();
  const ai = defineRelay({
    mount: "/ai",
    log: false,
    upstream: { baseURL: `${relay.upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
  });
  const server = createServer((request, response) => {
    response.setHeader("access-control-allow-origin", "https://app.test");
    void ai(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (origin: string): Promise<RawAnswer> =>
    sendRaw(url, rawRequest("GET /ai/models", [`origin: ${origin}`, "sec-fetch-site: cross-site"]));
  expect((await ask("https://app.test")).status).toBe(200);
  expect((await ask(EVIL)).status).toBe(403);
  server.close();
  await ai.close();
});

it("N12 a web request without a Host header has the host of its URL", async () => {
  await start();
  const ask = (origin: string): Promise<Response> =>
    relay.relay.fetch(new Request("https://app.test/models", { headers: { origin } }), {
      mount: "/",
    });
  expect((await ask("https://app.test")).status).toBe(200);
  expect((await ask(EVIL)).status).toBe(403);
});

it("N12 an HTTP/2 request has its host in `:authority`", async () => {
  await start();
  const ai = defineRelay({
    mount: "/ai",
    log: false,
    upstream: { baseURL: `${relay.upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
  });
  const server = createHttp2Server(
    (request, response) => void ai(request as never, response as never),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = (origin: string): Promise<unknown> =>
    new Promise((resolve) => {
      const stream = client.request({ ":path": "/ai/models", ":authority": "app.test", origin });
      stream.on("response", (headers) => resolve(headers[":status"]));
      stream.resume();
    });
  expect([await ask("https://app.test"), await ask(EVIL)]).toEqual([200, 403]);
  client.close();
  server.close();
  await ai.close();
});

describe("a credential in the query", () => {
  const spell = (name: string): fc.Arbitrary<string> =>
    fc
      .array(fc.constantFrom("plain", "upper", "hex", "HEX"), {
        minLength: name.length,
        maxLength: name.length,
      })
      .map((ways) =>
        ways
          .map((way, at) => {
            const letter = name[at]!;
            const hex = `%${letter.charCodeAt(0).toString(16)}`;
            return { plain: letter, upper: letter.toUpperCase(), hex, HEX: hex.toUpperCase() }[way];
          })
          .join(""),
      );

  it.each(["openai", "anthropic", "google"] as DialectName[])(
    "N12 N2 never reaches the upstream: %s",
    async (dialect) => {
      const { upstream } = (await start(), relay);
      const other = await startRelay({
        keep: upstream,
        upstream: { baseURL: upstream.url + (dialect === "google" ? "/v1beta" : "/v1"), dialect },
      });
      const names = fc
        .constantFrom("key", "api_key", "api-key", "apikey", "access_token")
        .chain(spell);
      await fc.assert(
        fc.asyncProperty(fc.array(names, { minLength: 1, maxLength: 4 }), async (list) => {
          const query = list.map((name) => `${name}=secret-of-client`).join("&");
          await sendRaw(other.url, rawRequest(`GET /ai/models?a=1&${query}&key&b=%20`));
          expect(upstream.ledger.last()!.query).toBe("?a=1&b=%20");
        }),
        { numRuns: 60 },
      );
      await other.close();
    },
  );

  it("N12 generic keeps `key`, which may be a parameter of the API", async () => {
    await start({ upstream: { dialect: "generic" } });
    await sendRaw(
      relay.url,
      rawRequest("GET /ai/models?key=1&%61ccess_token=x&Api_Key=y&%61pikey%=z"),
    );
    expect(relay.upstream.ledger.last()!.query).toBe("?key=1&%61pikey%=z");
  });
});

describe("a model under two names", () => {
  const BODIES = [
    '{"model":"cheap","Model":"dear"}',
    '{"Model":"dear","model":"cheap"}',
    '{"model":"cheap","model":"dear"}',
    '{"model":"cheap","messages":[{"a":[1,"}"]}],"m\\u006fdel":"dear"}',
    '{"model":"cheap","MO\\u0044EL":"dear"}',
    ' {"MODEL":"dear"}',
    '{"model":"cheap" , "MODEL" :null}',
  ];
  const deny = {
    credentials: makeCredentials(1).map((it) => ({ ...it, models: { deny: ["dear"] } })),
  };
  const allow = {
    credentials: makeCredentials(1).map((it) => ({ ...it, models: { allow: ["cheap"] } })),
  };

  it.each(BODIES)("N12 is 400 where models have rules: %s", async (body) => {
    for (const rules of [deny, allow, { models: { cheap: {} } }]) {
      await start(rules);
      for (const type of ["application/json", "text/plain"]) {
        const answer = await post([`content-type: ${type}`], body);
        expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([
          400,
          body.includes('"model"')
            ? "ERR_RELAY_MODEL_TWICE"
            : expect.stringMatching(/MODEL_(?:TWICE|MISSING)/),
        ]);
      }
      expect(relay.upstream.ledger.total).toBe(0);
      await relay.close();
    }
  });

  it("N12 passes where no rule is configured, and where `model` is inside of another field", async () => {
    await start();
    expect((await post(["content-type: application/json"], BODIES[0])).status).toBe(200);
    await relay.close();
    await start(deny);
    const nested =
      '{"model":"cheap","messages":[{"model":"x","Model":"y"}],"remodel":1,"a":"\\"model\\":"}';
    expect((await post(["content-type: application/json"], nested)).status).toBe(200);
  });

  it("N12 is 400 in another spelling alone, also where the dialect needs no model", async () => {
    await start({ ...deny, upstream: { dialect: "generic" } });
    const answer = await post(["content-type: application/json"], '{"Model":"dear"}');
    expect([answer.status, JSON.parse(answer.body).error.code]).toEqual([
      400,
      "ERR_RELAY_MODEL_TWICE",
    ]);
  });

  it("N12 is 400 where a rule was added at run time", async () => {
    await start();
    expect((await post(["content-type: application/json"], BODIES[0])).status).toBe(200);
    await relay.relay.credentials.add({
      apiKey: "sk-test-added-0123456789",
      models: { deny: ["dear"] },
    });
    expect((await post(["content-type: application/json"], BODIES[0])).status).toBe(400);
  });
});

describe.skipIf(isMissing("chromium", existsSync(CHROMIUM), "apt-get install chromium"))(
  "in Chromium",
  () => {
    it("N12 a page of another site cannot call the relay, its own page can", async () => {
      await start();
      const ai = defineRelay({
        mount: "/ai",
        log: false,
        upstream: { baseURL: `${relay.upstream.url}/v1`, dialect: "openai" },
        credentials: makeCredentials(1),
      });
      const server = createServer((request, response) =>
        request.url?.startsWith("/ai")
          ? void ai(request, response)
          : void response.setHeader("content-type", "text/html").end("<p>page"),
      );
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
      try {
        const page = await browser.newPage();
        const send = (origin: string): Promise<unknown> =>
          page.goto(origin).then(() =>
            page.evaluate(
              ([url, body]) =>
                fetch(url!, {
                  method: "POST",
                  mode: "no-cors",
                  body,
                  headers: { "content-type": "text/plain" },
                }).then(({ status }) => status),
              [`http://127.0.0.1:${port}/ai/chat/completions`, CHAT],
            ),
          );
        const before = relay.upstream.ledger.total;
        await send(`http://localhost:${port}/`);
        expect(relay.upstream.ledger.total).toBe(before);
        expect(await send(`http://127.0.0.1:${port}/`)).toBe(200);
        expect(relay.upstream.ledger.total).toBe(before + 1);
      } finally {
        await browser.close();
        server.closeAllConnections();
        server.close();
        await ai.close();
      }
    }, 60_000);
  },
);
