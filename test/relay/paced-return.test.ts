/** The ledger of the paced return: 200 requests/s before upstreams that refuse. */
import { setMaxListeners } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../simulator/index.ts";
import type { Call } from "../../simulator/call.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const WINDOW = 5_000;
const MINUTE = 60_000;
/** 200 requests/s come ten at a time. */
const STEP = 50;
const BURST = 10;

let relay: RelayUnderTest;
let leaving = createLeaving();
afterEach(async () => {
  leaving.abort();
  leaving = createLeaving();
  await relay.close();
});

/** One signal for all clients of a test. */
function createLeaving(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

async function start(options: UnderTestOptions): Promise<void> {
  const clock = createVirtualClock();
  relay = await startRelay({
    clock,
    ...options,
    limits: { queue: 10_000, ...options.limits },
    simulator: { clock, ...options.simulator },
  } as UnderTestOptions);
}

/** Sends one request without a socket of its own, and reads the answer to its end. */
function ask(): void {
  const request = new Request("http://relay/ai/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o", stream: true, messages: [] }),
    signal: leaving.signal,
  });
  void relay.relay
    .fetch(request, { mount: "/ai" })
    .then((response) => response.arrayBuffer())
    .catch(() => undefined);
}

/** Sockets run in real time: waits until every request waits for a credential, for a retry or for an answer that takes virtual time. */
async function untilQuiet(): Promise<void> {
  let last = "";
  for (let quiet = 0; quiet < 40; quiet++) {
    await relay.clock.settle();
    const { open, waiting } = relay.relay.status().requests;
    const { inFlight, total } = relay.upstream.ledger;
    const seen = `${open} ${waiting} ${inFlight} ${total}`;
    if (seen !== last) quiet = 0;
    else if (open - waiting === inFlight && quiet > 3) return;
    last = seen;
  }
}

async function load(duration: number): Promise<void> {
  for (let passed = 0; passed < duration; passed += STEP) {
    for (let nth = 0; nth < BURST; nth++) ask();
    await untilQuiet();
    await relay.clock.advance(STEP);
    await untilQuiet();
  }
}

/** Served and refused calls of each key, and the calls of its fullest window after the first refusal. */
interface KeyLedger {
  served: number;
  refused: number;
  perWindow: number;
}

function ledger(): KeyLedger[] {
  const byKey = new Map<string, Call[]>();
  for (const call of relay.upstream.ledger.calls)
    byKey.set(call.credential, [...(byKey.get(call.credential) ?? []), call]);
  return [...byKey.values()].map((calls) => {
    const refusals = calls.filter(({ status }) => status === 429);
    const begun = refusals[0]?.endedAt ?? Infinity;
    const later = calls.filter(({ at }) => at > begun);
    const inWindow = later.map(({ at }) =>
      later.filter((it) => it.at >= at && it.at < at + WINDOW),
    );
    return {
      served: calls.length - refusals.length,
      refused: refusals.length,
      perWindow: Math.max(0, ...inWindow.map((window) => window.length)),
    };
  });
}

const sum = (values: number[]): number => values.reduce((total, value) => total + value, 0);

/** An upstream that serves 10 calls in 5 s with each key, answers after `delay` ms, and refuses at once until the window is over. */
function scriptHonest(delay: number): void {
  const windows = new Map<string, { until: number; used: number }>();
  const decide = (_: unknown, credential: string): Behaviour => {
    const now = relay.clock.now();
    let window = windows.get(credential);
    if (!window || window.until <= now)
      windows.set(credential, (window = { until: now + WINDOW, used: 0 }));
    if (window.used++ < 10) return { delay };
    return { refuse: { kind: "rate-limit", wait: window.until - now } };
  };
  relay.upstream.script({ then: decide });
}

