/** What an operator reads in the log, and a client in its response, when an upstream cannot be reached or is the wrong one (J14). */
import { createServer as createHTTP } from "node:http";
import { createServer as createHTTPS } from "node:https";
import { type AddressInfo, createServer as createTCP, type Server, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Transport } from "../../src/contract/transport.ts";
import type { CommonOptions } from "../../src/options/types.ts";
import { createRelay, type Relay } from "../../src/index.ts";
import { type Certificate, makeCertificate, noOpenSSL } from "../support/certificates.ts";
import { createUnreachable } from "../support/unreachable.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

const KEY = "sk-test-0123456789abcdef";
const SECRET_PATH = "tenant-7f3a";

interface Bench {
  relay: Relay;
  clock: VirtualClock;
  lines: { level: string; message: string }[];
  /** Warnings and the lines that end them, without those of every start. */
  told(): string[];
  ask(body?: object): Promise<{ status: number; code: string; message: string }>;
}

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const AT_START = /^every client that reaches|^upstream\.baseURL has no path|^relay \/ →|cooldown/;

function start(baseURL: string, options: Partial<CommonOptions> = {}): Bench {
  const clock = createVirtualClock();
  const lines: Bench["lines"] = [];
  const say = (level: string) => (message: string) => void lines.push({ level, message });
  const relay = createRelay({
    mount: "/",
    upstream: { baseURL, dialect: "openai" },
    credentials: [{ id: "a", apiKey: KEY }],
    log: { debug: () => {}, info: say("info"), warn: say("warn"), error: say("error") },
    clock,
    random: () => 0,
    streaming: { responseTimeout: 60_000 },
    limits: { circuitAfter: false, ...options.limits },
    ...options,
  });
  open.push(() => relay.close());
  async function ask(body: object = { model: "m", messages: [] }) {
    const asking = relay.fetch(
      new Request("http://app.test/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
      { address: "203.0.113.1" },
    );
    let answer: Response | undefined;
    void asking.then((response) => (answer = response));
    // A moment of real time for sockets, then the relay's own pauses and limits.
    for (let turn = 0; !answer && turn < 3_000; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      if (turn > 50 || turn % 10 === 9) await clock.advance(turn > 50 ? 1_000 : 250);
    }
    const { error } = (await answer!.json()) as { error: { code: string; message: string } };
    return { status: answer!.status, code: error.code, message: error.message };
  }
  const told = (): string[] =>
    lines
      .filter(({ level, message }) => level !== "debug" && !AT_START.test(message))
      .map(({ level, message }) => `${level} ${message}`);
  return { relay, clock, lines, told, ask };
}

async function listening(server: Server, scheme: string = "http"): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        if ("closeAllConnections" in server)
          (server as never as { closeAllConnections(): void }).closeAllConnections();
      }),
  );
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function tcp(onData: (socket: Socket) => void): Promise<string> {
  return listening(
    createTCP((socket) => {
      socket.on("error", () => {});
      open.push(async () => socket.destroy());
      socket.once("data", () => onData(socket));
    }),
  );
}

const http = (status: number, headers: Record<string, string>, body: string): Promise<string> =>
  listening(createHTTP((_, response) => response.writeHead(status, headers).end(body)));

