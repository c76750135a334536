/** Why a request ends, and what is left afterwards: each reason once, no timer, no slot, no socket; memory stays constant. */
import type { Behaviour } from "../../simulator/index.ts";
import { afterEach, describe, expect, it } from "vitest";
import { createRealClock } from "../support/real-clock.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { createUnreachable } from "../support/unreachable.ts";
import { arrived, parse, patiently, reader, standstill } from "../support/streaming.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(then: Behaviour = {}, options: UnderTestOptions = {}): Promise<void> {
  relay = await startRelay(options);
  relay.upstream.script({ then });
}

type Play = () => Promise<unknown>;

async function readAll(): Promise<string> {
  return (await patiently(relay, relay.chat())).text();
}

async function readTwo(): Promise<ReturnType<typeof reader>> {
  const read = reader(await relay.chat());
  await read.until(2);
  return read;
}

const STALLED: Behaviour = { stall: { afterEvents: 2 } };

describe("the end", () => {
  it.each<[string, Behaviour, Play]>([
    ["completed", {}, readAll],
    ["refused", { refuse: "bad-request" }, readAll],
    ["upstream_error", { refuse: "server-error" }, readAll],
    ["upstream_error", { error: { at: { afterEvents: 2 } } }, readAll],
    ["upstream_error", { garbage: true }, readAll],
    ["truncated", { cut: { afterEvents: 2 } }, readAll],
    ["truncated", { end: { afterEvents: 2 } }, readAll],
    [
      "timeout",
      { stall: "before-headers" },
      async () => {
        const answer = relay.chat();
        await relay.upstream.ledger.next(({ stalled }) => stalled);
        return patiently(relay, answer).then((response) => patiently(relay, response.text()));
      },
    ],
    [
      "idle_timeout",
      STALLED,
      async () => {
        const read = await readTwo();
        await relay.clock.advance(300_000);
        await read.rest();
      },
    ],
    [
      "client_gone_before_first",
      { stall: "before-headers" },
      async () => {
        const client = new AbortController();
        relay.chat({ signal: client.signal }).catch(() => {});
        await relay.upstream.ledger.next(({ stalled }) => stalled);
        client.abort();
      },
    ],
    [
      "client_gone_mid",
      STALLED,
      async () => {
        const client = new AbortController();
        const read = reader(await relay.chat({ signal: client.signal }));
        await read.until(2);
        client.abort();
      },
    ],
    [
      "shutdown",
      STALLED,
      async () => {
        const read = await readTwo();
        const closing = relay.relay.close();
        await relay.clock.advance(5_000);
        expect(parse(await read.rest()).at(-1)!.data).toContain("ERR_RELAY_SHUTDOWN");
        await patiently(relay, closing);
      },
    ],
  ])("I16 is %s, reported once, and nothing is left", async (reason, then, play) => {
    await start(then, { count: 1 });
    await play();
    const end = await relay.ended();
    expect(end.reason).toBe(reason);
    expect(end.clientPresent).toBe(!reason.startsWith("client_gone"));
    // Counters of the state are written a second later; a connection is kept as long.
    await relay.clock.advance(2_000);
    await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    await arrived(relay, () => relay.clock.pending() === 0);
    expect(relay.ends).toHaveLength(1);
    expect(relay.relay.status().credentials[0]!.inFlight).toBe(0);
  });
});

describe("connecting", () => {
  it("I9 E10 treats 20 s without a connection as a fault, tries again, and reports it in the end", async () => {
    const far = await createUnreachable();
    await start(
      {},
      { count: 1, upstream: { baseURL: `${far.url}/v1` }, streaming: { commitAfter: false } },
    );
    const answer = relay.chat();
    const inFlight = (): number => relay.relay.status().credentials[0]!.inFlight;
    await arrived(relay, () => inFlight() === 1);
    await relay.clock.advance(19_999);
    expect(inFlight()).toBe(1);
    await relay.clock.advance(1);
    expect(inFlight()).toBe(0);
    expect((await patiently(relay, answer)).status).toBe(504);
    expect((await relay.ended()).attempts).toBeGreaterThan(1);
    await far.close();
  });

  it("I9 I7 does not apply the connect timeout to fetch, which cannot report a connection", async () => {
    await start(
      { stall: "before-headers" },
      { transport: "fetch", streaming: { commitAfter: false } },
    );
    const answer = relay.chat();
    await relay.upstream.ledger.next(({ stalled }) => stalled);
    await relay.clock.advance(40_000);
    expect(relay.upstream.ledger.inFlight).toBe(1);
    relay.upstream.release();
    expect(await (await answer).text()).toContain("[DONE]");
    expect(await relay.ended()).toMatchObject({ attempts: 1, reason: "completed" });
  });
});

describe.each<[string, Pick<UnderTestOptions, "sink" | "transport">]>([
  ["Node's sink, undici", { sink: "node" }],
  ["the web sink, fetch", { sink: "web", transport: "fetch" }],
])("a slow client (%s)", (_name, how) => {
  it("I10 gets 200 MB in bounded memory", async () => {
    await start({ bodyBytes: 200_000_000, eventBytes: 50_000 }, how);
    const source = (await relay.chat()).body!.getReader();
    const before = process.memoryUsage();
    let length = 0;
    let most = 0;
    for (let nth = 0; ; nth++) {
      const { done, value } = await source.read();
      if (done) break;
      length += value.length;
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      most = Math.max(most, arrayBuffers + heapUsed);
      // A reader that takes its time: everything before it runs ahead as far as it can.
      if (nth % 50 === 0) for (let turn = 0; turn < 20; turn++) await relay.clock.settle();
    }
    const [call] = relay.upstream.ledger.calls;
    expect(length).toBe(call!.sentBytes);
    expect(length).toBeGreaterThan(200_000_000);
    // Simulator, relay and client share this process, including their garbage.
    expect(most - before.arrayBuffers - before.heapUsed).toBeLessThan(100_000_000);
    expect(await relay.ended()).toMatchObject({ reason: "completed" });
  });

  it("I8 I10 is not interrupted for an upstream that is silent only because it is not read", async () => {
    await start(
      { bodyBytes: 60_000_000, eventBytes: 50_000 },
      { ...how, streaming: { clientStallTimeout: false } },
    );
    const response = await relay.chat();
    const [call] = relay.upstream.ledger.calls;
    await standstill(() => call!.bytes);
    await relay.clock.advance(600_000);
    expect(relay.ends).toHaveLength(0);
    expect(call!.open).toBe(true);
    let length = 0;
    for await (const chunk of response.body!) length += chunk.length;
    expect(length).toBe(call!.sentBytes);
    expect(await relay.ended()).toMatchObject({ reason: "completed", bytes: length });
  });
});

describe("many requests at once", () => {
  it("I10 E16 pass unchanged on a real clock, each with its own bytes", async () => {
    await start({ events: 30, split: 11 }, { clock: createRealClock(), count: 3 });
    const texts = await Promise.all(
      Array.from({ length: 30 }, async (_, nth) =>
        (await relay.chat({ body: { messages: [{ role: "user", content: `nr ${nth}` }] } })).text(),
      ),
    );
    const sent = relay.upstream.ledger.calls.map((call) => call.sent!.toString());
    expect(texts.toSorted()).toEqual(sent.toSorted());
    expect(new Set(texts).size).toBe(30);
  });
});
