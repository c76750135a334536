/** Limits per caller over real sockets: with and without a proxy, configured and not. */
import { createServer as createHttp2Server, connect as connectHttp2 } from "node:http2";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineRelay, type NodeRelay } from "../../adapters/node.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import type { CommonOptions, RelayOptions } from "../../src/options/types.ts";
import {
  addForwarded,
  addForwardedFor,
  ask,
  type Asked,
  type AskOptions,
  listen,
  type Proxy,
  type RewriteHeaders,
  startProxy,
  stop,
} from "../support/proxy.ts";
import { openRaw } from "../support/raw.ts";
import { makeCredentials } from "../support/relay.ts";
import { untilSo } from "../support/until.ts";

let upstream: Simulator;
let relay: NodeRelay;
let server: Server;
let direct: string;
let proxies: Proxy[] = [];
let open: Asked[] = [];
let lines: string[] = [];

beforeEach(async () => {
  upstream = await createSimulator();
  upstream.script({ then: { stall: { afterEvents: 1 } } });
});
afterEach(async () => {
  for (const one of open) one.leave();
  for (const one of proxies) one.close();
  stop(server);
  [open, proxies, lines] = [[], [], []];
  await relay.close();
  await upstream.close();
});

async function start(options: Partial<CommonOptions> = {}): Promise<void> {
  const say = (line: string): void => void lines.push(line);
  relay = defineRelay({
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
    streaming: { shutdownGrace: 0 },
    log: { level: 3, debug: say, info: say, warn: say, error: say },
    ...options,
  });
  server = createServer(relay as never);
  direct = `${await listen(server)}/ai`;
}

async function through(rewrite: RewriteHeaders, target = direct): Promise<string> {
  const proxy = await startProxy(target.replace(/\/ai$/, ""), rewrite);
  proxies.push(proxy);
  return `${proxy.url}/ai`;
}

/** Sends `count` requests at once and counts the responses by status; streams stay open. */
async function send(
  url: string,
  count: number,
  options?: AskOptions,
): Promise<Record<number, number>> {
  const asked = await Promise.all(Array.from({ length: count }, () => ask(url, options)));
  open.push(...asked);
  const counts: Record<number, number> = {};
  for (const { status } of asked) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const calls = (): number => upstream.ledger.total;
const underWay = (): number => relay.relay.status().requests.open;

/** Marks its client as a user of the internet, by the header that the test's client sends. */
const asUser: RewriteHeaders = ({ "x-user": user, ...headers }) =>
  addForwardedFor(headers, `203.0.113.${String(user ?? 1)}`);

describe("without a proxy", () => {
  it("N10 admits 100 of 130 requests of one address, and another address as well", async () => {
    await start();
    expect(await send(direct, 130, { from: "127.0.0.2" })).toEqual({ 200: 100, 429: 30 });
    expect(calls()).toBe(100);
    expect(await send(direct, 1, { from: "127.0.0.3" })).toEqual({ 200: 1 });
  }, 60_000);

  it("N10 answers with a wait and the reason", async () => {
    await start({ limits: { perCaller: { concurrent: 1 } } });
    await send(direct, 1);
    const second = await ask(direct);
    expect([second.status, second.headers["retry-after"]]).toEqual([429, "1"]);
    expect(JSON.parse(await second.text())).toMatchObject({
      error: {
        code: "ERR_RELAY_CALLER_BUSY",
        message:
          "Too many concurrent requests: the limit is 1 for this address; retry when a request has ended.",
      },
    });
  });

  it("N10 ignores all headers of a client while no proxy is configured", async () => {
    await start({ limits: { perCaller: { concurrent: 2 } } });
    const made = (at: number): AskOptions => ({
      headers: { "x-forwarded-for": `203.0.113.${at}`, forwarded: `for=203.0.113.${at}` },
    });
    const answers = await Promise.all([1, 2, 3, 4].map((at) => ask(direct, made(at))));
    open.push(...answers);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 200, 429, 429]);
  });

  it("N10 counts every request of one connection: pipelined", async () => {
    await start({ limits: { perCaller: { concurrent: 2 } } });
    const body = '{"model":"gpt-4o","stream":true,"messages":[]}';
    const one = `POST /ai/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = openRaw(direct, one.repeat(5));
    await untilSo(() => calls() === 2, 5_000);
    expect(await send(direct, 1)).toEqual({ 429: 1 });
    expect(calls()).toBe(2);
    socket.destroy();
  });

  it("N10 counts every request of one connection: HTTP/2", async () => {
    await start({ limits: { perCaller: { concurrent: 2 } } });
    const h2 = createHttp2Server(
      (message, response) => void relay(message as never, response as never),
    );
    await new Promise<void>((resolve) => h2.listen(0, "127.0.0.1", resolve));
    const session = connectHttp2(`http://127.0.0.1:${(h2.address() as AddressInfo).port}`);
    const statusOf = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":method": "POST", ":path": "/ai/chat/completions" });
        stream.on("response", (head) => resolve(head[":status"]));
        stream.on("error", reject);
        stream.end('{"model":"gpt-4o","stream":true,"messages":[]}');
      });
    expect((await Promise.all([statusOf(), statusOf(), statusOf()])).toSorted()).toEqual([
      200, 200, 429,
    ]);
    session.destroy();
    h2.close();
  });
});

