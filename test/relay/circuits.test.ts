import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour } from "../../simulator/index.ts";
import { createSimulator } from "../../simulator/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const once = { maxAttempts: 1, perCaller: { concurrent: false } } as const;
const start = async (options?: UnderTestOptions): Promise<void> => {
  relay = await startRelay({ limits: once, ...options });
};
const total = (): number => relay.upstream.ledger.total;
const script = (then: Behaviour): void => relay.upstream.script({ then });
const answer = async (): Promise<{ status: number; code: unknown; retryAfter: string | null }> => {
  const response = await relay.chat();
  const text = await response.text();
  const code = response.ok ? undefined : JSON.parse(text).error?.code;
  return { status: response.status, code, retryAfter: response.headers.get("retry-after") };
};
const ask = async (): Promise<number> => (await answer()).status;
const askInTurn = async (count: number): Promise<number[]> => {
  const statuses: number[] = [];
  while (statuses.length < count) statuses.push(await ask());
  return statuses;
};
/** Paths of the calls so far. */
const bases = (): string[] => relay.upstream.ledger.calls.map(({ path }) => path.split("/v1")[0]!);

describe("a circuit", () => {
  it("F2 answers 503 without a call after five failures in a row over all credentials, for half a minute", async () => {
    await start({ count: 5 });
    script({ refuse: "server-error" });
    expect(await askInTurn(5)).toEqual([500, 500, 500, 500, 500]);
    expect(new Set(relay.upstream.ledger.calls.map(({ credential }) => credential)).size).toBe(5);
    expect(await answer()).toEqual({
      status: 503,
      code: "ERR_RELAY_UPSTREAM_DOWN",
      retryAfter: "30",
    });
    expect(total()).toBe(5);
    await relay.clock.advance(29_999);
    expect(await ask()).toBe(503);
    expect(total()).toBe(5);
    expect(
      relay.lines.filter(({ level }) => level === "warn").map(({ message }) => message),
    ).toContain(
      "circuit open: upstream default failed several times in a row (SERVER_ERROR); next attempt in 30 s",
    );
  });

  it("F2 F4 sends one probe when its time has passed, and closes for all requests when the probe has a payload", async () => {
    await start();
    script({ refuse: "server-error" });
    await askInTurn(5);
    script({ stall: "before-headers" });
    await relay.clock.advance(30_000);
    const trial = ask();
    await relay.upstream.ledger.until((ledger) => ledger.total === 6);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([503, 503, 503]);
    script({});
    relay.upstream.release();
    expect(await trial).toBe(200);
    expect(await askInTurn(3)).toEqual([200, 200, 200]);
    expect(relay.relay.status().circuits).toEqual([]);
  });

  it("F2 F4 is open for twice as long when the probe fails", async () => {
    await start();
    script({ refuse: "server-error" });
    await askInTurn(5);
    await relay.clock.advance(30_000);
    expect(await askInTurn(2)).toEqual([500, 503]);
    expect(relay.relay.status().circuits).toMatchObject([
      { upstream: "default", endpoint: 1, retryAfter: 60 },
    ]);
    await relay.clock.advance(59_999);
    expect(await ask()).toBe(503);
    script({});
    await relay.clock.advance(1);
    expect(await ask()).toBe(200);
    expect(total()).toBe(7);
  });

  it("F2 B8 does not count a limit, a refused key or an invalid request", async () => {
    await start({ count: 20 });
    for (const refuse of [
      "rate-limit",
      "unauthenticated",
      "bad-request",
      "server-error",
    ] as const) {
      script({ refuse });
      await askInTurn(4);
    }
    script({});
    expect(await ask()).toBe(200);
  });

  it("F2 I4 admits another probe when the client of the probe leaves", async () => {
    await start();
    script({ refuse: "server-error" });
    await askInTurn(5);
    script({ stall: "before-headers" });
    await relay.clock.advance(30_000);
    const leaving = new AbortController();
    const trial = relay.chat({ signal: leaving.signal }).catch(() => {});
    await relay.upstream.ledger.until((ledger) => ledger.total === 6);
    leaving.abort();
    await trial;
    await relay.ended(6);
    script({});
    expect(await ask()).toBe(200);
  });

  it("F2 D9 continues with a model of another upstream at once", async () => {
    const other = await createSimulator({ keys: { o: secretOf("o") } });
    await start({
      upstreams: {
        down: { baseURL: "http://127.0.0.1:1/v1", dialect: "openai" },
        other: { baseURL: `${other.url}/v1`, dialect: "openai" },
      },
      credentials: [
        { ...makeCredentials(1)[0]!, upstream: "down" },
        { id: "o", apiKey: secretOf("o"), upstream: "other" },
      ],
      models: { "gpt-4o": { upstream: "down", fallback: ["spare"] }, spare: { upstream: "other" } },
      limits: { maxAttempts: 2, perCaller: { concurrent: false } },
    });
    expect(await askInTurn(5)).toEqual([200, 200, 200, 200, 200]);
    const response = await relay.chat();
    await response.arrayBuffer();
    expect([
      response.headers.get("x-relay-model"),
      response.headers.get("x-relay-attempts"),
    ]).toEqual(["spare", "1"]);
    await other.close();
  });
});

