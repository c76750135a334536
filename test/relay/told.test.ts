/** Log lines and errors about a refused key, a faulty `authorize`, and a body that a parser has read (J14, A14). */
import { createServer as createHTTP, type RequestListener } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, connect } from "node:net";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, describe, expect, it } from "vitest";
import type { Authorize } from "../../src/options/types.ts";
import { defineRelay } from "../../adapters/node.ts";
import { createRelay, oauth } from "../../src/index.ts";
import { NodeRequestCall, type NodeRequest } from "../../src/http/node-request.ts";
import { installedAt, isNotInstalled } from "../hosts/support/apps.ts";
import {
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

let relay: RelayUnderTest;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  await relay?.close();
  for (const close of closers.splice(0)) await close();
});

const told = (begins: string): string[] =>
  relay.lines
    .filter(({ message }) => message.startsWith(begins))
    .map(({ level, message }) => `${level} ${message}`);

async function failure(asking: Promise<Response>): Promise<{ status: number; message: string }> {
  const response = await asking;
  const { error } = (await response.json()) as { error: { message: string } };
  return { status: response.status, message: error.message };
}

describe("a key that the provider refuses", () => {
  const storage = (): ReturnType<typeof createStorage> => createStorage({ driver: memoryDriver() });
  const refusing = async (options: UnderTestOptions): Promise<void> => {
    relay = await startRelay(options);
    relay.upstream.script({ then: { refuse: "unauthenticated" } });
  };

  it("J14 F1 is reported when it is disabled: id, upstream, the provider's code and what to do", async () => {
    await refusing({ count: 1 });
    expect(await failure(relay.chat())).toEqual({
      status: 503,
      message:
        "No credential is available for model gpt-4o on upstream default: 1 disabled (API key refused).",
    });
    expect(told("credential c1")).toEqual([
      expect.stringMatching(
        /^warn credential c1 on upstream default is disabled: API key refused, UNAUTHENTICATED \(code:\w+\); check that it is a key of this upstream and replace it, or call relay\.credentials\.enable\("c1"\) if it is valid again$/,
      ),
    ]);
  });

  it("J14 F5 is reported again at the next start, in one line for all", async () => {
    const keep = storage();
    await refusing({ count: 8, storage: keep, limits: { maxAttempts: 20 } });
    for (let at = 1; at <= 7; at++) relay.relay.credentials.disable(`c${at}`, "for the test");
    expect((await failure(relay.chat())).message).toContain(
      ": 7 disabled (by an operator), 1 disabled (API key refused).",
    );
    const { upstream } = relay;
    const first = relay;
    closers.push(() => first.close());
    await first.relay.close();
    relay = await startRelay({ count: 8, storage: keep, keep: upstream });
    const still = told("8 credentials");
    expect(still).toEqual([
      expect.stringMatching(
        /^warn 8 credentials are disabled since an earlier start: c1 \(by an operator\), .*c5 \(by an operator\) and 3 more; replace the key, or call relay\.credentials\.enable\(id\)$/,
      ),
    ]);
    await relay.close();
    relay = await startRelay({ count: 1, storage: keep, keep: upstream });
    expect(
      told("1 credential is disabled since an earlier start: c1 (by an operator)"),
    ).toHaveLength(1);
  });

  it("J14 that stays enabled by `limits.disableOn` is reported all the same", async () => {
    await refusing({ count: 1, limits: { disableOn: [] } });
    await failure(relay.chat());
    expect(told("credential c1 on upstream default was refused (UNAUTHENTICATED, ")).toHaveLength(
      1,
    );
  });

  it("A14 gives the counted reasons why no credential is available", async () => {
    relay = await startRelay({
      credentials: [
        { id: "a", apiKey: "key-a-0123456789" },
        { id: "b", apiKey: "key-b-0123456789" },
        { id: "c", apiKey: "key-c-0123456789", models: { deny: ["gpt-4o"] } },
      ],
    });
    relay.upstream.script({ then: { refuse: "unauthenticated" } });
    const message =
      "No credential is available for model gpt-4o on upstream default: 2 cooling down (API key refused), 1 not allowed for this model; retry in 10 min (600 s).";
    expect((await failure(relay.chat())).message).toBe(message);
    expect((await failure(relay.chat())).message).toBe(message);
    expect(relay.upstream.ledger.total).toBe(2);
  });

  it("A14 A13 reports that all are at their concurrency limit, and how long to wait", async () => {
    relay = await startRelay({
      credentials: [{ id: "a", apiKey: "key-a-0123456789", maxInFlight: 1 }],
      limits: { maxWait: 0 },
    });
    relay.upstream.script({ then: { stall: "before-headers" } });
    const first = new AbortController();
    const waiting = relay.chat({ signal: first.signal }).catch(() => {});
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 1);
    expect(await failure(relay.chat())).toEqual({
      status: 429,
      message:
        "All credentials are at their concurrency limit (`maxInFlight`) for model gpt-4o on upstream default; retry in 1 s.",
    });
    first.abort();
    await waiting;
  });
});