describe.each([1, 3, 20])("F8 with %i keys at 200 requests/s", (count) => {
  it.each([0, 3_000])(
    "calls an upstream that always refuses and states 5 s at most twice a window and key; a refusal takes %i ms",
    async (delay) => {
      await start({ count, streaming: { firstByteTimeout: 2 * MINUTE } });
      relay.upstream.script({ then: { refuse: { kind: "rate-limit", wait: WINDOW }, delay } });
      await load(20_000);
      const keys = ledger();
      expect(keys).toHaveLength(count);
      for (const { perWindow } of keys) expect(perWindow).toBeLessThanOrEqual(2);
    },
  );

  it.each([0, 2_000, MINUTE])(
    "uses 80 percent of an upstream that serves 10 in 5 s, and is refused no more often than served; an answer takes %i ms",
    async (delay) => {
      await start({ count, streaming: { firstByteTimeout: 2 * MINUTE } });
      scriptHonest(delay);
      await load(20_000);
      const keys = ledger();
      const [served, refused] = [
        sum(keys.map((it) => it.served)),
        sum(keys.map((it) => it.refused)),
      ];
      expect(served).toBeGreaterThanOrEqual(0.8 * 10 * (20_000 / WINDOW) * count);
      expect(refused).toBeLessThanOrEqual(served);
    },
  );
});

describe("F8 requests that wait for one key", () => {
  const total = (): number => relay.upstream.ledger.total;

  /** One key is limited for 5 s, and further requests wait for it; the upstream holds back every later answer. */
  async function startWaiting(count: number, options?: UnderTestOptions): Promise<void> {
    await start({ count: 1, ...options });
    relay.upstream.script(
      { when: { first: 1 }, then: { refuse: { kind: "rate-limit", wait: WINDOW } } },
      { then: { stall: "before-headers" } },
    );
    ask();
    await untilQuiet();
    for (let nth = 1; nth < count; nth++) ask();
    await untilQuiet();
    expect(relay.relay.status().requests).toMatchObject({ open: count, waiting: count });
    expect(total()).toBe(1);
  }

  it("gives the place of a client that has left to the next", async () => {
    await startWaiting(1);
    const client = new AbortController();
    const gone = relay.chat({ signal: client.signal }).catch(() => "gone");
    await untilQuiet();
    leaving.abort();
    leaving = createLeaving();
    await untilQuiet();
    for (let nth = 0; nth < 3; nth++) ask();
    await untilQuiet();
    await relay.clock.advance(WINDOW);
    await relay.upstream.ledger.until((ledger) => ledger.total === 2);
    await untilQuiet();
    expect(total()).toBe(2);
    client.abort();
    await gone;
    await relay.upstream.ledger.until((ledger) => ledger.total === 3);
    await untilQuiet();
    expect(total()).toBe(3);
  });

  it("gives the place of a request that has timed out to the next", async () => {
    await startWaiting(3, {
      streaming: { firstByteTimeout: 700 },
      limits: { maxAttempts: 2, maxWait: 20_000 },
    });
    await relay.clock.advance(WINDOW);
    await untilQuiet();
    expect(total()).toBe(2);
    await relay.clock.advance(700);
    await relay.upstream.ledger.until((ledger) => ledger.total === 3);
    await untilQuiet();
    expect(total()).toBe(3);
  });

  it("ends with every count at zero", async () => {
    await startWaiting(12, { streaming: { firstByteTimeout: 2 * MINUTE } });
    for (const count of [2, 4, 8, 13]) {
      await relay.clock.advance(count === 2 ? WINDOW : 1_000);
      await untilQuiet();
      expect(total()).toBe(count);
    }
    relay.upstream.release();
    await untilQuiet();
    expect(relay.relay.status().requests).toMatchObject({ open: 0, waiting: 0 });
    expect(relay.relay.status().credentials).toMatchObject([{ inFlight: 0 }]);
  });

  it("wakes requests that this key has refused before, too", async () => {
    await start({ count: 1 });
    relay.upstream.script(
      { when: { first: 7 }, then: { refuse: { kind: "rate-limit", wait: WINDOW } } },
      { then: { stall: "before-headers" } },
    );
    for (let nth = 0; nth < 7; nth++) ask();
    await untilQuiet();
    expect([total(), relay.relay.status().requests.waiting]).toEqual([7, 7]);
    await relay.clock.advance(WINDOW);
    for (const count of [1, 3, 7]) {
      await untilQuiet();
      expect(total()).toBe(7 + count);
      relay.upstream.release();
    }
    await untilQuiet();
    expect(relay.relay.status().requests).toMatchObject({ open: 0, waiting: 0 });
  });

  it("shows in a route why a key is closed to others", async () => {
    await startWaiting(2);
    await relay.clock.advance(WINDOW);
    await untilQuiet();
    const [decision] = relay.relay.explain({
      path: "/chat/completions",
      body: { model: "gpt-4o" },
    });
    expect(decision?.candidates[0]).toMatchObject({ skipped: { why: "trial" } });
  });
});
