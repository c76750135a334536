/** The contract of an event stream, for every sink and transport. Called by one short file for each pair. */
import type { Behaviour } from "../../simulator/index.ts";
import { afterEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { arrived, parse, seen, untilAsleep, withoutComments } from "../support/streaming.ts";

export function describeStreams(how: Pick<UnderTestOptions, "sink" | "transport">): void {
  let relay: RelayUnderTest | undefined;
  afterEach(async () => {
    await relay?.close();
    // In every case, nothing is left on the clock.
    if (relay) await arrived(relay, () => relay!.clock.pending() === 0);
    relay = undefined;
  });

  async function start(options: UnderTestOptions = {}): Promise<RelayUnderTest> {
    return (relay = await startRelay({ ...how, ...options }));
  }
  async function startWith(
    then: Behaviour,
    options: UnderTestOptions = {},
  ): Promise<RelayUnderTest> {
    const started = await start(options);
    started.upstream.script({ then });
    return started;
  }

  describe("the commit gate", () => {
    it("I1 holds lifecycle events until the first payload, then sends them unchanged", async () => {
      const { chat, upstream } = await startWith({ stall: "after-lifecycle" });
      const answer = chat();
      const head = seen(answer);
      await upstream.ledger.next(({ stalled }) => stalled);
      await relay!.clock.advance(5_000);
      expect(head.has).toBe(false);
      upstream.release();
      const response = await answer;
      expect(Buffer.from(await response.arrayBuffer()).equals(upstream.ledger.last()!.sent!)).toBe(
        true,
      );
    });

    it("I1 retries an attempt that fails before its first payload, without the client noticing", async () => {
      const { chat, upstream, ended } = await start({ count: 2 });
      upstream.script({ when: { first: 1 }, then: { cut: "after-lifecycle" } });
      const answer = chat();
      await upstream.ledger.next(({ end }) => end === "cut by us");
      await untilAsleep(relay!);
      await relay!.clock.advance(3_000);
      const response = await answer;
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(response.headers.get("x-relay-attempts")).toBe("2");
      expect(await ended()).toMatchObject({ reason: "completed", attempts: 2 });
    });

    it("I1 sends the head at commitAfter, and can still fail over until the first payload", async () => {
      const { chat, upstream, clock } = await start({ count: 2 });
      upstream.script({
        when: { credential: "c1" },
        then: { stall: "after-lifecycle", error: { at: "after-lifecycle", kind: "quota" } },
      });
      const answer = chat();
      await upstream.ledger.next(({ stalled }) => stalled);
      await clock.advance(9_999);
      expect(seen(answer).has).toBe(false);
      await clock.advance(1);
      const response = await answer;
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      upstream.release();
      const text = await response.text();
      expect(withoutComments(text)).toBe(upstream.ledger.last()!.sent!.toString());
      expect(upstream.ledger.calls.map(({ credential }) => credential)).toEqual(["c1", "c2"]);
    });

    it("I1 I3 reports a failure after that as an event", async () => {
      const { chat, upstream, clock, ended } = await startWith(
        { stall: "before-headers", refuse: "bad-request" },
        { count: 1 },
      );
      const answer = chat();
      await upstream.ledger.next(({ stalled }) => stalled);
      await clock.advance(10_000);
      const response = await answer;
      upstream.release();
      const events = parse(await response.text());
      expect(events).toHaveLength(1);
      expect(JSON.parse(events[0]!.data)).toHaveProperty("error.message");
      expect(await ended()).toMatchObject({ reason: "refused", status: 200 });
    });

    it("I1 I14 never sends the head of a JSON response early, also where a stream was requested", async () => {
      const body = JSON.stringify({ choices: [{ message: { content: "x" } }] });
      const { chat, upstream, clock } = await startWith({
        reply: { headers: { "content-type": "application/json" }, body },
        stall: { afterBytes: 5 },
      });
      for (const stream of [false, true]) {
        const answer = chat({ stream });
        await upstream.ledger.until(({ calls }) => calls.some(({ stalled }) => stalled));
        await upstream.ledger.until(({ calls }) => calls.at(-1)!.bytes === 5);
        await arrived(relay!, () => relay!.relay.status().credentials.some((c) => c.inFlight > 0));
        await clock.advance(11_000);
        expect(seen(answer).has).toBe(false);
        upstream.release();
        const response = await answer;
        expect(response.headers.get("content-type")).toBe("application/json");
        expect(await response.text()).toBe(body);
      }
    });

    it("I1 answers with an error event where JSON arrives in a stream that has begun", async () => {
      const { chat, upstream, clock, ended } = await startWith({
        stall: "before-headers",
        reply: { headers: { "content-type": "application/json" }, body: `{"choices":[]}` },
      });
      const answer = chat();
      await upstream.ledger.next(({ stalled }) => stalled);
      await clock.advance(10_000);
      upstream.release();
      const events = parse(await (await answer).text());
      expect(JSON.parse(events.at(-1)!.data)).toHaveProperty(
        "error.code",
        "ERR_RELAY_UPSTREAM_INVALID",
      );
      expect(await ended()).toMatchObject({ reason: "upstream_error", attempts: 1 });
    });

    it("I1 opens the gate for endless lifecycle events", async () => {
      const pings = `: ${"x".repeat(2_000)}\n\n`.repeat(20);
      const error = `data: {"error":{"message":"late"}}\n\n`;
      const { chat, upstream, ended } = await startWith(
        {
          reply: { headers: { "content-type": "text/event-stream" }, body: pings + error },
          stall: { afterBytes: pings.length },
        },
        { streaming: { eventSize: 10_000 } },
      );
      const response = await chat();
      upstream.release();
      expect(await response.text()).toBe(pings + error);
      // Sent bytes cannot be taken back: there is no second attempt.
      expect(await ended()).toMatchObject({ reason: "upstream_error", attempts: 1 });
    });
  });

  describe("after the first payload", () => {
    it.each([1, 2, 5, 8])(
      "I2 passes exactly %i events and an error event, after one call",
      async (k) => {
        const { chat, upstream, ended } = await startWith({ cut: { afterEvents: k } });
        const response = await chat();
        const text = await response.text();
        const sent = upstream.ledger.last()!.sent!.toString();
        expect(text.startsWith(sent)).toBe(true);
        const error = parse(text.slice(sent.length));
        expect(error).toHaveLength(1);
        expect(JSON.parse(error[0]!.data)).toHaveProperty("error.code", "ERR_RELAY_TRUNCATED");
        expect(text).not.toContain("[DONE]");
        expect(upstream.ledger.total).toBe(1);
        expect(await ended()).toMatchObject({
          reason: "truncated",
          attempts: 1,
          clientPresent: true,
        });
      },
    );

    it("I2 passes no partial event", async () => {
      const { chat, upstream } = await startWith({ cut: { inEvent: 4 } });
      const events = parse(await (await chat()).text());
      expect(events.filter(({ event }) => event !== "error").length).toBe(
        parse(upstream.ledger.last()!.sent!.toString()).length,
      );
      for (const { data } of events) expect(() => JSON.parse(data) as unknown).not.toThrow();
    });

    it("I3 passes the upstream's own error event, and adds none", async () => {
      const { chat, upstream, ended } = await startWith({
        error: { at: { afterEvents: 3 }, kind: "overloaded" },
      });
      const text = await (await chat()).text();
      expect(text).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "upstream_error", attempts: 1 });
    });

    it("I3 ends right after the terminal event, though the upstream keeps its socket open", async () => {
      const { chat, upstream, clock, ended } = await startWith({ holdOpen: true });
      const response = await chat();
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "completed" });
      expect(upstream.ledger.inFlight).toBe(1);
      await arrived(relay!, () => clock.pending() > 0);
      await clock.advance(1_000);
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("E16 keeps the connection of an upstream that ends normally", async () => {
      const { chat, upstream, ended } = await start();
      for (let nth = 1; nth <= 3; nth++) {
        await (await chat()).text();
        await ended(nth);
        await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      }
      expect(upstream.ledger.connections).toBe(1);
    });

    it("I3 ends a stream without a terminal event normally where the last event completes it", async () => {
      const { chat, ended } = await startWith({
        reply: {
          headers: { "content-type": "text/event-stream" },
          body: `data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: {"choices":[{"finish_reason":"stop"}]}\n\n`,
        },
      });
      expect(parse(await (await chat()).text())).toHaveLength(2);
      expect(await ended()).toMatchObject({ reason: "completed" });
    });
  });

  describe("the bytes", () => {
    it.each<[string, Behaviour]>([
      ["CRLF", { lineEnd: "\r\n" }],
      ["CR", { lineEnd: "\r" }],
      ["several lines of data", { multiline: true }],
      ["comments", { comments: true }],
      ["a byte order mark", { byteOrderMark: true }],
      ["single bytes", { split: 1, events: 2 }],
      ["pieces of seven bytes and CRLF", { split: 7, lineEnd: "\r\n" }],
      ["split characters", { split: 3, text: ["\ud83d\ude00 sch\u00f6n \u20ac", "\u6f22\u5b57"] }],
    ])("I11 passes unchanged: %s", async (_what, then) => {
      const { chat, upstream, ended } = await startWith(then);
      const body = Buffer.from(await (await chat()).arrayBuffer());
      expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
      expect(await ended()).toMatchObject({ reason: "completed", bytes: body.length });
    });

    it.each(["gzip", "br", "deflate"] as const)("I11 I13 passes %s decoded", async (encoding) => {
      const { chat, upstream } = await startWith({ encoding, split: 5 });
      const response = await chat();
      expect(response.headers.get("content-encoding")).toBeNull();
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(upstream.ledger.last()!.headers["accept-encoding"]).toBe("identity");
    });

    it("I13 sets the headers of an event stream and does not pass hop-by-hop headers", async () => {
      const { chat } = await startWith({
        headers: {
          "set-cookie": ["a=1", "b=2"],
          "x-kept": "yes",
          "x-named": "hop",
          connection: "keep-alive, x-named",
          "cache-control": "max-age=60",
        },
      });
      const { headers, body } = await chat();
      expect(headers.get("content-type")).toBe("text/event-stream");
      expect(headers.get("cache-control")).toBe("no-cache, no-transform");
      expect(headers.get("x-accel-buffering")).toBe("no");
      expect(headers.get("x-kept")).toBe("yes");
      for (const name of ["set-cookie", "x-named", "content-length", "content-encoding"])
        expect(headers.get(name)).toBeNull();
      await body!.cancel();
    });

    it("N4 passes an event longer than eventSize unscanned, and scans the next ones", async () => {
      const { chat, upstream, ended } = await startWith(
        { events: 3, eventBytes: 300_000, comments: true },
        { streaming: { eventSize: 50_000 } },
      );
      const body = Buffer.from(await (await chat()).arrayBuffer());
      expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it("N4 I18 breaks the connection where an upstream is interrupted inside such an event", async () => {
      const { chat, ended } = await startWith(
        { events: 3, eventBytes: 400_000, cut: { afterBytes: 300_000 } },
        { streaming: { eventSize: 50_000 } },
      );
      const response = await chat();
      await expect(response.text()).rejects.toThrow();
      expect(await ended()).toMatchObject({ reason: "truncated" });
    });
  });
}
