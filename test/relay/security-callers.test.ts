import { afterEach, describe, expect, it } from "vitest";
import type { Authorize, AuthorizeResult } from "../../src/options/types.ts";
import { openRaw, rawRequest, sendRaw } from "../support/raw.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options?: UnderTestOptions): Promise<RelayUnderTest> {
  relay = await startRelay(options);
  return relay;
}

const calls = (): number => relay.upstream.ledger.total;
const models = (headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${relay.url}/models`, { headers });
const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error: { code: unknown } }).error.code;
const warnings = (): string[] =>
  relay.lines.filter(({ level }) => level === "warn").map(({ message }) => message);

describe("authorize", () => {
  it("N7 admits a caller by its id, which the end hook gets", async () => {
    await start({ authorize: (request) => request.headers.get("x-user") });
    expect((await models({ "x-user": "u1" })).status).toBe(200);
    expect(await relay.ended()).toMatchObject({ caller: "u1" });
  });

  it("N7 admits a caller without an id", async () => {
    await start({ authorize: () => Promise.resolve(true) });
    expect((await models()).status).toBe(200);
    expect(await relay.ended()).toMatchObject({ caller: undefined });
  });

  it.each([false, null, undefined, ""] as AuthorizeResult[])(
    "N7 answers 401 to a rejected request (%j), without an upstream call",
    async (result) => {
      await start({ authorize: () => result });
      const response = await models();
      expect([response.status, await codeOf(response)]).toEqual([401, "ERR_RELAY_UNAUTHORIZED"]);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(calls()).toBe(0);
    },
  );

  it.each([
    ["returned", false],
    ["thrown", true],
  ])("N7 answers with the operator's response, %s", async (_how, throws) => {
    await start({
      authorize() {
        const response = new Response("log in first", {
          status: 302,
          headers: { location: "/login", "set-cookie": "a=1" },
        });
        if (throws) throw response;
        return response;
      },
    });
    const { status, headers, body } = await sendRaw(relay.url, rawRequest("GET /ai/models"));
    expect([status, headers["location"], headers["set-cookie"], body]).toEqual([
      302,
      "/login",
      "a=1",
      "log in first",
    ]);
    expect(calls()).toBe(0);
    expect(await relay.ended()).toMatchObject({ reason: "refused", status: 302 });
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("db password hunter2");
      },
    ],
    ["rejects", () => Promise.reject(new TypeError("hunter2"))],
    [
      "throws no error",
      () => {
        throw "hunter2";
      },
    ],
    ["returns a number", () => 7 as never],
    ["returns an object", () => ({ id: "hunter2" }) as never],
  ] as [string, Authorize][])(
    "N7 rejects all requests when it %s, with one line",
    async (_how, authorize) => {
      await start({ authorize });
      for (let i = 0; i < 3; i++) {
        const response = await models();
        expect([response.status, await codeOf(response)]).toEqual([500, "ERR_RELAY_AUTHORIZE"]);
      }
      const told = relay.lines.filter(({ message }) => message.startsWith("authorize: "));
      expect(told.map(({ level }) => level)).toEqual(["warn"]);
      expect(calls()).toBe(0);
    },
  );

  it("N7 I4 ends at once when the client leaves while it runs", async () => {
    let answer = (_result: boolean): void => {};
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    await start({
      authorize: () => (asked(), new Promise<boolean>((resolve) => (answer = resolve))),
    });
    const socket = openRaw(relay.url, rawRequest("GET /ai/models"));
    await isAsked;
    socket.destroy();
    expect(await relay.ended()).toMatchObject({ reason: "client_gone_before_first", attempts: 0 });
    answer(true);
    await relay.clock.advance(1_000);
    expect([calls(), relay.ends.length, relay.relay.status().requests.open]).toEqual([0, 1, 0]);
  });

  it("N7 runs before the body is read", async () => {
    await start({ authorize: () => false });
    const head =
      "POST /ai/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n";
    const socket = openRaw(relay.url, head);
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    expect(answer.toString()).toContain("401");
    socket.destroy();
  });

  it("N7 does not run for paths at which nothing is served", async () => {
    let asked = 0;
    await start({ authorize: () => (asked++, true) });
    await fetch(`${relay.url}/_relay/status`);
    await fetch(`${relay.url}/a%2fb`);
    expect(asked).toBe(0);
  });
});

describe("without authorize", () => {
  it("N7 warns once at start, and never with authorize", async () => {
    await start();
    for (let i = 0; i < 3; i++) await models();
    expect(warnings().filter((line) => line.includes("authorize"))).toHaveLength(1);
    await relay.close();
    await start({ authorize: () => true });
    await models();
    expect(warnings()).toEqual([]);
  });

  it("N7 limits requests in progress by client address, and gives every slot back", async () => {
    await start({ limits: { perCaller: { concurrent: 2 } } });
    relay.upstream.script({ then: { stall: { afterEvents: 1 } } });
    const controllers = [new AbortController(), new AbortController()];
    for (const { signal } of controllers) expect((await relay.chat({ signal })).status).toBe(200);
    const third = await relay.chat();
    expect([third.status, third.headers.get("retry-after"), await codeOf(third)]).toEqual([
      429,
      "1",
      "ERR_RELAY_CALLER_BUSY",
    ]);
    for (const controller of controllers) controller.abort();
    await relay.ended(3);
    relay.upstream.script();
    for (let i = 0; i < 5; i++) expect((await relay.chat({ stream: false })).status).toBe(200);
    // Refusals of every kind give their slots back as well.
    for (let i = 0; i < 5; i++) await fetch(`${relay.url}/_relay`);
    for (let i = 0; i < 5; i++) await relay.chat({ model: "" });
    relay.upstream.script({ then: { refuse: "bad-request" } });
    for (let i = 0; i < 5; i++) expect((await relay.chat()).status).toBe(400);
    const pair = await Promise.all([relay.chat(), relay.chat()]);
    expect(pair.map(({ status }) => status)).toEqual([400, 400]);
  });

  it("N7 has no limit where it is switched off", async () => {
    await start({ limits: { perCaller: { concurrent: false } } });
    relay.upstream.script({ then: { stall: { afterEvents: 1 } } });
    const controller = new AbortController();
    const streams = Array.from({ length: 120 }, () => relay.chat({ signal: controller.signal }));
    for (const stream of streams) expect((await stream).status).toBe(200);
    controller.abort();
    await relay.ended(120);
  });
});
