/** Upstreams that do not answer, or say nothing in their answers (I7, I8, E18, E19). The ledger shows whether their calls were closed. */
import { afterEach, describe, expect, it } from "vitest";
import { type Behaviour, createSimulator } from "../../simulator/index.ts";
import {
  type ChatOptions,
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";
import { arrived, parse, reader } from "../support/streaming.ts";

const MINUTE = 60_000;
const HOLD = { streaming: { commitAfter: false } } as const;
const unlimited = { perCaller: { concurrent: false } } as const;
const JSON_TYPE = { "content-type": "application/json" };

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(then: Behaviour, options: UnderTestOptions = {}): Promise<void> {
  relay = await startRelay(options);
  relay.upstream.script({ then });
}

/** Lets the clock run while the upstream sends bytes all the time, of which the relay has some in each half minute. */
async function pass(minutes: number): Promise<void> {
  for (let half = 0; half < 2 * minutes && relay.ends.length === 0; half++) {
    const [call] = relay.upstream.ledger.calls;
    const before = call!.bytes;
    await arrived(relay, () => call!.bytes >= before + 20 || !call!.open);
    await relay.clock.advance(MINUTE / 2);
  }
}

/** Nothing is left at the upstream, and the credentials are free. */
async function expectFree(calls: number): Promise<void> {
  await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
  expect(relay.upstream.ledger.calls.map(({ end }) => end)).toEqual(
    Array(calls).fill("client closed"),
  );
  const { credentials } = relay.relay.status();
  expect(credentials.every(({ inFlight, disabled }) => inFlight === 0 && !disabled)).toBe(true);
}

async function codeOf(response: Response): Promise<{ code: string; message: string }> {
  return (JSON.parse(await response.text()) as { error: { code: string; message: string } }).error;
}

describe("an answer without payload", () => {
  const mute: [string, Behaviour, ChatOptions][] = [
    ["comments", { stall: "after-headers", keepalive: 5 }, {}],
    ["a role event and comments", { stall: "after-lifecycle", keepalive: 5 }, {}],
    [
      "an unfinished event, byte by byte",
      {
        reply: {
          headers: { "content-type": "text/event-stream" },
          body: `data: ${"x".repeat(100_000)}`,
        },
        split: 1,
        splitInterval: 1,
      },
      {},
    ],
    [
      "JSON, byte by byte",
      {
        reply: { headers: JSON_TYPE, body: `{"choices":"${"x".repeat(60_000)}"}` },
        split: 1,
        splitInterval: 1,
      },
      { stream: false },
    ],
  ];

  it.each(mute)(
    "I7 E18 ends after firstPayloadTimeout, is not repeated, and is closed: %s",
    async (_what, then, chat) => {
      await start(then, HOLD);
      const answer = relay.chat(chat);
      await relay.upstream.ledger.until(({ total }) => total === 1);
      await pass(9.5);
      expect(relay.ends).toEqual([]);
      await pass(1);
      const response = await answer;
      expect(response.status).toBe(504);
      expect(response.headers.get("x-should-retry")).toBe("false");
      const { code, message } = await codeOf(response);
      expect(code).toBe("ERR_RELAY_UPSTREAM_TIMEOUT");
      expect(message).toContain("sent no payload within 10 min (`streaming.firstPayloadTimeout`)");
      expect(await relay.ended()).toMatchObject({ reason: "timeout", attempts: 1 });
      await expectFree(1);
    },
    20_000,
  );

  it("I7 I3 is reported by an event in a stream that was committed early", async () => {
    await start({ stall: "after-headers", keepalive: 5 });
    const answer = relay.chat();
    await relay.upstream.ledger.until(({ total }) => total === 1);
    await pass(10.5);
    const events = parse(await (await answer).text());
    expect(JSON.parse(events.at(-1)!.data)).toHaveProperty(
      "error.code",
      "ERR_RELAY_UPSTREAM_TIMEOUT",
    );
    expect(await relay.ended()).toMatchObject({ reason: "timeout", status: 200, attempts: 1 });
    await expectFree(1);
  }, 60_000);

  it("I8 I3 ends a stream that has begun after payloadIdleTimeout, with an error event", async () => {
    await start({ stall: { afterEvents: 2 }, keepalive: 5 });
    const response = await relay.chat();
    const read = reader(response);
    await read.until(2);
    await pass(9.5);
    expect(relay.ends).toEqual([]);
    await pass(1.5);
    const error = JSON.parse(parse(await read.rest()).at(-1)!.data) as object;
    expect(error).toHaveProperty("error.code", "ERR_RELAY_NO_PAYLOAD");
    expect(error).toHaveProperty(
      "error.message",
      expect.stringContaining("no payload for 10 min (`streaming.payloadIdleTimeout`)"),
    );
    expect(await relay.ended()).toMatchObject({ reason: "idle_timeout", status: 200 });
    await expectFree(1);
    expect(relay.lines.filter(({ level }) => level === "warn").at(-1)!.message).toMatch(
      /sent no payload in the middle of a response.*`streaming\.payloadIdleTimeout`$/,
    );
  }, 60_000);

  it("I8 a generic feed that only pings is healthy", async () => {
    await start({ stall: { afterEvents: 1 }, keepalive: 5 }, { upstream: { dialect: "generic" } });
    const response = await relay.chat();
    const read = reader(response);
    await read.until(1);
    await pass(40);
    expect(relay.ends).toEqual([]);
    relay.upstream.release();
    expect(await read.rest()).toContain("[DONE]");
    expect(await relay.ended()).toMatchObject({ reason: "completed" });
  }, 60_000);
});

describe("a timeout of the relay", () => {
  it("I7 E18 is repeated where it comes within a minute of sending", async () => {
    await start({}, { ...HOLD, streaming: { ...HOLD.streaming, firstByteTimeout: MINUTE } });
    relay.upstream.script({ when: { first: 1 }, then: { stall: "before-headers" } }, { then: {} });
    const answer = relay.chat();
    await relay.upstream.ledger.next(({ stalled }) => stalled);
    await relay.clock.advance(MINUTE);
    await arrived(relay, () => relay.clock.pending() > 0);
    await relay.clock.advance(1_000);
    const response = await answer;
    expect(response.status).toBe(200);
    await response.text();
    expect(await relay.ended()).toMatchObject({ reason: "completed", attempts: 2 });
  });

  it.each([
    ["a stream", true, 5, "firstByteTimeout"],
    ["another request", false, 10, "responseTimeout"],
  ] as const)(
    "I7 E18 is not repeated later, because the work may have been paid for: %s",
    async (_what, stream, minutes, option) => {
      await start({ stall: "before-headers" }, HOLD);
      const answer = relay.chat({ stream });
      await relay.upstream.ledger.next(({ stalled }) => stalled);
      await relay.clock.advance(minutes * MINUTE - 1);
      expect(relay.ends).toEqual([]);
      await relay.clock.advance(1);
      const response = await answer;
      expect(response.status).toBe(504);
      const { message } = await codeOf(response);
      expect(message).toContain(`within ${minutes} min (\`streaming.${option}\`)`);
      expect(await relay.ended()).toMatchObject({ reason: "timeout", attempts: 1 });
      await expectFree(1);
    },
  );

  it("E18 E10 a connection that is lost late is not repeated either, one that is lost early is", async () => {
    for (const [after, calls] of [
      [MINUTE, 2],
      [MINUTE + 1, 1],
    ] as const) {
      await start({}, HOLD);
      relay.upstream.script(
        { when: { first: 1 }, then: { stall: "before-headers", cut: "before-headers" } },
        { then: {} },
      );
      const answer = relay.chat({ stream: false });
      await relay.upstream.ledger.next(({ stalled }) => stalled);
      await relay.clock.advance(after);
      relay.upstream.release();
      expect((await answer).status).toBe(calls === 2 ? 200 : 502);
      expect(relay.upstream.ledger.total).toBe(calls);
      if (calls === 2) await relay.close();
    }
  });

  it.each([
    ["before-headers", true],
    ["after-headers", false],
  ] as const)("F2 E19 opens the circuit only where no head arrived (%s)", async (stall, opens) => {
    await start(
      { stall },
      {
        limits: { ...unlimited, maxAttempts: 1 },
        streaming: { commitAfter: false, firstByteTimeout: 2_000 },
      },
    );
    const answers = Array.from({ length: 5 }, () => relay.chat());
    await relay.upstream.ledger.until(
      ({ calls }) => calls.filter(({ stalled }) => stalled).length === 5,
    );
    if (!opens) for (let turn = 0; turn < 20; turn++) await relay.clock.settle();
    await relay.clock.advance(2_000);
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses).toEqual([504, 504, 504, 504, 504]);
    relay.upstream.script({ then: {} });
    expect((await relay.chat()).status).toBe(opens ? 503 : 200);
  });
});

