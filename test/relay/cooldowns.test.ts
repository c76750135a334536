import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, describe, expect, it } from "vitest";
import type { Behaviour, RefusalKind, When } from "../../simulator/index.ts";
import {
  type RelayUnderTest,
  secretOf,
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

const callsBy = (): string[] => relay.upstream.ledger.calls.map(({ credential }) => credential);
const cooldowns = () => relay.relay.status().cooldowns;
const refuse = (kind: RefusalKind, when: When = {}): void =>
  relay.upstream.script({ when, then: { refuse: kind } });
/** A quota of one model is used up; `wait` in ms is stated where it is given. */
const quota = (wait?: number): Behaviour => ({
  reply: {
    status: 429,
    headers: {
      "content-type": "application/json",
      ...(wait && { "retry-after": `${wait / 1_000}` }),
    },
    body: JSON.stringify({ error: { message: "The quota of this model is exhausted." } }),
  },
});
const exhaust = (when: When = {}, wait?: number): void =>
  relay.upstream.script({ when, then: quota(wait) });
const ask = async (model?: string): Promise<number> => {
  const response = await relay.chat({ model });
  await response.arrayBuffer();
  return response.status;
};

describe("keys", () => {
  it("D1 D5 limits a model on one credential: it still serves other models, and the others still serve the model", async () => {
    await start({ count: 2 });
    exhaust({ credential: "c1", model: "gpt-4o" }, 5 * HOUR);
    for (const model of ["gpt-4o", "gpt-4.1", "gpt-4.1", "gpt-4o"])
      expect(await ask(model)).toBe(200);
    expect(relay.upstream.ledger.byCredential("gpt-4.1")).toEqual({ c1: 1, c2: 1 });
    expect(relay.upstream.ledger.byCredential("gpt-4o")).toEqual({ c1: 1, c2: 2 });
    expect(cooldowns()).toHaveLength(1);
  });

  it("D2 shares a limit among the models of a family, whatever their case, and with no others", async () => {
    await start({ count: 1, limits: { families: { "gemini-2.5*": "Gemini-2.5" } } });
    exhaust({ model: "gemini-2.5-pro" }, HOUR);
    expect(await ask("gemini-2.5-pro")).toBe(429);
    expect(await ask("Gemini-2.5-Flash")).toBe(429);
    expect(await ask("gemini-1.5-pro")).toBe(200);
    expect(callsBy()).toHaveLength(2);
    expect(cooldowns().map(({ family }) => family)).toEqual(["gemini-2.5"]);
  });

  it("D4 reopens two models at exactly their own times", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    exhaust({ model: "a", first: 1 }, 30_000);
    expect(await ask("a")).toBe(429);
    relay.upstream.script({
      when: { model: "b", first: 1 },
      then: quota(MINUTE),
    });
    expect(await ask("b")).toBe(429);
    const both = async () => [await ask("a"), await ask("b")];
    await relay.clock.advance(29_999);
    expect(await both()).toEqual([429, 429]);
    await relay.clock.advance(1);
    expect(await both()).toEqual([200, 429]);
    await relay.clock.advance(30_000);
    expect(await both()).toEqual([200, 200]);
  });

  it("D3 closes all models of a credential for a limit of the whole account", async () => {
    await start({ count: 2 });
    const refuse = {
      kind: "rate-limit",
      wait: HOUR,
      message: "Too many requests for your account; slow down.",
    } as const;
    relay.upstream.script({ when: { credential: "c1" }, then: { refuse } });
    expect(await ask("a")).toBe(200);
    expect(await ask("b")).toBe(200);
    expect(await ask("c")).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2", "c2", "c2"]);
    expect(cooldowns()).toMatchObject([{ credential: "c1", family: "*", retryAfter: 3_600 }]);
  });
});