async function closedPort(): Promise<string> {
  const server = createTCP();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** What must never appear: for a client the host, for anyone the path or a key. */
function expectDiscreet(bench: Bench, answer: { message: string }, url: string): void {
  const { hostname, port } = new URL(url);
  expect(answer.message).not.toContain(hostname);
  if (port) expect(answer.message).not.toContain(port);
  for (const text of [JSON.stringify(bench.lines), answer.message]) {
    expect(text).not.toContain(SECRET_PATH);
    expect(text).not.toContain(KEY);
  }
}

let good: Certificate;
let expired: Certificate;
beforeAll(() => {
  if (noOpenSSL) return;
  good = makeCertificate(30);
  expired = makeCertificate(-1);
});

interface Kind {
  name: string;
  at: () => Promise<string>;
  /** The line without level, upstream and host; the first for undici, the second for fetch where it knows less. */
  line: RegExp;
  answer: [status: number, code: string, message: RegExp];
  needs?: "openssl";
  only?: "undici";
  dialect?: string;
}

const of = " for model m on upstream default\\.$";

const kinds: Kind[] = [
  {
    name: "a port where nothing listens",
    at: closedPort,
    line: /: connection refused \(ECONNREFUSED\); check that the server runs at this host and port, and that `baseURL` names them$/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      RegExp(`^The upstream refused the connection${of}`),
    ],
  },
  {
    name: "a host name that does not exist",
    at: async () => "http://no-such-host.invalid",
    line: /: the host name could not be resolved \((?:ENOTFOUND|EAI_AGAIN)\); (?:check `baseURL`: the host name does not exist|the DNS server did not answer)/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      RegExp(`^The upstream's host name could not be resolved${of}`),
    ],
  },
  {
    name: "a self-signed certificate",
    needs: "openssl",
    at: () => listening(createHTTPS(good), "https"),
    line: /: TLS certificate not accepted \(DEPTH_ZERO_SELF_SIGNED_CERT\); the issuer of the certificate is not trusted: set NODE_EXTRA_CA_CERTS/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      RegExp(`^The upstream's TLS certificate was not accepted${of}`),
    ],
  },
  {
    name: "an expired certificate",
    needs: "openssl",
    at: () => listening(createHTTPS(expired), "https"),
    line: /: TLS certificate not accepted \(CERT_HAS_EXPIRED\); the certificate must be renewed, or the clock/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      RegExp(`^The upstream's TLS certificate was not accepted${of}`),
    ],
  },
  {
    name: "a port that does not speak TLS",
    at: async () => (await http(200, {}, "plain")).replace("http:", "https:"),
    line: /: TLS handshake failed \((?:ERR_SSL_WRONG_VERSION_NUMBER|EPROTO|ERR_SSL_\w+)\); check the scheme/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      RegExp(`^The TLS handshake with the upstream failed${of}`),
    ],
  },
  {
    name: "a port that never accepts",
    only: "undici",
    at: async () => {
      const far = await createUnreachable();
      open.push(() => far.close());
      return far.url;
    },
    line: /: no connection within 20 s; check the host and port in `baseURL` and the firewall in between; the limit is `streaming\.connectTimeout`$/,
    answer: [
      504,
      "ERR_RELAY_UPSTREAM_TIMEOUT",
      RegExp(
        `^The upstream did not accept a connection within 20 s \\(\`streaming\\.connectTimeout\`\\)${of}`,
      ),
    ],
  },
  {
    name: "a server that never answers",
    at: () => tcp(() => {}),
    line: /: no answer within 1 min; check that `baseURL` is correct and the service is running; the limit is `streaming\.responseTimeout`$/,
    answer: [
      504,
      "ERR_RELAY_UPSTREAM_TIMEOUT",
      RegExp(
        `^The upstream did not start its response within 1 min \\(\`streaming\\.responseTimeout\`\\)${of}`,
      ),
    ],
  },
  {
    name: "a server that closes the connection",
    at: () => tcp((socket) => socket.destroy()),
    line: /: connection closed before an answer came \((?:UND_ERR_SOCKET|ECONNRESET)\); check the scheme and the port in `baseURL`/,
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_CLOSED",
      RegExp(`^The upstream closed the connection before it answered${of}`),
    ],
  },
  {
    name: "a server that does not speak HTTP",
    at: () => tcp((socket) => socket.end("220 mail.example ESMTP\r\n")),
    line: /: the answer is not valid HTTP \(HPE_\w+\); check that an HTTP API listens at the host and port in `baseURL`$/,
    answer: [502, "ERR_RELAY_UPSTREAM_INVALID", /is not valid HTTP/],
  },
  {
    name: "a redirect",
    at: () => http(308, { location: `https://www.example.com/${SECRET_PATH}?k=${KEY}` }, ""),
    line: /: answered with a redirect \(status 308 to https:\/\/www\.example\.com\); set `baseURL` to the final address/,
    answer: [502, "ERR_RELAY_UPSTREAM_REDIRECT", /^The upstream answered with a redirect/],
  },
  {
    name: "an answer without content",
    at: () => http(200, { "content-type": "application/json" }, ""),
    line: /: the response had no content; check that `baseURL` is the base address of the API/,
    answer: [502, "ERR_RELAY_UPSTREAM_EMPTY", /^The upstream's response was empty/],
  },
  {
    name: "a server that fails",
    at: () => http(503, { "content-type": "text/html" }, "<html>unavailable</html>"),
    line: /: failed with status 503; the fault is at the provider: look at its status page$/,
    answer: [503, "ERR_RELAY_UPSTREAM_FAILED", /^The upstream failed.* with status 503\.$/],
  },
];

describe.each(["undici", "fetch"] as const)("an upstream that cannot be reached, by %s", (by) => {
  for (const { name, at, line, answer, needs } of kinds.filter(({ only = by }) => only === by))
    it.skipIf(needs && noOpenSSL)(
      `J14 reports ${name} once: cause, host and what to check; the client gets the fault without an address`,
      async () => {
        const url = await at();
        const bench = start(`${url}/${SECRET_PATH}`, by === "fetch" ? { transport: "fetch" } : {});
        const [status, code, message] = answer;
        const first = await bench.ask();
        expect(first).toMatchObject({ status, code });
        expect(first.message).toMatch(message);
        await bench.ask();
        const { hostname, port } = new URL(url);
        const told = bench.told().filter((one) => one.startsWith("warn upstream "));
        expect(told[0]).toMatch(line);
        expect(told[0]).toContain(`warn upstream default (${hostname}:${port || 80})`);
        // Attempts and pauses take their time: further lines follow a minute apart, with their count.
        for (const again of told.slice(1))
          expect(again).toMatch(/, \d+ failures in \d+ min(?: \d+ s)?; /);
        expectDiscreet(bench, first, url);
      },
    );
});