describe("behind a configured proxy", () => {
  it.each<[how: string, rewrite: RewriteHeaders, trustProxy: RelayOptions["trustProxy"]]>([
    ["X-Forwarded-For, a count", addForwardedFor, 1],
    ["X-Forwarded-For, by a name", addForwardedFor, ["loopback"]],
    ["Forwarded, a count", addForwarded, 1],
  ])("N10 limits each user and affects no other (%s)", async (_how, rewrite, trustProxy) => {
    await start({ trustProxy, limits: { perCaller: { concurrent: 10 } } });
    // As networks, all of loopback is trusted: users have other addresses.
    const isByName = Array.isArray(trustProxy);
    const url = await through(isByName ? asUser : rewrite);
    const user = (at: number): AskOptions =>
      isByName ? { headers: { "x-user": `${at}` } } : { from: `127.0.0.${at}` };
    expect(await send(url, 13, user(2))).toEqual({ 200: 10, 429: 3 });
    expect(await send(url, 10, user(3))).toEqual({ 200: 10 });
    expect(calls()).toBe(20);
    expect(lines.filter((line) => line.includes("proxy"))).toEqual([]);
  });

  it("N10 admits 100 of 130 requests of one user, and another user as well", async () => {
    await start({ trustProxy: 1 });
    const url = await through(addForwardedFor);
    expect(await send(url, 130, { from: "127.0.0.2" })).toEqual({ 200: 100, 429: 30 });
    expect(await send(url, 20, { from: "127.0.0.3" })).toEqual({ 200: 20 });
  }, 60_000);

  it("N10 ignores what the client has put before it", async () => {
    await start({ trustProxy: 1, limits: { perCaller: { concurrent: 3 } } });
    const url = await through(addForwardedFor);
    const made = Array.from({ length: 6 }, (_, at) => `203.0.113.${at}`);
    for (const address of made)
      open.push(await ask(url, { from: "127.0.0.2", headers: { "x-forwarded-for": address } }));
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429, 429]);
    // The header that this proxy does not write gives a client only the proxy's own address.
    const other = await Promise.all(
      made.map((address) =>
        ask(url, { from: "127.0.0.2", headers: { forwarded: `for=${address}` } }),
      ),
    );
    open.push(...other);
    expect(other.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(await send(url, 1, { from: "127.0.0.3" })).toEqual({ 200: 1 });
    expect(lines.filter((line) => line.includes("name different clients"))).toHaveLength(1);
  });

  it("N10 finds the client behind two proxies", async () => {
    await start({ trustProxy: 2, limits: { perCaller: { concurrent: 1 } } });
    const inner = await through(addForwardedFor);
    const outer = await through(addForwardedFor, inner);
    expect(await send(outer, 1, { from: "127.0.0.2" })).toEqual({ 200: 1 });
    expect(await send(outer, 1, { from: "127.0.0.2" })).toEqual({ 429: 1 });
    expect(await send(outer, 1, { from: "127.0.0.3" })).toEqual({ 200: 1 });
  });

  it("N10 uses the address of the operator's function, and asks the next source where it returns none", async () => {
    await start({
      clientAddress: (request) => request.headers.get("x-edge-ip"),
      limits: { perCaller: { concurrent: 1 } },
    });
    const edge = (address: string): AskOptions => ({ headers: { "x-edge-ip": address } });
    expect(await send(direct, 1, edge("203.0.113.1"))).toEqual({ 200: 1 });
    expect(await send(direct, 1, edge("203.0.113.1:99"))).toEqual({ 429: 1 });
    expect(await send(direct, 1, edge("203.0.113.2"))).toEqual({ 200: 1 });
    expect(await send(direct, 1, edge("2001:db8:0:1::7"))).toEqual({ 200: 1 });
    expect(await send(direct, 1, edge("2001:db8:0:1:ffff::8"))).toEqual({ 429: 1 });
    expect(await send(direct, 1, edge("2001:db8:0:2::7"))).toEqual({ 200: 1 });
    expect(await send(direct, 2)).toEqual({ 200: 1, 429: 1 });
  });

  it("N10 does not change an address that a framework has evaluated (Express' `trust proxy`)", async () => {
    await start({ limits: { perCaller: { concurrent: 1 } } });
    server.removeAllListeners("request");
    server.on("request", (message, response) => {
      Object.assign(message, { ip: message.headers["x-framework"] });
      void relay(message, response);
    });
    const user = (address: string): AskOptions => ({ headers: { "x-framework": address } });
    expect(await send(direct, 2, user("203.0.113.1"))).toEqual({ 200: 1, 429: 1 });
    expect(await send(direct, 1, user("203.0.113.2"))).toEqual({ 200: 1 });
  });
});