describe("a faulty authorize", () => {
  const EXPECTED =
    "; expected: a string of 1 to 256 characters (the caller's id), true, false or null (refused), or a Response";
  const REFUSE = "; to refuse a request return false, or return or throw a Response";
  const thrown =
    (error: unknown): Authorize =>
    () => {
      throw error;
    };
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefgh";

  it.each<[string, Authorize, string]>([
    [
      "returns an object",
      (() => ({ id: "u1", name: "hunter2" })) as never,
      `returned an object with the keys id, name${EXPECTED}`,
    ],
    [
      "returns an object of many keys",
      (() => ({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, "hunter2 x": 1 })) as never,
      `returned an object with the keys a, b, c, d, e, …${EXPECTED}`,
    ],
    [
      "returns an empty object",
      (() => ({})) as never,
      `returned an object without keys${EXPECTED}`,
    ],
    ["returns an array", (() => ["hunter2"]) as never, `returned an array${EXPECTED}`],
    ["returns a number", (() => 7) as never, `returned a number${EXPECTED}`],
    ["returns a function", (() => () => true) as never, `returned a function${EXPECTED}`],
    [
      "throws",
      thrown(new TypeError("user is undefined\nat line 2")),
      `threw TypeError: user is undefined?at line 2${REFUSE}`,
    ],
    ["rejects", () => Promise.reject(new Error("no session")), `threw Error: no session${REFUSE}`],
    ["throws a text", thrown("no session"), `threw a string: no session${REFUSE}`],
    [
      "throws an object",
      thrown({ code: "hunter2" }),
      `threw an object with the keys code${REFUSE}`,
    ],
    ["throws nothing", thrown(undefined), `threw undefined${REFUSE}`],
    [
      "quotes a configured key",
      thrown(new Error("bad sk-test-c1-0123456789abcdef here")),
      `threw Error: bad [redacted] here${REFUSE}`,
    ],
    [
      "quotes a token of the caller",
      thrown(new Error(`cannot verify ${jwt} of user`)),
      `threw Error: cannot verify [redacted] of user${REFUSE}`,
    ],
    [
      "quotes an address with a password",
      thrown(new Error("connect postgres://u:hunter2@db:5432")),
      `threw Error: connect postgres://[redacted]db:5432${REFUSE}`,
    ],
    [
      "throws at length",
      thrown(new Error("x ".repeat(500))),
      `threw Error: ${"x ".repeat(100)}…${REFUSE}`,
    ],
  ])("J14 N7 is reported where it %s, without a value", async (_how, authorize, line) => {
    relay = await startRelay({ authorize });
    for (let at = 0; at < 3; at++)
      expect(await failure(relay.chat())).toEqual({
        status: 500,
        message: "The `authorize` function failed; the server's log has the details.",
      });
    expect(told("authorize")).toEqual([`warn authorize: ${line}`]);
    expect(JSON.stringify(relay.lines)).not.toContain("hunter2");
    expect(relay.upstream.ledger.total).toBe(0);
  });
});