describe("a wrong base URL", () => {
  const page = { "content-type": "text/html" };
  const json = { "content-type": "application/json" };
  const PATH =
    /^warn upstream default \(127\.0\.0\.1:\d+\): answered 40[45] to its first request \(.*\); check the path of `baseURL`/;

  it.each([
    ["a page", 404, page, "<html><body><h1>404 Not Found</h1></body></html>"],
    ["JSON that names no model", 404, json, '{"detail":"Not Found"}'],
    [
      "an unknown URL",
      404,
      json,
      '{"error":{"message":"Invalid URL (POST /v2/chat/completions)","code":null}}',
    ],
    ["a method that is not allowed", 405, json, '{"detail":"Method Not Allowed"}'],
  ] as const)(
    "J14 is reported where the first response is %s",
    async (_what, status, headers, body) => {
      const bench = start(await http(status, headers, body));
      await bench.ask().catch(() => {});
      expect(bench.told().filter((line) => PATH.test(line))).toHaveLength(1);
    },
  );

  it("J14 is not reported for a model that does not exist, nor once the endpoint has served", async () => {
    const missing = '{"error":{"message":"The model `m` does not exist","code":"model_not_found"}}';
    const other = start(await http(404, json, missing));
    await other.ask();
    expect(other.told().filter((line) => PATH.test(line))).toEqual([]);
    let calls = 0;
    const url = await listening(
      createHTTP((_, response) =>
        calls++ === 0
          ? response.writeHead(200, json).end('{"error":null,"choices":[]}')
          : response.writeHead(404, page).end("<html>Not Found</html>"),
      ),
    );
    const proven = start(url);
    await proven.relay
      .fetch(
        new Request("http://app.test/chat/completions", {
          method: "POST",
          body: '{"model":"m","messages":[]}',
        }),
      )
      .then((response) => response.text());
    await proven.ask().catch(() => {});
    expect(calls).toBeGreaterThan(1);
    expect(proven.told().filter((line) => PATH.test(line))).toEqual([]);
  });
});

describe("faults of a transport that no server here can produce", () => {
  const failing = (
    fault: "certificate" | "denied" | "connect" | "unreachable",
    code: string,
  ): Transport => ({
    name: "failing",
    send(_outgoing, receiver) {
      queueMicrotask(() => receiver.onFail({ fault, code }));
      return { resume() {}, abort() {} };
    },
    close: async () => {},
  });

  it.each([
    [
      "certificate",
      "ERR_TLS_CERT_ALTNAME_INVALID",
      "belongs to another host name",
      "certificate was not accepted",
    ],
    [
      "denied",
      "EACCES",
      "this process is not allowed to connect (EACCES); check the firewall",
      "is not allowed to connect",
    ],
    [
      "denied",
      "NotCapable",
      "start Deno with --allow-net=api.example.com:443",
      "is not allowed to connect",
    ],
    ["connect", "EMFILE", "how many sockets and files", "could not open a connection"],
    [
      "unreachable",
      "EHOSTUNREACH",
      "the host cannot be reached (EHOSTUNREACH)",
      "host could not be reached",
    ],
  ] as const)("J14 reports %s %s", async (fault, code, line, answer) => {
    const bench = start("https://api.example.com/v1", { transport: failing(fault, code) });
    expect((await bench.ask()).message).toContain(answer);
    expect(bench.told()[0]).toContain(line);
    expect(bench.told()[0]).toContain("upstream default (api.example.com:443)");
  });
});

describe("an outage", () => {
  it("J14 is reported once, then counted once per minute, and once when it has ended", async () => {
    let isUp = false;
    const url = await listening(
      createHTTP((_, response) => {
        if (!isUp) return void response.destroy();
        response.writeHead(200, { "content-type": "application/json" }).end('{"choices":[{}]}');
      }),
    );
    const bench = start(url, { limits: { circuitAfter: false, maxAttempts: 1 } });
    for (let second = 0; second < 150; second += 10) {
      await bench.ask();
      await bench.clock.advance(10_000);
    }
    isUp = true;
    const served = async (): Promise<string> =>
      (
        await bench.relay.fetch(
          new Request("http://app.test/chat/completions", {
            method: "POST",
            body: '{"model":"m","messages":[]}',
          }),
          { address: "203.0.113.1" },
        )
      ).text();
    await served();
    await served();
    const told = bench.told().map((line) => line.replace(/ \(127.*?\)/, ""));
    expect(told).toEqual([
      expect.stringMatching(
        /^warn upstream default: connection closed before an answer came \(\w+\); check/,
      ),
      expect.stringMatching(/^warn .*came \(\w+\), \d+ failures in 1 min; check/),
      expect.stringMatching(/^warn .*came \(\w+\), \d+ failures in 2 min; check/),
      expect.stringMatching(
        /^info upstream default: reachable again after 2 min 30 s, 15 failures$/,
      ),
    ]);
  });
});
