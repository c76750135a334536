import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../simulator/index.ts";
import {
  type ChatOptions,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options?: UnderTestOptions): Promise<void> {
  relay = await startRelay(options);
}

const limit = (wait: number): Behaviour => ({ refuse: { kind: "rate-limit", wait } });
const calls = (): number => relay.upstream.ledger.total;

/** Sends a request, and reads the response to its end. */
async function ask(
  options?: ChatOptions,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await relay.chat(options);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sockets run in real time: waits turns of the loop until this many requests are queued. */
async function untilWaiting(count: number): Promise<void> {
  for (let turn = 0; relay.relay.status().requests.waiting !== count; turn++) {
    if (turn > 2_000)
      throw new Error(`${relay.relay.status().requests.waiting} are waiting, not ${count}`);
    await relay.clock.settle();
  }
}

async function untilCalls(count: number): Promise<void> {
  await relay.upstream.ledger.until(({ total }) => total >= count);
}

describe("waiting", () => {
  it("E2 waits 60 s under a limit of 600 s, to the ms, and makes no call before", async () => {
    await start({ count: 1, limits: { maxWait: 600_000, maxAttempts: 2 } });
    relay.upstream.script({ when: { first: 1 }, then: limit(MINUTE) });
    const answer = ask();
    await untilWaiting(1);
    await relay.clock.advance(MINUTE - 1);
    expect(calls()).toBe(1);
    await relay.clock.advance(1);
    await untilCalls(2);
    expect((await answer).status).toBe(200);
    expect((await relay.ended()).duration).toBe(MINUTE);
  });

  it("E2 ends at once when the client leaves, with nothing left behind", async () => {
    await start({ count: 1, limits: { maxWait: 600_000 } });
    relay.upstream.script({ when: { first: 1 }, then: limit(MINUTE) });
    const leaving = new AbortController();
    const answer = ask({ signal: leaving.signal });
    const gone = expect(answer).rejects.toThrow();
    await untilWaiting(1);
    leaving.abort();
    await gone;
    expect(await relay.ended()).toMatchObject({
      reason: "client_gone_before_first",
      attempts: 1,
      duration: 0,
    });
    expect(relay.relay.status().requests).toMatchObject({ open: 0, waiting: 0, bufferedBytes: 0 });
    await relay.clock.advance(2 * MINUTE);
    expect(calls()).toBe(1);
  });

  it("E2 adds its waits up: two of 6 s do not fit under a limit of 10 s", async () => {
    await start({ count: 1, limits: { maxWait: 10_000 } });
    const quota = JSON.stringify({ error: { message: "The quota of this model is exhausted." } });
    relay.upstream.script(
      { when: { first: 1 }, then: limit(6_000) },
      { when: {}, then: { reply: { status: 429, headers: { "retry-after": "6" }, body: quota } } },
    );
    const answer = ask();
    await untilWaiting(1);
    await relay.clock.advance(6_000);
    const { status, headers } = await answer;
    expect([status, headers.get("retry-after"), calls()]).toEqual([429, "6", 2]);
  });

  it("E2 D7 informs the queued requests at once when the key that opened for one closes for longer", async () => {
    await start({
      count: 1,
      credentials: [{ id: "c1", apiKey: "sk-only-one-0123456789", maxInFlight: 1 }],
      limits: { maxWait: 20_000 },
    });
    relay.upstream.script(
      { when: { first: 1 }, then: limit(5_000) },
      { when: { first: 1 }, then: { ...limit(2 * HOUR), stall: "before-headers" } },
    );
    const answers = Array.from({ length: 5 }, () => ask({ stream: false }));
    await untilWaiting(5);
    await relay.clock.advance(5_000);
    await untilCalls(2);
    expect(relay.relay.status().requests.waiting).toBe(4);
    relay.upstream.release();
    const results = await Promise.all(answers);
    expect(results.map(({ status }) => status)).toEqual([429, 429, 429, 429, 429]);
    expect(new Set(results.map(({ headers }) => headers.get("retry-after")))).toEqual(
      new Set(["7200"]),
    );
    expect(calls()).toBe(2);
  });

  it("D7 checks again on waking: a cooldown that another request has caused meanwhile applies to all queued requests", async () => {
    await start({ count: 1, limits: { maxWait: 600_000, maxAttempts: 2 } });
    relay.upstream.script(
      { when: { first: 1 }, then: limit(10_000) },
      { when: { first: 1 }, then: { ...limit(MINUTE), stall: "before-headers" } },
    );
    const answers = [ask({ stream: false })];
    await untilWaiting(1);
    await relay.clock.advance(10_000);
    await untilCalls(2);
    relay.upstream.release();
    await answers[0];
    answers.push(ask({ stream: false }), ask({ stream: false }));
    await untilWaiting(2);
    await relay.clock.advance(MINUTE - 1);
    expect(calls()).toBe(2);
    await relay.clock.advance(1);
    await untilCalls(4);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([429, 200, 200]);
  });

  it("E2 continues at once when an operator clears the limit, or enables a credential", async () => {
    await start({ count: 2, limits: { maxWait: 600_000 } });
    relay.relay.credentials.disable("c2");
    relay.upstream.script({ when: { credential: "c1", first: 2 }, then: limit(MINUTE) });
    const first = ask();
    await untilWaiting(1);
    relay.relay.credentials.enable("c2");
    expect((await first).status).toBe(200);
    relay.relay.credentials.disable("c2");
    const second = ask();
    await untilWaiting(1);
    relay.relay.credentials.clear("c1");
    await untilCalls(3);
    // Refused once more, it waits for the new cooldown.
    await untilWaiting(1);
    relay.relay.credentials.clear("c1");
    expect((await second).status).toBe(200);
  });

  it("E4 releases only the credential whose wait has ended", async () => {
    await start({ count: 2, limits: { maxWait: 60_000 } });
    relay.upstream.script(
      { when: { credential: "c1", first: 1 }, then: limit(5_000) },
      { when: { credential: "c2" }, then: limit(HOUR) },
    );
    const answer = ask();
    await untilWaiting(1);
    await relay.clock.advance(5_000);
    expect((await answer).status).toBe(200);
    for (let times = 0; times < 4; times++) expect((await ask()).status).toBe(200);
    expect(relay.upstream.ledger.byCredential()).toEqual({ c1: 6, c2: 1 });
  });
});

describe("in the queue", () => {
  const one = (more: UnderTestOptions = {}): Promise<void> =>
    start({
      credentials: [{ id: "c1", apiKey: "sk-only-one-0123456789", maxInFlight: 1 }],
      ...more,
    });
  const order = (): string[] => relay.upstream.ledger.calls.map(({ model }) => model!);

  it("E2 A13 serves many requests one by one in the order of arrival when the cooldown ends", async () => {
    await one({ limits: { maxWait: 600_000, families: { "m-*": "m" } } });
    await closeFor(30_000);
    const answers: Promise<{ status: number }>[] = [];
    for (let at = 0; at < 20; at++) {
      answers.push(ask({ model: `m-${at}` }));
      await untilWaiting(at + 1);
    }
    await relay.clock.advance(30_000);
    expect((await Promise.all(answers)).every(({ status }) => status === 200)).toBe(true);
    expect(order().slice(1)).toEqual(Array.from({ length: 20 }, (_, at) => `m-${at}`));
    expect(relay.upstream.ledger.maxInFlight).toBe(1);
  });

  async function closeFor(wait: number): Promise<void> {
    relay.upstream.script({ when: { first: 1 }, then: limit(wait) });
    const leaving = new AbortController();
    const refused = ask({ model: "m-first", signal: leaving.signal }).catch(() => undefined);
    await untilWaiting(1);
    leaving.abort();
    await refused;
    await untilWaiting(0);
  }

  it("A13 gives a slot to the first in the queue that can use it, past one whose model is limited", async () => {
    await one({ limits: { maxWait: 600_000 } });
    relay.upstream.script(
      { when: { model: "limited", first: 1 }, then: limit(HOUR / 10) },
      { when: { model: "slow" }, then: { stall: "before-headers" } },
    );
    const limited = ask({ model: "limited" });
    await untilWaiting(1);
    const slow = ask({ model: "slow", stream: false });
    await untilCalls(2);
    const waiting = ask({ model: "other" });
    await untilWaiting(2);
    relay.upstream.release();
    expect((await slow).status).toBe(200);
    expect((await waiting).status).toBe(200);
    expect(relay.relay.status().requests.waiting).toBe(1);
    await relay.clock.advance(HOUR / 10);
    expect((await limited).status).toBe(200);
  });

  it("A13 passes the chance on when the request that had it has left", async () => {
    await one({ limits: { maxWait: 600_000 } });
    relay.upstream.script({ when: { first: 1 }, then: { stall: "before-headers" } });
    const slow = ask({ stream: false });
    await untilCalls(1);
    const leaving = new AbortController();
    const first = ask({ model: "first", signal: leaving.signal }).catch(() => undefined);
    await untilWaiting(1);
    const second = ask({ model: "second" });
    await untilWaiting(2);
    leaving.abort();
    await first;
    relay.upstream.release();
    expect((await slow).status).toBe(200);
    expect((await second).status).toBe(200);
    expect(order()).not.toContain("first");
  });

  it("N4 rejects requests above the limit of the queue with a separate error, and accepts new ones when there is space", async () => {
    await one({ limits: { maxWait: 600_000, queue: 2 } });
    relay.upstream.script({ when: { first: 1 }, then: { stall: "before-headers" } });
    const slow = ask({ stream: false });
    await untilCalls(1);
    const waiting = [ask(), ask()];
    await untilWaiting(2);
    const { status, headers, text } = await ask();
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "ERR_RELAY_QUEUE_FULL" } });
    expect(headers.get("x-should-retry")).toBe("false");
    relay.upstream.release();
    for (const answer of [slow, ...waiting, ask()]) expect((await answer).status).toBe(200);
    expect(relay.relay.status().requests.waiting).toBe(0);
  });
});

describe("all limited", () => {
  it.each([
    [30_000, "30", null],
    [60_000, "60", null],
    [61_000, "61", "false"],
    [45_400, "46", null],
    [5 * HOUR, "18000", "false"],
  ])(
    "E3 states the shortest of its waits: %i ms are %s s, x-should-retry %s",
    async (wait, seconds, shouldRetry) => {
      await start({ count: 2, limits: { maxWait: 0 } });
      relay.upstream.script(
        {
          when: { credential: "c1" },
          then: { refuse: { kind: "rate-limit", wait, hints: ["retry-after-ms"] } },
        },
        { when: { credential: "c2" }, then: limit(9 * HOUR) },
      );
      await ask();
      const total = calls();
      const { status, headers, text } = await ask();
      expect([
        status,
        headers.get("retry-after"),
        headers.get("x-should-retry"),
        calls() - total,
      ]).toEqual([429, seconds, shouldRetry, 0]);
      expect(JSON.parse(text).error).toMatchObject({
        type: "rate_limit_exceeded",
        code: "ERR_RELAY_LIMITED",
        upstream: "default",
        model: "gpt-4o",
        retry_after: Number(seconds),
      });
    },
  );
});