describe("endpoints", () => {
  const startWithBackup = async (more: UnderTestOptions = {}): Promise<void> => {
    const keep = await createSimulator({
      keys: Object.fromEntries(makeCredentials(2).map(({ id, apiKey }) => [id, apiKey!])),
    });
    await start({
      keep,
      upstream: { backups: [`${keep.url}/backup/v1`] },
      limits: { perCaller: { concurrent: false } },
      ...more,
    });
  };
  afterEach(() => relay.upstream.close());
  const failing = (first: number, then: Behaviour): void =>
    relay.upstream.script({ when: { path: "/v1/*", first }, then });

  it.each<[string, Behaviour]>([
    ["a 500", { refuse: "server-error" }],
    ["a 524", { refuse: "html-524" }],
    ["a broken connection", { cut: "before-headers" }],
  ])("E11 continues at a backup at once after %s", async (_name, then) => {
    await startWithBackup();
    failing(1, then);
    const before = relay.clock.now();
    expect(await ask()).toBe(200);
    expect(bases()).toEqual(["", "/backup"]);
    expect(relay.clock.now()).toBe(before);
    expect(await ask()).toBe(200);
    expect(bases()).toEqual(["", "/backup", ""]);
  });

  it("E11 E1 stays inside the attempts of the request, and returns to the first", async () => {
    await startWithBackup();
    script({ refuse: "server-error" });
    const asked = ask();
    await relay.upstream.ledger.until((ledger) => ledger.total === 2 && ledger.inFlight === 0);
    await relay.clock.settle();
    await relay.clock.advance(1_000);
    expect(await asked).toBe(500);
    expect(bases()).toEqual(["", "/backup", ""]);
  });

  it("E11 B8 does not change for limits: another endpoint is no other quota", async () => {
    await startWithBackup({ limits: { maxWait: 0 } });
    script({ refuse: { kind: "rate-limit", wait: 30_000 } });
    expect(await ask()).toBe(429);
    expect(bases()).toEqual(["", ""]);
  });

  it("E11 F2 skips a failing endpoint and uses its backup first, until a probe succeeds", async () => {
    await startWithBackup();
    failing(5, { refuse: "server-error" });
    expect(await askInTurn(7)).toEqual(Array(7).fill(200));
    expect(bases().slice(10)).toEqual(["/backup", "/backup"]);
    await relay.clock.advance(30_000);
    expect(await askInTurn(2)).toEqual([200, 200]);
    expect(bases().slice(12)).toEqual(["", ""]);
  });
});

it("F2 E14 handles a minute of outage at 1,000 requests a second with hardly a call, and its end without a peak", async () => {
  await start({ count: 20, limits: { perCaller: { concurrent: false } }, sink: "web" });
  script({ refuse: "server-error" });
  const statuses = new Map<number, number>();
  let asked = 0;
  let open = 0;
  const tick = async (count: number, pause: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      asked++;
      open++;
      void relay.relay
        .fetch(
          new Request("http://relay.test/chat/completions", {
            method: "POST",
            body: JSON.stringify({ model: "gpt-4o", stream: true, messages: [] }),
          }),
          { mount: "/" },
        )
        .then(async (response) => {
          await response.arrayBuffer();
          statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
          open--;
        });
    }
    await relay.clock.advance(pause);
    await relay.upstream.ledger.until((ledger) => ledger.inFlight === 0);
    await relay.clock.settle();
  };
  for (let step = 0; step < 600; step++) await tick(100, 100);
  const outage = { asked, calls: total() };
  expect(outage.asked).toBe(60_000);
  expect(outage.calls).toBeLessThanOrEqual(1.2 * outage.asked);
  // Far below the budget: one call per probe once the circuit is open.
  expect(outage.calls).toBeLessThan(300);
  script({});
  statuses.clear();
  let peak = 0;
  for (let step = 0; step < 1_300; step++) {
    const before = total();
    await tick(10, 100);
    peak = Math.max(peak, total() - before);
  }
  expect(peak).toBeLessThanOrEqual(10);
  expect(await ask()).toBe(200);
  expect(open).toBe(0);
}, 240_000);