describe("a faulty function", () => {
  it.each<[what: string, clientAddress: () => unknown, line: RegExp]>([
    [
      "throws",
      () => {
        throw new Error("no database at 203.0.113.9");
      },
      /^clientAddress failed; .* unknown: Error at /,
    ],
    [
      "gives no text",
      () => 7,
      /^clientAddress must return a string or undefined, and not a promise/,
    ],
    [
      "gives a promise",
      () => Promise.resolve("203.0.113.9"),
      /^clientAddress must return a string/,
    ],
    [
      "gives no address",
      () => "203.0.113.9, 10.0.0.1",
      /^clientAddress returned a string that is not an IP address/,
    ],
  ])(
    "N10 that %s is reported once, and its clients count as unknown",
    async (_what, clientAddress, line) => {
      await start({
        clientAddress: clientAddress as never,
        limits: { perCaller: { concurrent: 2 } },
      });
      expect(await send(direct, 5)).toEqual({ 200: 5 });
      expect(lines.filter((one) => line.test(one))).toHaveLength(1);
      expect(lines.join()).not.toContain("203.0.113.9");
    },
  );
});

describe("behind a proxy with a public address", () => {
  it("N10 logs once what to set when the limit is reached, because the address alone shows nothing", async () => {
    await start({ limits: { perCaller: { concurrent: 1 } } });
    server.removeAllListeners("request");
    server.on("request", (message, response) => {
      Object.assign(message, { ip: "203.0.113.200" });
      void relay(message, response);
    });
    const told = (): string[] => lines.filter((line) => line.includes("reached the cap of 1"));
    expect(await send(direct, 2)).toEqual({ 200: 1, 429: 1 });
    expect(told()).toEqual([]);
    expect(await send(direct, 30, { headers: { "cf-connecting-ip": "203.0.113.1" } })).toEqual({
      429: 30,
    });
    expect(told()).toHaveLength(1);
    expect(told()[0]).toContain("carries cf-connecting-ip: if there is a proxy in front");
    expect(lines.join()).not.toContain("203.0.113");
  });
});