describe("a body that was read before the relay", () => {
  const BODY = JSON.stringify({ model: "gpt-4o", messages: [] });
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const log = { debug: () => {}, info: () => {}, warn: say, error: say };
  const options = async () => {
    relay = await startRelay({ count: 1 });
    lines.length = 0;
    const upstream = { baseURL: `${relay.upstream.url}/v1`, dialect: "openai" } as const;
    const credentials = [{ id: "c1", apiKey: secretOf("c1") }];
    return { upstream, credentials, log, clock: createVirtualClock(), authorize: () => true };
  };
  async function serving(listener: RequestListener): Promise<string> {
    const server = createHTTP(listener).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    closers.push(
      () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
    );
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const post = (url: string): Promise<Response> =>
    fetch(`${url}/ai/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: BODY,
    });
  const READ = "The request body was read before it reached the relay: ";
  const EXPRESS = "mount the relay before `express.json()` and every other body parser";
  const NODE = "mount the relay before the body parser (Express: `express.json()`;";

  async function expectUsed(asking: Promise<Response>, hint: string): Promise<void> {
    const { status, message } = await failure(asking);
    expect(status).toBe(500);
    expect(message).toContain(READ + hint);
    expect(lines.filter((line) => line.startsWith("request body: "))).toHaveLength(1);
    expect(lines.join()).toContain(hint);
    expect(relay.upstream.ledger.total).toBe(0);
  }

  const isMissing = isNotInstalled("frameworks", "express");
  it.skipIf(isMissing)(
    "J14 names `express.json()` and the order, with the real Express",
    async () => {
      const express = createRequire(import.meta.url)(installedAt("frameworks", "express"));
      const app = express();
      const handler = defineRelay({ ...(await options()), mount: "/ai" });
      closers.push(() => handler.close());
      app.use(express.json());
      app.use("/ai", handler);
      const url = await serving(app);
      await expectUsed(post(url), EXPRESS);
      await expectUsed(post(url), EXPRESS);
      const right = express();
      right.use("/ai", handler);
      right.use(express.json());
      expect((await post(await serving(right))).status).toBe(200);
    },
  );

  it("J14 reports it where a listener has read it and left nothing", async () => {
    const handler = defineRelay({ ...(await options()), mount: "/ai" });
    closers.push(() => handler.close());
    const url = await serving(async (message, response) => {
      for await (const _ of message);
      await handler(message as never, response as never);
    });
    await expectUsed(post(url), NODE);
  });

  it("J14 reports it where a copy of the request arrived without its body", async () => {
    const made = createRelay(await options());
    closers.push(() => made.close());
    const ask = (request: Request): Promise<Response> => made.fetch(request, { mount: "/" });
    const url = "http://app.test/chat/completions";
    const headers = { "content-type": "application/json", "content-length": `${BODY.length}` };
    await expectUsed(ask(new Request(url, { method: "POST", headers })), "pass an unread request");
    const used = new Request(url, { method: "POST", headers, body: BODY });
    await used.json();
    await expectUsed(ask(used), "pass an unread request");
  });

  const message = (over: Partial<NodeRequest>): NodeRequest => ({
    method: "POST",
    url: "/",
    headers: { "content-length": "20" },
    socket: null,
    complete: true,
    on(event: string, listener: (chunk: never) => void) {
      if (event === "end") queueMicrotask(listener as () => void);
    },
    removeListener() {},
    destroy() {},
    ...over,
  });

  it.each<[string, Partial<NodeRequest>]>([
    ["ends at once though a length was announced", {}],
    ["was destroyed and says that it is complete", { destroyed: true, on() {} }],
    ["was parsed", { readableEnded: true, body: { model: "m" } }],
    ["is being read by another", { readableDidRead: true }],
  ])("J14 neither hangs nor sends an empty body where the message %s", async (_how, over) => {
    const call = new NodeRequestCall(message(over), {
      mount: "",
      target: "/",
      toRequest: () => new Request("http://h/", { method: "POST" }),
    });
    await expect(call.readBody(1_000)).rejects.toMatchObject({ code: "ERR_RELAY_BODY_USED" });
  });

  it("J14 relays a request without a body", async () => {
    const call = new NodeRequestCall(
      message({ headers: { "content-length": "0" }, readableEnded: true }),
      {
        mount: "",
        target: "/",
        toRequest: () => new Request("http://h/", { method: "POST" }),
      },
    );
    expect(await call.readBody(1_000)).toHaveLength(0);
  });
});

describe("a token endpoint", () => {
  it("J14 H1 that cannot be reached is reported with cause and host, and with neither path nor secret", async () => {
    const server = createHTTP().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    expect(await isClosed(port)).toBe(true);
    const tokenURL = `http://127.0.0.1:${port}/secret-path/token?key=hunter2`;
    const token = oauth({
      tokenURL,
      clientId: "c",
      refreshToken: "refresh-hunter2",
      rotates: false,
    });
    relay = await startRelay({ credentials: [{ id: "a", token }], limits: { maxWait: 0 } });
    expect((await failure(relay.chat())).message).toContain("(refresh: NETWORK)");
    expect(told("token endpoint")).toEqual([
      `warn token endpoint (127.0.0.1:${port}): connection refused (ECONNREFUSED); check that the server runs at this host and port, and that the address of the token endpoint names them`,
    ]);
    const all = JSON.stringify(relay.lines);
    expect(all).not.toContain("hunter2");
    expect(all).not.toContain("secret-path");
  });
});

function isClosed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => (socket.destroy(), resolve(false)));
    socket.once("error", () => resolve(true));
  });
}