describe("calls that wait for an answer", () => {
  const stalled = (count: number): Promise<void> =>
    relay.upstream.ledger.until(
      ({ calls }) => calls.filter((call) => call.stalled).length >= count,
    );

  it("E19 are at most maxPending; the next gets 503 with a wait, until one is answered", async () => {
    await start({ stall: "before-headers" }, { limits: { ...unlimited, maxPending: 3 } });
    const answers = [relay.chat(), relay.chat({ stream: false }), relay.chat()];
    await stalled(3);
    const refused = await relay.chat();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    const { code, message } = await codeOf(refused);
    expect(code).toBe("ERR_RELAY_PENDING_FULL");
    expect(message).toContain("3 calls to the upstream default have no answer yet");
    expect(message).toContain("`limits.maxPending`");
    expect(relay.relay.explain({ path: "/chat/completions", body: { model: "m" } })).toMatchObject([
      { closed: { why: "down" } },
    ]);
    expect(relay.upstream.ledger.total).toBe(3);
    relay.upstream.script({ then: {} });
    relay.upstream.release();
    for (const answer of answers) await (await answer).text();
    expect((await relay.chat()).status).toBe(200);
  });

  it("E19 a stream that has begun no longer waits", async () => {
    await start({ stall: "after-lifecycle" }, { limits: { ...unlimited, maxPending: 1 } });
    const answers: Promise<Response>[] = [];
    for (let nth = 1; nth <= 3; nth++) {
      answers.push(relay.chat());
      await stalled(nth);
      for (let turn = 0; turn < 5; turn++) await relay.clock.settle();
    }
    relay.upstream.release();
    for (const answer of answers) expect((await answer).status).toBe(200);
  });

  it("E19 a client that leaves makes room", async () => {
    await start({ stall: "before-headers" }, { limits: { ...unlimited, maxPending: 1 } });
    const leaving = new AbortController();
    relay.chat({ signal: leaving.signal }).catch(() => {});
    await stalled(1);
    leaving.abort();
    await relay.ended();
    relay.upstream.script({ then: {} });
    expect((await relay.chat()).status).toBe(200);
  });

  it("E19 does not limit the dialect generic", async () => {
    await start(
      { stall: "before-headers" },
      { limits: { ...unlimited, maxPending: 1 }, upstream: { dialect: "generic" } },
    );
    const answers = [relay.chat(), relay.chat(), relay.chat()];
    await stalled(3);
    relay.upstream.release();
    for (const answer of answers) expect((await answer).status).toBe(200);
  });

  it("E19 E11 go to a backup endpoint where the first holds too many", async () => {
    const keys = Object.fromEntries(makeCredentials(2).map(({ id, apiKey }) => [id, apiKey!]));
    const backup = await createSimulator({ keys });
    await start(
      { stall: "before-headers" },
      {
        limits: { ...unlimited, maxPending: 2 },
        upstream: { backups: [`${backup.url}/v1`] },
      },
    );
    const answers = [relay.chat(), relay.chat()];
    await stalled(2);
    expect((await relay.chat()).status).toBe(200);
    expect([relay.upstream.ledger.total, backup.ledger.total]).toEqual([2, 1]);
    relay.upstream.release();
    await Promise.all(answers);
    await backup.close();
  });

  it("E19 D9 go to a fallback model of another upstream where the first holds too many", async () => {
    const other = await createSimulator({ keys: { o: secretOf("o") } });
    const first = await createSimulator({ keys: { c1: secretOf("c1") } });
    relay = await startRelay({
      upstreams: {
        first: { baseURL: `${first.url}/v1`, dialect: "openai" },
        other: { baseURL: `${other.url}/v1`, dialect: "openai" },
      },
      credentials: [
        { ...makeCredentials(1)[0]!, upstream: "first" },
        { id: "o", apiKey: secretOf("o"), upstream: "other" },
      ],
      models: {
        "gpt-4o": { upstream: "first", fallback: ["spare"] },
        spare: { upstream: "other" },
      },
      limits: { ...unlimited, maxPending: 1 },
    });
    first.script({ then: { stall: "before-headers" } });
    const answer = relay.chat();
    await first.ledger.next((call) => call.stalled);
    const response = await relay.chat();
    expect(response.headers.get("x-relay-model")).toBe("spare");
    first.release();
    await answer;
    await first.close();
    await other.close();
  });

  it("E19 one call at a time goes to an upstream that answers none of 20 streams, until it answers one", async () => {
    await start({ stall: "before-headers" }, { limits: unlimited, ...HOLD });
    const answers = Array.from({ length: 20 }, () => relay.chat());
    await stalled(20);
    await relay.clock.advance(30_000);
    answers.push(relay.chat());
    await stalled(21);
    await relay.clock.advance(1);
    answers.push(relay.chat({ stream: false }));
    await stalled(22);
    for (const stream of [true, false, true]) {
      const refused = await relay.chat({ stream });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("5");
      expect((await codeOf(refused)).code).toBe("ERR_RELAY_UPSTREAM_SILENT");
    }
    expect(relay.upstream.ledger.total).toBe(22);
    const warnings = relay.lines.filter(({ message }) => message.startsWith("no answer: "));
    expect(warnings).toHaveLength(1);
    relay.upstream.script({ then: {} });
    relay.upstream.release();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(22).fill(200));
    const after = await Promise.all(Array.from({ length: 30 }, () => relay.chat()));
    expect(after.map(({ status }) => status)).toEqual(Array(30).fill(200));
  });

  it("E19 the first call to an upstream that has recovered is answered, and opens it to all", async () => {
    await start({ stall: "before-headers" }, { limits: { ...unlimited, maxAttempts: 1 }, ...HOLD });
    const leaving = new AbortController();
    for (let nth = 0; nth < 20; nth++) relay.chat({ signal: leaving.signal }).catch(() => {});
    await stalled(20);
    await relay.clock.advance(30_001);
    const probe = relay.chat({ signal: leaving.signal });
    probe.catch(() => {});
    await stalled(21);
    expect((await relay.chat()).status).toBe(503);
    leaving.abort();
    await relay.ended(22);
    relay.upstream.script({ then: {} });
    expect((await relay.chat()).status).toBe(200);
    expect((await Promise.all([relay.chat(), relay.chat()])).map(({ status }) => status)).toEqual([
      200, 200,
    ]);
  });
});