describe("incidents", () => {
  it("C6 D6 counts ten concurrent refusals as one, and none of them changes its end", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    relay.upstream.script({ when: {}, then: { stall: "before-headers", ...quota() } });
    const answers = Array.from({ length: 10 }, () => relay.chat());
    await relay.upstream.ledger.until(({ total }) => total === 10);
    await relay.clock.advance(500);
    relay.upstream.release();
    for (const answer of answers) expect((await answer).status).toBe(429);
    expect(cooldowns()).toMatchObject([{ incidents: 1, retryAfter: 60 }]);
  });

  it("C6 D6 ignores a refusal that arrives long after, for a request sent before", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    relay.upstream.script(
      {
        when: { nth: 1 },
        then: { stall: "before-headers", ...quota(5 * HOUR) },
      },
      { when: { nth: 1 }, then: quota() },
    );
    const late = relay.chat({ stream: false });
    await relay.upstream.ledger.until(({ total }) => total === 1);
    await relay.clock.advance(5);
    expect(await ask()).toBe(429);
    await relay.clock.advance(40_000);
    relay.upstream.release();
    expect((await late).status).toBe(429);
    expect(cooldowns()).toMatchObject([{ incidents: 1, retryAfter: 20 }]);
    await relay.clock.advance(20_000);
    expect(await ask()).toBe(200);
  });

  it("C5 C7 climbs 60, 300, 1,800, 7,200 s, and starts again after a success on that key only", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    exhaust({ model: "a", first: 5 });
    for (const wait of [60, 300, 1_800, 7_200, 7_200]) {
      expect(await ask("a")).toBe(429);
      expect(cooldowns().find(({ family }) => family === "a")?.retryAfter).toBe(wait);
      // A success of another model on the same credential says nothing about this one.
      expect(await ask("b")).toBe(200);
      await relay.clock.advance(wait * 1_000);
    }
    expect(await ask("a")).toBe(200);
    exhaust({ model: "a" });
    expect(await ask("a")).toBe(429);
    expect(cooldowns()[0]?.retryAfter).toBe(60);
  });

  it("C7 is not climbed by server failures, and starts again an hour after the cooldown's end", async () => {
    await start({ count: 1, limits: { maxWait: 0, maxAttempts: 1 } });
    exhaust({ first: 1 });
    expect(await ask()).toBe(429);
    await relay.clock.advance(MINUTE);
    relay.upstream.script(
      { when: { first: 3 }, then: { refuse: "server-error" } },
      { when: { first: 1 }, then: quota() },
    );
    for (let times = 0; times < 3; times++) expect(await ask()).toBeGreaterThanOrEqual(500);
    expect(await ask()).toBe(429);
    expect(cooldowns()[0]?.retryAfter).toBe(300);
    await relay.clock.advance(300_000 + HOUR);
    exhaust();
    expect(await ask()).toBe(429);
    expect(cooldowns()[0]?.retryAfter).toBe(60);
  });

  it("C4 replaces a stated wait by the backoff when the same refusal follows it directly", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    exhaust({}, 5_000);
    const waits: number[] = [];
    for (let times = 0; times < 3; times++) {
      expect(await ask()).toBe(429);
      waits.push(cooldowns()[0]!.retryAfter);
      await relay.clock.advance(waits.at(-1)! * 1_000);
    }
    expect(waits).toEqual([5, 300, 1_800]);
  });
});

