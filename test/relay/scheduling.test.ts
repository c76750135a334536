import { afterEach, describe, expect, it } from "vitest";
import type { CommonCredential, CredentialOptions } from "../../src/options/credential-types.ts";
import type { Behaviour } from "../../simulator/index.ts";
import {
  type ChatOptions,
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const HOUR = 3_600_000;

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options?: UnderTestOptions): Promise<void> {
  relay = await startRelay(options);
}

const limit = (wait: number): Behaviour => ({ refuse: { kind: "rate-limit", wait } });
const callsBy = (): string[] => relay.upstream.ledger.calls.map(({ credential }) => credential);
async function ask(options?: ChatOptions): Promise<number> {
  const response = await relay.chat(options);
  await response.arrayBuffer();
  return response.status;
}
const credentialsWith = (...more: Partial<CommonCredential>[]): CredentialOptions[] =>
  makeCredentials(more.length).map((it, at) => ({ ...it, ...more[at] }));
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await relay.clock.settle();
}

describe("rotation", () => {
  it("A2 serves nine calls with three credentials, three each, in order", async () => {
    await start({ count: 3 });
    for (let times = 0; times < 9; times++) expect(await ask()).toBe(200);
    expect(callsBy().join(" ")).toBe("c1 c2 c3 c1 c2 c3 c1 c2 c3");
  });

  it("A2 advances every k calls where configured", async () => {
    await start({ count: 2, scheduling: { rotateEvery: 100 } });
    for (let times = 0; times < 101; times++) await ask({ stream: true });
    expect(relay.upstream.ledger.byCredential()).toEqual({ c1: 100, c2: 1 });
  });

  it("A3 prefers the better tier, uses the next for the limited model only, and returns in time", async () => {
    await start({
      tiers: ["pro", "free"],
      credentials: credentialsWith({ tier: "free" }, { tier: "pro" }),
    });
    relay.upstream.script({
      when: { credential: "c2", model: "gpt-4o", first: 1 },
      then: limit(30_000),
    });
    expect(await ask()).toBe(200);
    expect(await ask()).toBe(200);
    expect(await ask({ model: "gpt-4.1" })).toBe(200);
    await relay.clock.advance(30_000);
    expect(await ask()).toBe(200);
    expect(callsBy()).toEqual(["c2", "c1", "c1", "c2", "c2"]);
  });

  it("A6 keeps a session on its credential and moves it when that is limited or disabled", async () => {
    await start({ count: 3, scheduling: { sessionKey: "x-session-id" } });
    const say = (session: string): Promise<number> => ask({ headers: { "x-session-id": session } });
    for (const session of ["s", "t", "s", "t", "s", "t"]) await say(session);
    expect(callsBy().join(" ")).toBe("c1 c2 c1 c2 c1 c2");
    relay.upstream.script({ when: { credential: "c1" }, then: limit(HOUR) });
    await say("s");
    await say("s");
    relay.relay.credentials.disable("c2");
    await say("t");
    expect(callsBy().slice(6).join(" ")).toBe("c1 c3 c3 c3");
  });

  it("A10 never uses a credential for a model that it does not serve; deny has priority", async () => {
    await start({
      credentials: credentialsWith(
        { models: { allow: ["gpt-*"], deny: ["*-mini"] } },
        { models: { allow: ["claude*"] } },
      ),
    });
    for (const model of ["gpt-4o", "gpt-4o", "claude-x", "GPT-4.1"])
      expect(await ask({ model })).toBe(200);
    expect(callsBy().join(" ")).toBe("c1 c1 c2 c1");
    expect(await ask({ model: "gpt-4o-mini" })).toBe(503);
    expect(await ask({ model: "gemini" })).toBe(503);
    expect(relay.upstream.ledger.total).toBe(4);
  });
});

describe("no credential available", () => {
  it.each([true, false])(
    "A14 answers 503 in JSON when all are disabled, with stream: %s",
    async (stream) => {
      await start({ count: 2 });
      for (const id of ["c1", "c2"]) relay.relay.credentials.disable(id);
      const response = await relay.chat({ stream });
      expect(response.status).toBe(503);
      expect(response.headers.get("content-type")).toContain("application/json");
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(await response.json()).toMatchObject({
        error: { code: "ERR_RELAY_NO_CREDENTIAL", upstream: "default", model: "gpt-4o" },
      });
      expect(relay.upstream.ledger.total).toBe(0);
    },
  );

  it("A14 reports this also while a shared limit applies", async () => {
    await start({ count: 1, limits: { maxWait: 0 } });
    relay.upstream.script({ when: {}, then: { refuse: "capacity" } });
    const answer = ask();
    await relay.upstream.ledger.until(({ total }) => total === 1);
    await settle();
    await relay.clock.advance(10_000);
    await answer;
    relay.relay.credentials.disable("c1");
    const response = await relay.chat();
    expect(await response.json()).toMatchObject({ error: { code: "ERR_RELAY_NO_CREDENTIAL" } });
  });
});