describe("on `relay.fetch`", () => {
  const request = (headers: Record<string, string> = {}): Request =>
    new Request("http://relay.test/ai/chat/completions", {
      method: "POST",
      headers,
      body: '{"model":"gpt-4o","stream":true,"messages":[]}',
    });
  async function fetchMany(
    count: number,
    address?: string,
    headers?: Record<string, string>,
  ): Promise<number[]> {
    const where = { mount: "/ai", address };
    const answers = await Promise.all(
      Array.from({ length: count }, () => relay.relay.fetch(request(headers), where)),
    );
    open.push(...answers.map(({ body }) => ({ leave: () => void body?.cancel() }) as Asked));
    return answers.map(({ status }) => status);
  }
  const passed = (statuses: number[]): number => statuses.filter((status) => status === 200).length;

  it("N10 logs once that addresses are not known, and admits more than one client's limit", async () => {
    await start();
    expect(lines.join()).not.toContain("relay.fetch");
    expect(passed(await fetchMany(130))).toBe(130);
    expect(lines.filter((line) => line.includes("pass `address` to `relay.fetch`"))).toHaveLength(
      1,
    );
  });

  it("N10 limits by the address that the host reports", async () => {
    await start({ limits: { perCaller: { concurrent: 10 } } });
    expect(passed(await fetchMany(13, "203.0.113.1"))).toBe(10);
    expect(passed(await fetchMany(1, "203.0.113.2"))).toBe(1);
    expect(lines.join()).not.toContain("relay.fetch");
  });

  it("N10 counts an unknown peer as the first proxy", async () => {
    await start({ trustProxy: 1, limits: { perCaller: { concurrent: 1 } } });
    const from = (address: string): Promise<number[]> =>
      fetchMany(1, undefined, { "x-forwarded-for": `6.6.6.6, ${address}` });
    expect([
      await from("203.0.113.1"),
      await from("203.0.113.1"),
      await from("203.0.113.2"),
    ]).toEqual([[200], [429], [200]]);
  });

  it("N10 logs nothing behind a development server that connects by a socket file", async () => {
    await start();
    await fetchMany(3, undefined, { "x-forwarded-for": "127.0.0.1" });
    expect(lines.join()).not.toContain("relay.fetch");
  });
});

describe("behind a proxy that is not configured", () => {
  it("N10 detects it after 20 requests, logs once what to set, and raises its limit", async () => {
    await start();
    const url = await through(asUser);
    expect(await send(url, 130)).toEqual({ 200: 130 });
    expect(await send(url, 20, { headers: { "x-user": "2" } })).toEqual({ 200: 20 });
    const told = lines.filter((line) => line.includes("trustProxy"));
    expect(told).toEqual([
      '20 requests in a row from one private address (in 127.0.0.0/8) carry x-forwarded-for: there is a proxy in front, and all its users count as one client; set `trustProxy` to the number of proxies in front (`1`) or to their networks (`["127.0.0.0/8"]`), after checking that the proxy itself writes the header. Until then the cap of that address is 1000 requests at a time, instead of 100',
    ]);
    expect(lines.join()).not.toContain("203.0.113");
  }, 60_000);

  it("N10 keeps the limit of a machine without a proxy, and of a development server's users", async () => {
    await start({ limits: { perCaller: { concurrent: 30 } } });
    // An address that loopback forwards is that of a development server.
    const url = await through(addForwardedFor);
    expect(await send(url, 40)).toEqual({ 200: 30, 429: 10 });
    expect(lines.filter((line) => line.includes("trustProxy"))).toEqual([]);
  });

  it("N10 is not misled by single requests with such headers", async () => {
    await start({ limits: { perCaller: { concurrent: 5 } } });
    upstream.script();
    const made = { headers: { "x-forwarded-for": "203.0.113.1" } };
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 19; at++) (await ask(direct, { ...made, stream: false })).leave();
      (await ask(direct, { stream: false })).leave();
    }
    expect(lines.filter((line) => line.includes("trustProxy"))).toEqual([]);
  });
});

