/** Clients that leave, in every phase of a request, on both sinks; measured in real time. */
import type { Behaviour } from "../../simulator/index.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createRealClock } from "../support/real-clock.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { createUnreachable, type Unreachable } from "../support/unreachable.ts";
import { arrived, reader, standstill } from "../support/streaming.ts";
import { soon } from "../support/load.ts";

/** I4: time within which an upstream is closed after its client has left, in ms. */
const SOON = 100;

describe.each<[string, Pick<UnderTestOptions, "sink" | "transport">]>([
  ["Node's sink, undici", { sink: "node" }],
  ["the web sink, fetch", { sink: "web", transport: "fetch" }],
])("%s", (_name, how) => {
  let relay: RelayUnderTest;
  let noise: string[];
  let quiet: () => void;
  let gone: AbortController;
  let far: Unreachable | undefined;

  beforeEach(() => {
    noise = [];
    gone = new AbortController();
    quiet = listenForNoise(noise);
  });
  afterEach(async () => {
    await relay.close();
    await far?.close();
    far = undefined;
    quiet();
    expect(noise).toEqual([]);
    const expected =
      /^every client that reaches this relay|^relay →|^upstream default .* failed with status| cools down for |durations are in milliseconds/;
    const loud = relay.lines.filter(({ level }) => level !== "debug");
    expect(loud.filter(({ message }) => !expected.test(message))).toEqual([]);
  });

  async function start(then: Behaviour, options: UnderTestOptions = {}): Promise<void> {
    relay = await startRelay({ ...how, clock: createRealClock(), ...options });
    relay.upstream.script({ then });
  }

  function leave(): number {
    gone.abort();
    return performance.now();
  }

  /** The conditions after a client has left. */
  async function expectGone(leftAt: number, reason: string, calls: number): Promise<void> {
    const end = await relay.ended();
    expect(performance.now() - leftAt).toBeLessThan(soon(SOON));
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    for (const call of relay.upstream.ledger.calls.filter((one) => one.end === "client closed"))
      expect(call.timing.closed! - leftAt).toBeLessThan(soon(SOON));
    expect(relay.upstream.ledger.total).toBe(calls);
    expect(end).toMatchObject({ reason, clientPresent: false });
    expect(relay.ends).toHaveLength(1);
    const { credentials, cooldowns } = relay.relay.status();
    expect(cooldowns).toEqual([]);
    expect(credentials.map(({ inFlight }) => inFlight)).toEqual(credentials.map(() => 0));
    expect(credentials.every(({ disabled }) => disabled === undefined)).toBe(true);
    expect(linesAbout(relay, end.requestId)).toHaveLength(1);
  }

  // A response without a reference is collected, and its connection closed with it.
  const held: Promise<Response>[] = [];
  function ask(more: Parameters<RelayUnderTest["chat"]>[0] = {}): void {
    const answer = relay.chat({ signal: gone.signal, ...more });
    held.push(answer);
    answer.catch(() => {});
  }

  it("I4 I5 while it waits for a limited credential", async () => {
    await start(
      { refuse: { kind: "rate-limit", wait: 60_000 } },
      { count: 1, limits: { maxWait: 600_000 } },
    );
    ask();
    await relay.upstream.ledger.until(({ total, inFlight }) => total === 1 && inFlight === 0);
    await arrived(relay, () => relay.relay.status().credentials[0]!.inFlight === 0);
    const at = leave();
    await relay.ended();
    expect(performance.now() - at).toBeLessThan(soon(SOON));
    expect(relay.ends[0]).toMatchObject({ reason: "client_gone_before_first", attempts: 1 });
    expect(relay.upstream.ledger.total).toBe(1);
  });

  it("I4 I5 while it waits for the pause between two attempts", async () => {
    await start({ refuse: "server-error" }, { count: 1 });
    ask();
    await relay.upstream.ledger.until(({ total, inFlight }) => total === 1 && inFlight === 0);
    await arrived(relay, () => relay.relay.status().credentials[0]!.inFlight === 0);
    const at = leave();
    await relay.ended();
    expect(performance.now() - at).toBeLessThan(soon(SOON));
    expect(relay.ends[0]).toMatchObject({ reason: "client_gone_before_first", attempts: 1 });
    expect(relay.upstream.ledger.total).toBe(1);
  });

  it("I4 I5 while the upstream is being connected to", async () => {
    far = await createUnreachable();
    await start({}, { upstream: { baseURL: `${far.url}/v1` } });
    ask();
    await arrived(relay, () =>
      relay.relay.status().credentials.some(({ inFlight }) => inFlight > 0),
    );
    await expectGone(leave(), "client_gone_before_first", 0);
  });

  it.each<[string, Behaviour]>([
    ["before the upstream's head", { stall: "before-headers" }],
    ["before the first event", { stall: "after-headers" }],
    ["before the first payload", { stall: "after-lifecycle" }],
  ])("I4 I5 %s", async (_when, then) => {
    await start(then);
    ask();
    await relay.upstream.ledger.next(({ stalled }) => stalled);
    await expectGone(leave(), "client_gone_before_first", 1);
  });

  it("I4 I5 while only heartbeats have come", async () => {
    await start({ stall: "before-headers" }, { streaming: { commitAfter: 1, heartbeat: 5 } });
    const response = await relay.chat({ signal: gone.signal });
    const read = reader(response);
    await read.until(2, (text) => text.split(": ping").length);
    read.rest().catch(() => {});
    await expectGone(leave(), "client_gone_before_first", 1);
  });

  it.each([true, false])("I4 I5 in the middle of a body (stream: %s)", async (stream) => {
    await start(
      stream
        ? { stall: { afterEvents: 3 } }
        : { bodyBytes: 300_000, stall: { afterBytes: 200_000 } },
    );
    const response = await relay.chat({ signal: gone.signal, stream });
    const read = reader(response);
    await read.until(3, stream ? undefined : (text) => text.length);
    read.rest().catch(() => {});
    await relay.upstream.ledger.next(({ stalled }) => stalled);
    await expectGone(leave(), "client_gone_mid", 1);
  });

  it("I4 I5 I10 while it reads slowly: the upstream had been paused, and is closed", async () => {
    await start({ bodyBytes: 200_000_000, eventBytes: 50_000 });
    const response = await relay.chat({ signal: gone.signal });
    const [call] = relay.upstream.ledger.calls;
    await standstill(() => call!.bytes);
    // The capacity of the kernel's buffers on both sides, and no more.
    expect(call!.bytes).toBeLessThan(30_000_000);
    const before = call!.bytes;
    await standstill(() => call!.bytes);
    expect(call!.bytes).toBe(before);
    void response;
    await expectGone(leave(), "client_gone_mid", 1);
  });

  it("I4 I16 has received its response where it leaves after the terminal event", async () => {
    await start({ holdOpen: true });
    const response = await relay.chat({ signal: gone.signal });
    const read = reader(response);
    await read.until(1, (text) => text.split("[DONE]").length - 1);
    leave();
    expect(await relay.ended()).toMatchObject({ reason: "completed" });
    await relay.clock.settle();
    expect(relay.ends).toHaveLength(1);
  });

  it("I4 makes no call for a client that left before its request started", async () => {
    let admit = (): void => {};
    const asked = new Promise<void>((resolve) => (admit = resolve));
    let ask_ = (): void => {};
    const asking = new Promise<void>((resolve) => (ask_ = resolve));
    await start({}, { authorize: async () => (ask_(), await asked, "somebody") });
    ask();
    await asking;
    leave();
    await relay.ended();
    admit();
    await relay.clock.settle();
    expect(relay.upstream.ledger.total).toBe(0);
  });

  it("I4 I5 forty at once, in every phase: all upstreams closed, each request settled once", async () => {
    await start({}, { count: 4 });
    relay.upstream.script(
      { when: { model: "m0" }, then: { stall: "before-headers" } },
      { when: { model: "m1" }, then: { stall: "after-lifecycle" } },
      { when: { model: "m2" }, then: { stall: { afterEvents: 2 } } },
      { when: { model: "m3" }, then: { bodyBytes: 20_000_000, eventBytes: 50_000 } },
    );
    const clients = Array.from({ length: 40 }, () => new AbortController());
    for (const [nth, { signal }] of clients.entries()) ask({ model: `m${nth % 4}`, signal });
    await relay.upstream.ledger.until(({ calls }) => calls.length === 40);
    await relay.upstream.ledger.until(
      ({ calls }) => calls.filter(({ stalled }) => stalled).length === 30,
    );
    for (const client of clients) client.abort();
    await relay.ended(40);
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(relay.ends).toHaveLength(40);
    expect(new Set(relay.ends.map(({ requestId }) => requestId)).size).toBe(40);
    expect(relay.upstream.ledger.total).toBe(40);
  });
});

function linesAbout({ lines }: RelayUnderTest, id: string): unknown[] {
  return lines.filter(
    ({ message }) => message.includes(`request ${id}: `) && !message.includes("attempt "),
  );
}

/** Collects everything that an operator would notice; returns a function that removes the listeners. */
function listenForNoise(noise: string[]): () => void {
  const note = (what: unknown): void => void noise.push(String(what));
  const spies = (["log", "info", "warn", "error", "debug", "trace"] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation(note),
  );
  process.on("unhandledRejection", note);
  process.on("warning", note);
  return () => {
    for (const spy of spies) spy.mockRestore();
    process.off("unhandledRejection", note);
    process.off("warning", note);
  };
}
