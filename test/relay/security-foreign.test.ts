import fc from "fast-check";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { createServer as createHttpServer } from "node:http";
import { H3 } from "h3";
import { chromium } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineRelay } from "../../adapters/node.ts";
import { STOPPED_FIELDS, STOPPED_PREFIXES } from "../../src/options/response-fields.ts";
import { defineRelay as defineH3Relay } from "../../src/index.ts";
import { isMissing } from "../support/needs.ts";
import { rawRequest, sendRaw, type RawAnswer } from "../support/raw.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

const CHROMIUM = "/usr/bin/chromium";
const EVIL = `<!doctype html><script>document.title = "ran:" + self.origin; fetch("/cookie-jar")</script>`;

let relay: RelayUnderTest | undefined;
let upstream: Server;
let answer = "";

/** An upstream that sends `answer` as it is, so that names keep their spelling. */
beforeEach(async () => {
  upstream = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await relay?.close();
  relay = undefined;
  upstream.close();
});

const baseURL = (): string => `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
const respond = (headers: readonly string[], body = "{}", status = "200 OK"): string =>
  [`HTTP/1.1 ${status}`, ...headers, `Content-Length: ${body.length}`, "", body].join("\r\n");

async function ask(options: UnderTestOptions = {}, path = "/ai/models"): Promise<RawAnswer> {
  await relay?.close();
  const { upstream: more, ...rest } = options;
  relay = await startRelay({ ...rest, upstream: { baseURL: baseURL(), ...more } });
  return sendRaw(relay.url, rawRequest(`GET ${path}`));
}

const JSON_TYPE = "Content-Type: application/json";
const HOSTILE: readonly string[] = [
  "X-Accel-Redirect: /etc/passwd",
  "X-Accel-Expires: 100",
  "x-accel-buffering: no",
  "X-SendFile: /etc/passwd",
  "X-Lighttpd-Send-File: /etc/passwd",
  "SERVICE-WORKER-ALLOWED: /",
  "Link: <https://evil.test/a.js>; rel=preload; as=script",
  "Refresh: 0;url=https://evil.test",
  "SourceMap: https://evil.test/map",
  "X-SourceMap: https://evil.test/map",
  "X-DNS-Prefetch-Control: on",
  "X-Frame-Options: ALLOWALL",
  "X-XSS-Protection: 0",
  "Access-Control-Allow-Origin: *",
  "Access-Control-Allow-Credentials: true",
  "Set-Cookie: session=evil",
  'Clear-Site-Data: "*"',
  'Alt-Svc: h3=":443"',
  "Strict-Transport-Security: max-age=0",
  "Content-Security-Policy-Report-Only: default-src *",
  "Permissions-Policy: camera=*",
  "Report-To: {}",
  "Reporting-Endpoints: a=b",
  "NEL: {}",
  "Cross-Origin-Opener-Policy: unsafe-none",
  "Cross-Origin-Resource-Policy: cross-origin",
  "Origin-Agent-Cluster: ?0",
  "Expect-CT: max-age=0",
  "Timing-Allow-Origin: *",
  "Surrogate-Control: max-age=9",
  "CDN-Cache-Control: max-age=9",
  "Fly-Replay: app=evil",
  "Location: https://evil.test",
  "WWW-Authenticate: Basic",
  "Server: evil",
];
const USEFUL: readonly string[] = [
  "X-Request-Id: r1",
  "openai-processing-ms: 5",
  "x-ratelimit-remaining-requests: 9",
  "retry-after-ms: 7",
  'ETag: "e"',
  "Last-Modified: Mon, 02 Mar 2026 10:00:00 GMT",
  "Content-Disposition: attachment",
  "Content-Language: en",
  "Content-Range: bytes 0-1/2",
  "Vary: accept",
  "Cache-Control: public, max-age=60",
  "Expires: Mon, 02 Mar 2026 10:00:00 GMT",
  "Age: 5",
];
const nameOf = (line: string): string => line.slice(0, line.indexOf(":")).toLowerCase();
const valueOf = (line: string): string => line.slice(line.indexOf(":") + 2);

const anyCase = (text: string): fc.Arbitrary<string> =>
  fc.mixedCase(fc.constant(text), { toggleCase: (char) => char.toUpperCase() });

it.each([undefined, "fetch"] as const)(
  "N11 no spelling of a name lets a header pass that stops (transport: %s)",
  async (transport) => {
    answer = respond([JSON_TYPE]);
    await ask({ transport });
    const stopped = [
      ...Object.values(STOPPED_FIELDS).flat(),
      ...STOPPED_PREFIXES.map((it) => `${it}q`),
    ];
    // These decide how the rest of the answer is read.
    const safe = stopped.filter(
      (it) =>
        !/^(?:content-length|content-encoding|transfer-encoding|connection|upgrade|location)$/.test(
          it,
        ),
    );
    const names = fc.array(fc.constantFrom(...safe).chain(anyCase), {
      minLength: 30,
      maxLength: 60,
    });
    const type = fc.constantFrom("text/html", "image/svg+xml", "application/xml").chain(anyCase);
    const run = fc.asyncProperty(
      names,
      type,
      anyCase("content-type"),
      async (list, value, name) => {
        answer = respond([...list.map((one) => `${one}: 1`), `${name}: ${value}`]);
        const { headers } = await sendRaw(relay!.url, rawRequest("GET /ai/models"));
        const own =
          /^(?:x-relay-.*|content-type|x-content-type-options|content-security-policy|date|connection|transfer-encoding)$/;
        expect(Object.keys(headers).filter((it) => !own.test(it))).toEqual([]);
        expect([headers["x-content-type-options"], headers["content-security-policy"]]).toEqual([
          "nosniff",
          "sandbox",
        ]);
      },
    );
    await fc.assert(run, { numRuns: 150 });
  },
  30_000,
);

describe.each(["node", "web"] as const)("an answer of an upstream through the %s sink", (sink) => {
  it("N11 I13 passes useful headers and none with an effect on a browser or a proxy", async () => {
    answer = respond([JSON_TYPE, ...HOSTILE, ...USEFUL]);
    const { status, headers } = await ask({ sink });
    expect(status).toBe(200);
    for (const line of USEFUL)
      expect([nameOf(line), headers[nameOf(line)]]).toEqual([nameOf(line), valueOf(line)]);
    for (const line of HOSTILE) expect(Object.keys(headers)).not.toContain(nameOf(line));
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers).not.toHaveProperty("content-security-policy");
  });

  it("N11 adds and removes what the options name", async () => {
    answer = respond([JSON_TYPE, "LINK: <a>; rel=next", "X-Request-Id: r1", "X-Accel-Expires: 3"]);
    const { headers } = await ask({
      sink,
      upstream: {
        passResponseHeaders: ["Link", "x-accel-expires"],
        dropResponseHeaders: ["X-Request-ID"],
      },
    });
    expect([headers["link"], headers["x-accel-expires"]]).toEqual(["<a>; rel=next", "3"]);
    expect(headers).not.toHaveProperty("x-request-id");
  });

  it.each([
    ["HTML", ["Content-Type: Text/HTML; charset=utf-8"], "200 OK"],
    ["SVG", ["content-type: image/svg+xml"], "200 OK"],
    ["XML", ["CONTENT-TYPE: application/rss+xml"], "200 OK"],
    ["no type", [], "200 OK"],
    ["two types", ["content-type: text/plain", "content-type: text/html"], "200 OK"],
    ["a 404 page", ["content-type: text/html"], "404 Not Found"],
    ["a 400 page", ["content-type: text/html"], "400 Bad Request"],
  ])("N11 passes a page only with a sandbox: %s", async (_, headers, status) => {
    answer = respond([...headers, "Content-Security-Policy: script-src *"], EVIL, status);
    const { headers: passed } = await ask({ sink });
    expect(passed["content-security-policy"]).toBe("sandbox");
    expect(passed["x-content-type-options"]).toBe("nosniff");
  });

  it("N11 sends an event stream with `nosniff`", async () => {
    answer = respond(
      ["Content-Type: text/event-stream", "Refresh: 0"],
      'data: {"a":1}\n\ndata: [DONE]\n\n',
    );
    const { headers, body } = await ask({ sink });
    expect(body).toContain("[DONE]");
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache, no-transform",
    });
    expect(headers).not.toHaveProperty("refresh");
    const { headers: guarded } = await ask({ sink, authorize: () => "me" });
    expect(guarded["cache-control"]).toBe("private, no-cache, no-transform");
  });

  it("N11 is never publicly cacheable behind `authorize`", async () => {
    const authorize = (): string => "me";
    answer = respond([JSON_TYPE, ...USEFUL, "Surrogate-Control: max-age=9"]);
    const { headers } = await ask({ sink, authorize });
    expect(headers["cache-control"]).toBe("private, no-store");
    for (const name of ["age", "expires", "surrogate-control"])
      expect(headers).not.toHaveProperty(name);
    answer = respond([JSON_TYPE, "cache-control: private, max-age=5"]);
    expect((await ask({ sink, authorize })).headers["cache-control"]).toBe("private, max-age=5");
    answer = respond([JSON_TYPE, "cache-control: public"], "{}", "404 Not Found");
    expect((await ask({ sink, authorize })).headers["cache-control"]).toBe("private, no-store");
  });
});

/** A node:http app that sets headers of its own before the relay answers. */
async function startApp(
  prepared: Record<string, string | string[]>,
): Promise<{ url: string; seen: string[]; close(): Promise<void> }> {
  const ai = defineRelay({
    mount: "/ai",
    log: false,
    upstream: { baseURL: baseURL(), dialect: "openai" },
    credentials: [{ id: "c1", apiKey: "sk-test-0123456789abcdef" }],
  });
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    seen.push(request.url ?? "");
    for (const name in prepared) response.setHeader(name, prepared[name]!);
    if (!request.url?.startsWith("/ai")) return void response.end("the app");
    void ai(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await ai.close();
    },
  };
}

it("N11 N8 headers of the app stay, and its content security policy applies together with the sandbox", async () => {
  answer = respond(
    [
      "content-type: text/html",
      "X-Frame-Options: ALLOWALL",
      "content-security-policy: script-src *",
    ],
    EVIL,
  );
  for (const policy of ["default-src 'self'", ["default-src 'self'", "img-src *"]]) {
    const app = await startApp({ "content-security-policy": policy, "x-frame-options": "DENY" });
    const { headers } = await sendRaw(app.url, rawRequest("GET /ai/models"));
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers["content-security-policy"]).toBe(["sandbox", policy].flat().join(", "));
    await app.close();
  }
});

it("N11 N8 the sandbox and private caching also hold where h3 returns a web response", async () => {
  const ai = defineH3Relay({
    log: false,
    upstream: { baseURL: baseURL(), dialect: "openai" },
    authorize: () => "me",
    credentials: [{ id: "c1", apiKey: "sk-test-0123456789abcdef" }],
  });
  const app = new H3()
    .use((event) => {
      event.res.headers.set("content-security-policy", "default-src 'self'");
      event.res.headers.set("cache-control", "public, max-age=60");
      event.res.headers.set("x-frame-options", "DENY");
    })
    .all("/ai/**", ai as never);
  const ask = async (): Promise<unknown> => {
    const { headers } = await app.fetch(new Request("http://relay.test/ai/models"));
    const names = ["content-security-policy", "cache-control", "x-frame-options"];
    return names.map((name) => headers.get(name));
  };
  answer = respond(["content-type: text/html"], EVIL);
  expect(await ask()).toEqual(["sandbox, default-src 'self'", "private, no-store", "DENY"]);
  answer = respond([JSON_TYPE]);
  expect(await ask()).toEqual(["default-src 'self'", "private, no-store", "DENY"]);
  await ai.close();
});

describe.skipIf(isMissing("chromium", existsSync(CHROMIUM), "apt-get install chromium"))(
  "in Chromium",
  () => {
    it.each([
      ["HTML", ["content-type: text/html"], EVIL, "200 OK"],
      ["an answer without a type", [], EVIL, "200 OK"],
      [
        "a 404 page",
        ["content-type: text/html", "content-security-policy: script-src *"],
        EVIL,
        "404 Not Found",
      ],
      [
        "SVG",
        ["content-type: image/svg+xml"],
        `<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "ran"; fetch("/cookie-jar")</script></svg>`,
        "200 OK",
      ],
    ])(
      "N11 script of an upstream does not run on the app's origin: %s",
      async (_, headers, body, status) => {
        answer = respond(headers, body, status);
        const app = await startApp({});
        const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
        try {
          const page = await browser.newPage();
          await page.goto(`${app.url}/ai/models`);
          await page.waitForTimeout(200);
          expect(await page.title()).not.toContain("ran");
          expect(app.seen).toContain("/ai/models");
          expect(app.seen).not.toContain("/cookie-jar");
        } finally {
          await browser.close();
          await app.close();
        }
      },
      30_000,
    );
  },
);
