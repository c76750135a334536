/** What happens to a response when its client leaves (I12), on both sinks; the upstream's ledger shows who closed the call. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { arrived, reader } from "../support/streaming.ts";

type Streaming = NonNullable<UnderTestOptions["streaming"]>;

/** A response that continues long after its client has left, and ends with its counts. */
const USAGE = { stream_options: { include_usage: true } };
const LONG = { events: 12, interval: 10 };

describe.each<[string, Pick<UnderTestOptions, "sink" | "transport">]>([
  ["Node's sink, undici", { sink: "node" }],
  ["the web sink, fetch", { sink: "web", transport: "fetch" }],
])("%s", (_name, how) => {
  let relay: RelayUnderTest;
  let gone: AbortController;

  beforeEach(() => void (gone = new AbortController()));
  afterEach(() => relay.close());

  async function start(streaming: Streaming, more: UnderTestOptions = {}): Promise<void> {
    relay = await startRelay({ ...how, streaming, ...more });
  }

  /** Opens a stream, reads one event, and leaves. */
  async function leaveMidway(events = 1): Promise<void> {
    const response = await relay.chat({ signal: gone.signal, body: USAGE });
    const read = reader(response);
    await read.until(events);
    read.rest().catch(() => {});
    gone.abort();
  }

  function expectNoPenalty(): void {
    const { credentials, cooldowns } = relay.relay.status();
    expect(cooldowns).toEqual([]);
    expect(credentials.every(({ inFlight, disabled }) => inFlight === 0 && !disabled)).toBe(true);
    expect(relay.ends).toHaveLength(1);
  }

  it("I12 I17 drain reads the rest for its counts", async () => {
    await start({ onDisconnect: "drain" });
    relay.upstream.script({ then: LONG });
    await leaveMidway();
    expect(await relay.ended()).toMatchObject({
      reason: "client_gone_mid",
      clientPresent: false,
      usage: { outputTokens: expect.any(Number) as number },
      usageStatus: "reported",
    });
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(relay.upstream.ledger.calls.map(({ end }) => end)).toEqual(["completed"]);
    expectNoPenalty();
  });

  it("I12 I16 drain ends at its limit of bytes", async () => {
    await start({ onDisconnect: "drain", drainBytes: 2_000 });
    relay.upstream.script({ then: { bodyBytes: 200_000_000, eventBytes: 1_000 } });
    await leaveMidway();
    expect(await relay.ended()).toMatchObject({ reason: "drain_limit", usageStatus: "none" });
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(relay.upstream.ledger.calls.map(({ end }) => end)).toEqual(["client closed"]);
    expectNoPenalty();
  });

  it("I12 I16 drain ends at its limit of time", async () => {
    await start({ onDisconnect: "drain", drainTimeout: 7_000 });
    relay.upstream.script({ then: { stall: { afterEvents: 3 } } });
    await leaveMidway();
    await arrived(relay, () => relay.relay.status().credentials.some((one) => one.inFlight > 0));
    await leftIsKnown();
    await relay.clock.advance(6_999);
    expect(relay.ends).toEqual([]);
    await relay.clock.advance(1);
    expect(await relay.ended()).toMatchObject({ reason: "drain_limit", clientPresent: false });
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expectNoPenalty();
  });

  /** The relay notices a client's leaving a few turns later; nothing else shows it from outside. */
  async function leftIsKnown(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await relay.clock.settle();
  }

  it("I12 drain closes an upstream that has sent nothing yet", async () => {
    await start({ onDisconnect: "drain" });
    relay.upstream.script({ then: { stall: "after-headers" } });
    relay.chat({ signal: gone.signal }).catch(() => {});
    await relay.upstream.ledger.next(({ stalled }) => stalled);
    gone.abort();
    expect(await relay.ended()).toMatchObject({ reason: "client_gone_before_first" });
  });

  it("I10 I12 drain continues where the client had stopped reading", async () => {
    await start({ onDisconnect: "drain", drainBytes: 100_000_000 });
    relay.upstream.script({ then: { bodyBytes: 40_000_000, eventBytes: 50_000 } });
    const response = await relay.chat({ signal: gone.signal });
    const [call] = relay.upstream.ledger.calls;
    let before = -1;
    while (before !== call!.bytes) {
      before = call!.bytes;
      await leftIsKnown();
    }
    expect(before).toBeLessThan(40_000_000);
    void response;
    gone.abort();
    expect(await relay.ended()).toMatchObject({ reason: "client_gone_mid" });
    expect(call!.bytes).toBeGreaterThan(40_000_000 - 1);
  });

  it("I12 I17 detach continues to the end, also before the first event and over a failover", async () => {
    await start({ onDisconnect: "detach" });
    relay.upstream.script(
      { when: { first: 1 }, then: { delay: 300, refuse: "quota" } },
      { then: LONG },
    );
    relay.chat({ signal: gone.signal, body: USAGE }).catch(() => {});
    await relay.upstream.ledger.until(({ total }) => total === 1);
    gone.abort();
    expect(await relay.ended()).toMatchObject({
      reason: "completed",
      clientPresent: false,
      attempts: 2,
      usageStatus: "reported",
    });
    expect(relay.upstream.ledger.calls.map(({ end }) => end)).toEqual(["completed", "completed"]);
  });

  it("I12 I16 detach ends by an explicit stop, without a penalty", async () => {
    const ids: string[] = [];
    await start(
      { onDisconnect: "detach" },
      { hooks: { route: ({ requestId }) => void ids.push(requestId) } },
    );
    relay.upstream.script({ then: { stall: { afterEvents: 3 } } });
    await leaveMidway();
    await leftIsKnown();
    expect(relay.ends).toEqual([]);
    expect(relay.relay.stop("nobody")).toBe(false);
    expect(relay.relay.stop(ids[0]!)).toBe(true);
    expect(await relay.ended()).toMatchObject({ reason: "stopped", error: "ERR_RELAY_STOPPED" });
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(relay.relay.stop(ids[0]!)).toBe(false);
    expectNoPenalty();
  });

  it.each(["after-headers", "before-headers"] as const)(
    "I12 I16 stop ends a request whose client is connected (%s), without a penalty",
    async (stall) => {
      const ids: string[] = [];
      await start({}, { hooks: { route: ({ requestId }) => void ids.push(requestId) } });
      relay.upstream.script({ then: { stall } });
      const answer = relay.chat();
      await relay.upstream.ledger.next(({ stalled }) => stalled);
      relay.relay.stop(ids[0]!);
      const response = await answer;
      expect(response.status).toBe(409);
      expect(await response.text()).toContain("ERR_RELAY_STOPPED");
      expect(await relay.ended()).toMatchObject({ reason: "stopped", clientPresent: true });
      expectNoPenalty();
      expect(relay.upstream.ledger.total).toBe(1);
    },
  );

  it("I3 I16 stop in the middle of a stream is reported by an error event", async () => {
    await start({});
    relay.upstream.script({ then: { stall: { afterEvents: 3 } } });
    const response = await relay.chat();
    const read = reader(response);
    await read.until(2);
    expect(relay.relay.stop(response.headers.get("x-relay-request-id")!)).toBe(true);
    expect(await read.rest()).toContain("ERR_RELAY_STOPPED");
    expect(await relay.ended()).toMatchObject({ reason: "stopped", usageStatus: "none" });
  });

  it("I17 counts of an interrupted response are partial", async () => {
    await start({}, { upstream: { dialect: "anthropic" } });
    relay.upstream.script({ then: { cut: { afterEvents: 4 } } });
    await (
      await relay.chat({ path: "/messages", model: "claude", body: { max_tokens: 9 } })
    ).text();
    expect(await relay.ended()).toMatchObject({
      reason: "truncated",
      usage: { inputTokens: expect.any(Number) as number },
      usageStatus: "partial",
    });
  });

  it("I12 is decided by a function for each request; one that fails means abort", async () => {
    await start({
      onDisconnect: (request) => request.headers.get("x-then") as "drain" | "abort",
    });
    relay.upstream.script({ then: LONG });
    for (const [nth, then] of ["drain", "abort", "nonsense"].entries()) {
      gone = new AbortController();
      const { signal } = gone;
      const response = await relay.chat({ signal, body: USAGE, headers: { "x-then": then } });
      const read = reader(response);
      await read.until(1);
      read.rest().catch(() => {});
      gone.abort();
      await relay.ended(nth + 1);
    }
    expect(relay.ends.map(({ usageStatus }) => usageStatus)).toEqual(["reported", "none", "none"]);
    expect(relay.lines.some(({ message }) => message.includes("onDisconnect"))).toBe(true);
  });

  it("I12 closing the relay ends responses that continue without a client", async () => {
    await start({ onDisconnect: "detach", shutdownGrace: 1_000 });
    relay.upstream.script({ then: { stall: { afterEvents: 3 } } });
    await leaveMidway();
    await leftIsKnown();
    const closing = relay.relay.close();
    await relay.clock.advance(1_000);
    await closing;
    expect(await relay.ended()).toMatchObject({ reason: "shutdown", clientPresent: false });
  });
});

describe("relay.fetch in the app's own process", () => {
  it("I4 a body that is read on after its request was aborted ends", async () => {
    const relay = await startRelay();
    relay.upstream.script({ then: { stall: { afterEvents: 3 } } });
    const gone = new AbortController();
    const response = await relay.relay.fetch(
      new Request("http://localhost/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt-4o", stream: true, messages: [] }),
        signal: gone.signal,
      }),
      { mount: "/" },
    );
    const read = reader(response);
    await read.until(1);
    gone.abort();
    expect(await read.rest()).toContain("data: ");
    await relay.close();
  }, 5_000);
});