describe("slots", () => {
  const capped = (): Promise<void> => start({ credentials: credentialsWith({ maxInFlight: 1 }) });
  const inFlight = (): number => relay.relay.status().credentials[0]!.inFlight;

  it.each([
    ["success", {}],
    ["a refusal", { refuse: "bad-request" }],
    ["an error inside a 200", { error: { at: { afterEvents: 2 } } }],
    ["a cut in the middle of a stream", { cut: { afterEvents: 2 } }],
  ] as [string, Behaviour][])("A13 gives the slot back after %s", async (_, then) => {
    await capped();
    relay.upstream.script({ when: { first: 1 }, then });
    await ask();
    await relay.ended();
    expect(inFlight()).toBe(0);
    expect(await ask()).toBe(200);
  });

  it.each(["before-headers", { afterEvents: 2 }] as const)(
    "A13 gives the slot back when the client leaves at %j",
    async (stall) => {
      await capped();
      relay.upstream.script({ when: { first: 1 }, then: { stall } });
      const leaving = new AbortController();
      const answer = relay
        .chat({ signal: leaving.signal })
        .then((response) => response.arrayBuffer());
      const gone = expect(answer).rejects.toThrow();
      await relay.upstream.ledger.until(({ total }) => total === 1);
      expect(inFlight()).toBe(1);
      leaving.abort();
      await gone;
      await relay.ended();
      expect(inFlight()).toBe(0);
      expect(await ask()).toBe(200);
    },
  );

  it("A13 gives the slot back when sending throws", async () => {
    let isBroken = true;
    const broken: typeof fetch = (...args) => {
      if (isBroken) throw new Error("a transport that throws");
      return fetch(...args);
    };
    await start({ credentials: credentialsWith({ maxInFlight: 1 }), fetch: broken });
    const sent = ask();
    await relay.clock.advance(60_000);
    expect(await sent).toBeGreaterThanOrEqual(500);
    expect(inFlight()).toBe(0);
    isBroken = false;
    expect(await ask()).toBe(200);
  });
});

describe("many at a time", () => {
  it("A13 D7 F5 serves 100 requests, 10 at a time, and never on a cooling, disabled or full credential", async () => {
    const wrong: string[] = [];
    const sent: string[] = [];
    const watching: typeof fetch = (input, init) => {
      const secret = new Headers(init?.headers).get("authorization")!.slice("Bearer ".length);
      const { model } = JSON.parse(new TextDecoder().decode(init!.body as Uint8Array)) as {
        model: string;
      };
      sent.push(secret);
      wrong.push(...complaints(secret, model));
      return fetch(input, init);
    };
    await start({
      credentials: credentialsWith(...Array.from({ length: 6 }, () => ({ maxInFlight: 3 }))),
      fetch: watching,
      limits: { maxWait: 600_000, maxAttempts: 3 },
    });
    relay.upstream.script(
      { when: { probability: 0.2 }, then: limit(20_000) },
      { when: { probability: 0.1, model: "m-1" }, then: limit(90_000) },
      { when: { probability: 0.1 }, then: { refuse: "server-error" } },
    );

    /** The objections of the status, read in the same turn as sending, against this credential. */
    function complaints(secret: string, model: string): string[] {
      const { credentials, cooldowns } = relay.relay.status();
      const it = credentials.find(({ id }) => secretOf(id) === secret)!;
      const closing = cooldowns.filter(
        ({ credential, family }) =>
          [it.id, "*"].includes(credential) && [model, "*"].includes(family),
      );
      return [
        ...(it.disabled ? [`${it.id} is disabled`] : []),
        ...(it.inFlight > 3 ? [`${it.id} carries ${it.inFlight}`] : []),
        ...closing.map(({ reason }) => `${it.id} is closed for ${model}: ${reason}`),
      ];
    }

    let left = 100;
    const statuses: number[] = [];
    const worker = async (): Promise<void> => {
      while (left-- > 0) statuses.push(await ask({ model: `m-${left % 3}` }));
    };
    const all = Promise.all(Array.from({ length: 10 }, worker));
    let isDone = false;
    void all.then(() => (isDone = true));
    for (let turn = 0; !isDone; turn++) {
      const id = `c${(turn % 6) + 1}`;
      if (turn % 7 === 0) relay.relay.credentials.disable(id);
      if (turn % 7 === 4)
        for (const one of ["c1", "c2", "c3", "c4", "c5", "c6"]) relay.relay.credentials.enable(one);
      if (turn % 11 === 10) relay.relay.credentials.clear(id);
      await settle();
      await relay.clock.advance(1_000);
    }
    await all;
    expect(wrong).toEqual([]);
    expect(statuses).toHaveLength(100);
    expect(sent).toHaveLength(relay.upstream.ledger.total);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(50);
    expect(relay.relay.status().credentials.map(({ inFlight }) => inFlight)).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    expect(relay.relay.status().requests).toMatchObject({ open: 0, waiting: 0 });
  });
});