describe("at once", () => {
  it("D7 makes no call on a key from the refusal until its end", async () => {
    await start({ count: 2 });
    relay.upstream.script({
      when: { credential: "c1", first: 1 },
      then: { refuse: { kind: "rate-limit", wait: 30_000 } },
    });
    for (let times = 0; times < 5; times++) expect(await ask()).toBe(200);
    await relay.clock.advance(29_999);
    expect(await ask()).toBe(200);
    expect(callsBy()).toEqual(["c1", "c2", "c2", "c2", "c2", "c2", "c2"]);
    await relay.clock.advance(1);
    await ask();
    await ask();
    expect(callsBy().slice(7)).toContain("c1");
  });

  it("D5 opens a key by a success that was sent after its refusal, and by none that was sent before", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    relay.upstream.script(
      { when: { nth: 1 }, then: { stall: "before-headers" } },
      { when: { nth: 1 }, then: { refuse: { kind: "rate-limit", wait: 30_000 } } },
    );
    const early = relay.chat();
    await relay.upstream.ledger.until(({ total }) => total === 1);
    await relay.clock.advance(5);
    expect(await ask()).toBe(429);
    relay.upstream.release();
    expect((await early).status).toBe(200);
    expect(await ask()).toBe(429);
    expect(relay.upstream.ledger.total).toBe(2);
  });
});

describe("disabled", () => {
  it("F1 F5 disables on a refused key, and on no limit or invalid request, even when configured", async () => {
    await start({
      count: 2,
      limits: { disableOn: ["UNAUTHENTICATED", "QUOTA_EXHAUSTED", "INVALID_REQUEST"] },
    });
    const disabled = (): string[] =>
      relay.relay
        .status()
        .credentials.filter((it) => it.disabled)
        .map(({ id }) => id);
    expect(
      relay.lines.some(({ level, message }) => level === "warn" && message.includes("disableOn")),
    ).toBe(true);
    refuse("bad-request");
    expect(await ask()).toBe(400);
    exhaust({ first: 1 }, 5_000);
    expect(await ask("b")).toBe(200);
    expect(disabled()).toEqual([]);
    refuse("unauthenticated", { credential: "c1" });
    for (const model of ["c", "d", "e"]) expect(await ask(model)).toBe(200);
    expect(disabled()).toEqual(["c1"]);
    expect(
      relay.upstream.ledger.calls.filter(
        ({ status, credential }) => status === 401 && credential === "c1",
      ),
    ).toHaveLength(1);
  });

  it("F5 F3 a credential that an operator disabled serves again when enabled; its limits stay", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    exhaust({ model: "a" }, HOUR);
    await ask("a");
    relay.relay.credentials.disable("c1");
    expect(await ask("b")).toBe(503);
    relay.relay.credentials.enable("c1");
    expect(await ask("b")).toBe(200);
    expect(await ask("a")).toBe(429);
  });
});

describe("after a restart", () => {
  it("A1 does not change the state of the others when the second of three is removed", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    await start({ count: 3, storage });
    exhaust({ credential: ["c1", "c3"] }, 5 * HOUR);
    for (let times = 0; times < 2; times++) expect(await ask()).toBe(200);
    // Two turns of the loop write what is written at once.
    await relay.clock.advance(2_000);
    const { clock } = relay;
    await relay.close();
    const left = ["c1", "c3", "c4"].map((id) => ({ id, apiKey: secretOf(id) }));
    await start({ credentials: left, storage, clock });
    for (let times = 0; times < 3; times++) expect(await ask()).toBe(200);
    expect(new Set(relay.upstream.ledger.calls.map(({ secret }) => secret))).toEqual(
      new Set([secretOf("c4")]),
    );
    expect(
      cooldowns()
        .map(({ credential }) => credential)
        .toSorted(),
    ).toEqual(["c1", "c3"]);
  });

  it("K12 neither closes for ever nor opens early by the record of an instance whose clock is an hour ahead", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    await start({ count: 1, storage, limits: { maxWait: 0 } });
    await relay.clock.advance(HOUR);
    exhaust({ first: 1 }, 10 * MINUTE);
    expect(await ask()).toBe(429);
    await relay.clock.advance(2_000);
    await relay.close();
    await start({ count: 1, storage, limits: { maxWait: 0 } });
    expect(cooldowns()[0]?.retryAfter).toBe(600);
    await relay.clock.advance(10 * MINUTE - 1);
    expect(await ask()).toBe(429);
    await relay.clock.advance(1);
    expect(await ask()).toBe(200);
  });
});