describe("with authorize", () => {
  const authorize = (request: Request): string => request.headers.get("x-user") ?? "";

  it("N10 limits a caller by its id, whatever its address", async () => {
    await start({ authorize, limits: { perCaller: { concurrent: 2 } } });
    const user = (id: string, from: string): AskOptions => ({ from, headers: { "x-user": id } });
    expect(await send(direct, 2, user("a", "127.0.0.2"))).toEqual({ 200: 2 });
    expect(await send(direct, 1, user("a", "127.0.0.3"))).toEqual({ 429: 1 });
    expect(await send(direct, 2, user("b", "127.0.0.2"))).toEqual({ 200: 2 });
    // An id that looks like an address is not an address.
    expect(await send(direct, 2, user("127.0.0.2", "127.0.0.4"))).toEqual({ 200: 2 });
    expect(calls()).toBe(6);
  });

  it("N10 limits a caller without an id by its address", async () => {
    await start({ authorize: () => true, limits: { perCaller: { concurrent: 2 } } });
    expect(await send(direct, 3, { from: "127.0.0.2" })).toEqual({ 200: 2, 429: 1 });
    expect(await send(direct, 1, { from: "127.0.0.3" })).toEqual({ 200: 1 });
  });

  it("N7 rejects an id that is too long", async () => {
    await start({ authorize: () => "x".repeat(257) });
    expect((await ask(direct)).status).toBe(500);
    await relay.close();
    stop(server);
    await start({ authorize: () => "x".repeat(256) });
    expect(await send(direct, 1)).toEqual({ 200: 1 });
  });

  it("N10 takes no slot for a client that leaves while authorize runs", async () => {
    let answers: (() => void)[] = [];
    await start({
      authorize: () => new Promise<string>((resolve) => answers.push(() => resolve("a"))),
      limits: { perCaller: { concurrent: 1 } },
    });
    const body = '{"model":"gpt-4o","messages":[]}';
    const head = `POST /ai/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (let at = 0; at < 3; at++) {
      const socket = openRaw(direct, head + body);
      await untilSo(() => answers.length === 1, 5_000);
      socket.destroy();
      await untilSo(() => underWay() === 0, 5_000);
      for (const answer of answers) answer();
      answers = [];
    }
    expect(calls()).toBe(0);
    const last = send(direct, 1);
    await untilSo(() => answers.length === 1, 5_000);
    for (const answer of answers) answer();
    expect(await last).toEqual({ 200: 1 });
  });
});

describe("slots", () => {
  it("N10 are given back when a stream ends, fails, is refused, or its client leaves", async () => {
    await start({
      limits: { perCaller: { concurrent: 1 } },
      streaming: { onDisconnect: "detach", shutdownGrace: 0 },
    });
    const endings: (() => Promise<unknown>)[] = [
      async () => (await ask(direct, { stream: false })).text(),
      async () => (await ask(direct)).text(),
      async () => {
        upstream.script({ then: { refuse: "bad-request" } });
        return (await ask(direct)).text();
      },
      async () => {
        upstream.script({ then: { cut: { afterEvents: 1 } } });
        return (await ask(direct)).text().catch(() => {});
      },
      async () => {
        upstream.script({ then: { stall: { afterEvents: 1 } } });
        const left = await ask(direct);
        left.leave();
        // A request that continues without its client counts until it ends.
        await untilSo(async () => (await ask(direct)).status === 429, 5_000);
        relay.relay.stop(String(left.headers["x-relay-request-id"]));
      },
    ];
    upstream.script();
    for (const ending of endings) {
      await ending();
      await untilSo(() => underWay() === 0, 5_000);
    }
    upstream.script();
    expect((await ask(direct)).status).toBe(200);
  });
});
