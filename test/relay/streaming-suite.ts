/** What streaming promises, whichever sink writes and whichever transport reads. Called by one short file for each pair. */
import type { Behaviour } from "../../simulator/index.ts";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { afterEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

export function describeStreaming(how: Pick<UnderTestOptions, "sink" | "transport">): void {
  let relay: RelayUnderTest | undefined;
  afterEach(async () => {
    await relay?.close();
    // Whatever happened, nothing is left behind on the clock.
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

    it("I1 tries again, unnoticed, what dies before its first payload", async () => {
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

    it("I1 sends the head at commitAfter, and fails over freely until the first payload", async () => {
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

    it("I1 I3 tells a failure after that as an event", async () => {
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

    it("I1 I14 never sends the head of a JSON answer by time, also where a stream was asked for", async () => {
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

    it("I1 answers with an error event where JSON comes into a stream that has begun", async () => {
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

    it("I1 opens the gate for lifecycle events that do not end", async () => {
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
      // What has gone out cannot be taken back: there is no second attempt.
      expect(await ended()).toMatchObject({ reason: "upstream_error", attempts: 1 });
    });
  });

  describe("after the first payload", () => {
    it.each([1, 2, 5, 8])(
      "I2 gives exactly %i events and an error event, after one call",
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

    it("I2 gives no half of an event", async () => {
      const { chat, upstream } = await startWith({ cut: { inEvent: 4 } });
      const events = parse(await (await chat()).text());
      expect(events.filter(({ event }) => event !== "error").length).toBe(
        parse(upstream.ledger.last()!.sent!.toString()).length,
      );
      for (const { data } of events) expect(() => JSON.parse(data) as unknown).not.toThrow();
    });

    it("I3 passes the upstream's own error event on, and adds none", async () => {
      const { chat, upstream, ended } = await startWith({
        error: { at: { afterEvents: 3 }, kind: "overloaded" },
      });
      const text = await (await chat()).text();
      expect(text).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "upstream_error", attempts: 1 });
    });

    it("I3 ends right after the terminal event, though the upstream holds its socket open", async () => {
      const { chat, upstream, clock, ended } = await startWith({ holdOpen: true });
      const response = await chat();
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "completed" });
      expect(upstream.ledger.inFlight).toBe(1);
      await arrived(relay!, () => clock.pending() > 0);
      await clock.advance(1_000);
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("E16 keeps the connection of an upstream that ends in order", async () => {
      const { chat, upstream, ended } = await start();
      for (let nth = 1; nth <= 3; nth++) {
        await (await chat()).text();
        await ended(nth);
        await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      }
      expect(upstream.ledger.connections).toBe(1);
    });

    it("I3 ends a stream of its own without a terminal event where the last event says that all was said", async () => {
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
    ])("I11 passes to the letter: %s", async (_what, then) => {
      const { chat, upstream, ended } = await startWith(then);
      const body = Buffer.from(await (await chat()).arrayBuffer());
      expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
      expect(await ended()).toMatchObject({ reason: "completed", bytes: body.length });
    });

    it.each(["gzip", "br", "deflate"] as const)("I11 I13 gives %s decoded", async (encoding) => {
      const { chat, upstream } = await startWith({ encoding, split: 5 });
      const response = await chat();
      expect(response.headers.get("content-encoding")).toBeNull();
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(upstream.ledger.last()!.headers["accept-encoding"]).toBe("identity");
    });

    it("I13 sets what an event stream needs and keeps what belongs to the hop to itself", async () => {
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

    it("N4 passes an event longer than eventSize unscanned, and sees the next ones", async () => {
      const { chat, upstream, ended } = await startWith(
        { events: 3, eventBytes: 300_000, comments: true },
        { streaming: { eventSize: 50_000 } },
      );
      const body = Buffer.from(await (await chat()).arrayBuffer());
      expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it("N4 I18 breaks off where an upstream dies inside such an event", async () => {
      const { chat, ended } = await startWith(
        { events: 3, eventBytes: 400_000, cut: { afterBytes: 300_000 } },
        { streaming: { eventSize: 50_000 } },
      );
      const response = await chat();
      await expect(response.text()).rejects.toThrow();
      expect(await ended()).toMatchObject({ reason: "truncated" });
    });
  });

  describe("timeouts", () => {
    it.each<[string, Behaviour]>([
      ["a connection without an answer", { stall: "connect" }],
      ["a head that does not come", { stall: "before-headers" }],
      ["a head without a byte of body", { stall: "after-headers" }],
    ])("I7 takes 60 s of %s for a timeout, and tries again", async (_what, then) => {
      const { chat, upstream, clock } = await start({
        count: 2,
        streaming: { commitAfter: false },
      });
      upstream.script({ when: { nth: 1 }, then });
      const answer = chat();
      await upstream.ledger.next(({ stalled }) => stalled);
      await clock.advance(59_999);
      expect(upstream.ledger.inFlight).toBe(1);
      await clock.advance(1);
      await upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
      await untilAsleep(relay!);
      await clock.advance(3_000);
      expect((await answer).status).toBe(200);
      expect(upstream.ledger.total).toBe(2);
      await (await answer).text();
    });

    it("I7 I8 counts silence from the last byte, not from the start, before the first payload too", async () => {
      const { chat, upstream, clock, ended } = await startWith(
        { stall: "after-lifecycle" },
        { streaming: { commitAfter: false } },
      );
      const answer = chat();
      await upstream.ledger.next(({ stalled }) => stalled);
      await arrived(relay!, () => relay!.relay.status().credentials[0]!.inFlight === 1);
      await clock.advance(119_000);
      upstream.release();
      expect((await answer).status).toBe(200);
      expect(await (await answer).text()).toContain("[DONE]");
      expect(await ended()).toMatchObject({ reason: "completed", attempts: 1 });
    });

    it("I8 ends a stream after 120 s without a raw byte, with an error event, and closes the upstream", async () => {
      const { chat, upstream, clock, ended } = await startWith({ stall: { afterEvents: 3 } });
      const response = await chat();
      const read = reader(response);
      await read.until(3);
      await clock.advance(119_999);
      expect(upstream.ledger.inFlight).toBe(1);
      await clock.advance(1);
      const events = parse(await read.rest());
      expect(JSON.parse(events.at(-1)!.data)).toHaveProperty("error.code", "ERR_RELAY_IDLE");
      await upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
      expect(await ended()).toMatchObject({ reason: "idle_timeout", clientPresent: true });
    });

    it("I8 takes a comment of the upstream's for a byte, and our own heartbeat for none", async () => {
      const { chat, upstream, clock, ended } = await startWith({ stall: { afterEvents: 1 } });
      const response = await chat();
      const read = reader(response);
      await read.until(1);
      for (let nth = 0; nth < 7; nth++) {
        await clock.advance(16_000);
        await read.until(2 + nth, (text) => text.split(": ping\n\n").length);
      }
      await clock.advance(120_000 - 7 * 16_000);
      await read.rest();
      expect(await ended()).toMatchObject({ reason: "idle_timeout" });
      expect(upstream.ledger.total).toBe(1);
    });

    it("E15 I16 ends a stream at the total timeout, with an error event", async () => {
      const { chat, clock, ended } = await startWith(
        { stall: { afterEvents: 2 } },
        { streaming: { totalTimeout: 30_000 } },
      );
      const read = reader(await chat());
      await read.until(2);
      await clock.advance(30_000);
      expect(parse(await read.rest()).at(-1)!.data).toContain("ERR_RELAY_DEADLINE");
      expect(await ended()).toMatchObject({ reason: "timeout" });
    });

    it("E9 judges a refusal by what has come of it when its body does not end", async () => {
      const { chat, upstream, clock } = await startWith(
        { refuse: { kind: "rate-limit", wait: 60_000 }, stall: { afterBytes: 10 } },
        { count: 1 },
      );
      const answer = chat({ stream: false });
      await upstream.ledger.next(({ stalled }) => stalled);
      await arrived(relay!, () => relay!.relay.status().credentials[0]!.inFlight === 1);
      await clock.advance(2_000);
      expect((await answer).status).toBe(429);
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("E9 judges a refusal by its status when its body breaks off", async () => {
      const { chat, upstream } = await start({ count: 2 });
      upstream.script({
        when: { first: 1 },
        then: { refuse: { kind: "rate-limit", wait: 60_000 }, cut: { afterBytes: 10 } },
      });
      expect((await chat()).status).toBe(200);
      expect(upstream.ledger.calls.map(({ credential }) => credential)).toEqual(["c1", "c2"]);
    });
  });

  describe("the heartbeat", () => {
    it("I6 comes after 15 s of downstream silence, again and again, between events only", async () => {
      const { chat, upstream, clock } = await startWith({ stall: { inEvent: 3 } });
      const read = reader(await chat());
      await upstream.ledger.next(({ stalled }) => stalled);
      await read.until(2);
      const before = read.text();
      await clock.advance(14_999);
      expect(read.text()).toBe(before);
      for (let nth = 1; nth <= 3; nth++) {
        await clock.advance(nth === 1 ? 1 : 15_000);
        await read.untilText(before + ": ping\n\n".repeat(nth));
      }
      upstream.release();
      const whole = await read.rest();
      expect(whole.replaceAll(": ping\n\n", "")).toBe(upstream.ledger.last()!.sent!.toString());
    });

    it("I6 is off at 0, and never in an answer that is no event stream", async () => {
      const { chat, upstream, clock } = await startWith(
        { stall: { afterEvents: 1 } },
        { streaming: { heartbeat: 0 } },
      );
      const read = reader(await chat());
      await read.until(1);
      const before = read.text();
      await clock.advance(100_000);
      upstream.release();
      expect(await read.rest()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(before).not.toContain("ping");
    });
  });

  describe("what is no event stream", () => {
    it("I14 passes JSON to the letter, with its type", async () => {
      const { chat, upstream, ended } = await start();
      const response = await chat({ stream: false });
      expect(response.headers.get("content-type")).toBe("application/json");
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it("I14 passes NDJSON line by line", async () => {
      const { url, upstream, ended } = await startWith(
        { stall: { afterEvents: 2 } },
        { upstream: { dialect: "generic" } },
      );
      const response = await fetch(`${url}/generic/ndjson`, { method: "POST", body: "{}" });
      const read = reader(response);
      await read.until(2, (text) => text.split("\n").length - 1);
      upstream.release();
      expect(await read.rest()).toBe(upstream.ledger.last()!.sent!.toString());
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it.each<[string, string, string]>([
      ["JSON", "application/json", `{"error":{"message":"x","code":"rate_limit_exceeded"}}`],
      [
        "NDJSON",
        "application/x-ndjson",
        `{"error":{"message":"x","code":"rate_limit_exceeded"}}\n`,
      ],
      [
        "JSON called an event stream",
        "text/event-stream",
        `{"error":{"message":"x","code":"rate_limit_exceeded"}}`,
      ],
      [
        "JSON called an event stream, over several lines",
        "text/event-stream",
        `{\n"error":{"message":"x",\n\n"code":"rate_limit_exceeded"}}\n\n`,
      ],
      ["JSON without a type", "", `{"error":{"message":"x","code":"rate_limit_exceeded"}}`],
      [
        "an array",
        "application/json",
        `[{"error":{"code":429,"message":"Too many requests","status":"RESOURCE_EXHAUSTED"}}]`,
      ],
    ])("B10 I14 understands an error in a 200: %s", async (_what, type, body) => {
      const { chat, upstream } = await start({ count: 2 });
      const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
      upstream.script({ when: { credential: "c1" }, then: { reply: { headers, body } } });
      const response = await chat();
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("[DONE]");
      expect(upstream.ledger.calls.map(({ credential }) => credential)).toEqual(["c1", "c2"]);
    });

    it("I14 passes a JSON answer that is called an event stream", async () => {
      const body = `{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":3}}`;
      const { chat, ended } = await startWith({
        reply: { headers: { "content-type": "text/event-stream" }, body },
      });
      expect(await (await chat()).text()).toBe(body);
      expect(await ended()).toMatchObject({ reason: "completed", usage: { inputTokens: 3 } });
    });

    it("I14 passes lines that failed among lines that did not", async () => {
      const body = `{"id":1}\n{"id":2,"error":{"message":"this one failed"}}\n{"id":3}\n`;
      const { chat, ended } = await startWith({
        reply: { headers: { "content-type": "application/jsonl" }, body },
      });
      expect(await (await chat({ stream: false })).text()).toBe(body);
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it("I14 streams a JSON array as it comes", async () => {
      const { upstream, url } = await startWith(
        { stall: { afterEvents: 2 } },
        { upstream: { dialect: "google" } },
      );
      const response = await fetch(`${url}/models/gemini-pro:streamGenerateContent`, {
        method: "POST",
        body: "{}",
      });
      const read = reader(response);
      await read.until(2, (text) => text.split(`"candidates"`).length - 1);
      upstream.release();
      expect(JSON.parse(await read.rest())).toBeInstanceOf(Array);
    });

    it("I14 passes what nobody here can read as it comes", async () => {
      const { chat, upstream } = await startWith({
        reply: { headers: { "content-type": "audio/mpeg" }, body: "\u0000\u0001 sound" },
      });
      const response = await chat({ path: "/audio/speech", stream: false });
      expect(response.headers.get("content-type")).toBe("audio/mpeg");
      expect(await response.text()).toBe(upstream.ledger.last()!.sent!.toString());
    });

    it.each<[string, string, string, number]>([
      ["JSON", "/v1/chat/completions", "application/json", 200_000],
      ["NDJSON", "/generic/ndjson", "application/x-ndjson", 2_000],
      ["sound", "/v1/audio", "audio/mpeg", 2_000],
    ])(
      "I18 destroys the connection where an upstream dies in %s",
      async (_what, path, type, bytes) => {
        const { url, ended } = await startWith(
          {
            reply: { headers: { "content-type": type }, body: `{"a":1}\n`.repeat(40_000) },
            cut: { afterBytes: bytes },
          },
          { upstream: { dialect: "generic" } },
        );
        const response = await fetch(url + path.replace("/v1", ""), { method: "POST", body: "{}" });
        expect(response.status).toBe(200);
        await expect(response.text()).rejects.toThrow();
        expect(await ended()).toMatchObject({ reason: "truncated", clientPresent: true });
      },
    );

    it("I14 answers 502, not 200, where short JSON breaks off before it was judged", async () => {
      const { chat, upstream, clock } = await startWith({ cut: { afterBytes: 20 } }, { count: 1 });
      const answer = chat({ stream: false });
      await upstream.ledger.until(({ total }) => total === 1);
      await untilAsleep(relay!);
      await clock.advance(1_000);
      expect((await answer).status).toBe(502);
      expect(upstream.ledger.total).toBe(2);
    });

    it("gives an answer of no HTTP status a status", async () => {
      const { chat } = await startWith({ reply: { status: 999, body: "no" } }, { count: 1 });
      const response = await patiently(relay!, chat());
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(600);
    });
  });

  describe("nothing in it", () => {
    it.each<[string, Behaviour]>([
      ["no byte", { empty: "body" }],
      ["comments alone", { empty: "comments" }],
      ["lifecycle events alone", { end: "after-lifecycle" }],
      ["half an event", { end: { inEvent: 1 } }],
    ])(
      "E13 takes a stream with %s for a failed attempt, and answers 502 in the end",
      async (_what, then) => {
        const { chat, upstream, ended } = await startWith(then, { count: 1 });
        expect((await patiently(relay!, chat())).status).toBe(502);
        expect(upstream.ledger.total).toBeGreaterThan(1);
        expect(await ended()).toMatchObject({
          reason: "upstream_error",
          error: "ERR_RELAY_UPSTREAM_EMPTY",
        });
      },
    );

    it("E13 takes an empty answer for what it is where no model was asked", async () => {
      const { url, upstream } = await startWith({
        reply: { headers: { "content-type": "application/json" }, body: "" },
      });
      const response = await fetch(`${url}/files/file-1`, { method: "DELETE" });
      expect(response.status).toBe(200);
      expect(upstream.ledger.total).toBe(1);
    });
  });

  describe("usage", () => {
    it("I17 is read beside the bytes of a stream, a JSON body, and a long one", async () => {
      const { chat, upstream, ends, ended } = await start();
      await (await chat({ body: { stream_options: { include_usage: true } } })).text();
      await (await chat({ stream: false })).text();
      const long = `{"choices":[{"message":{"content":"${"x".repeat(200_000)} \\"usage\\": {"}}],"usage":{"prompt_tokens":7,"completion_tokens":9,"details":{"a":1}}}`;
      upstream.script({
        then: { reply: { headers: { "content-type": "application/json" }, body: long } },
      });
      await (await chat({ stream: false })).text();
      await ended(3);
      for (const { usage } of ends) {
        expect(usage!.inputTokens).toBeGreaterThan(0);
        expect(usage!.outputTokens).toBeGreaterThan(0);
      }
      expect(ends[2]!.usage).toEqual({ inputTokens: 7, outputTokens: 9 });
    });

    it("I17 is put together from the first event and the last", async () => {
      const { url, ended } = await start({ upstream: { dialect: "anthropic" } });
      const response = await fetch(`${url}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "claude", stream: true, max_tokens: 9, messages: [] }),
      });
      await response.text();
      const { usage } = await ended();
      expect(usage!.inputTokens).toBeGreaterThan(0);
      expect(usage!.outputTokens).toBeGreaterThan(1);
    });
  });
}

/** Whether a promise has settled, without waiting for it. */
function seen(promise: Promise<unknown>): { has: boolean } {
  const state = { has: false };
  void promise.then(
    () => (state.has = true),
    () => (state.has = true),
  );
  return state;
}

export function parse(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => void events.push(event) }).feed(text);
  return events;
}

function withoutComments(text: string): string {
  return text.replace(/^:.*\n\n/gm, "");
}

/** Waits, by turns of the loop, until something holds. */
export async function arrived({ clock }: RelayUnderTest, holds: () => boolean): Promise<void> {
  for (const patience = performance.now() + 3_000; !holds();) {
    if (performance.now() > patience) throw new Error("it did not come about");
    await clock.settle();
  }
}

/** Waits until a request sleeps between two attempts: nothing is in flight and the clock has a wake. */
export async function untilAsleep(relay: RelayUnderTest): Promise<void> {
  await arrived(relay, () => {
    const idle = relay.relay.status().credentials.every(({ inFlight }) => inFlight === 0);
    return idle && relay.clock.pending() > 0;
  });
}

/** Waits for an answer while the clock runs. */
export async function patiently<T>({ clock }: RelayUnderTest, answer: Promise<T>): Promise<T> {
  const state = seen(answer);
  while (!state.has) await clock.advance(100);
  return answer;
}

export interface Reading {
  text(): string;
  /** Waits until the text holds so many events (or whatever `count` counts). */
  until(many: number, count?: (text: string) => number): Promise<void>;
  untilText(text: string): Promise<void>;
  /** Reads to the end and returns everything. */
  rest(): Promise<string>;
}

export function reader(response: Response): Reading {
  const source = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  async function more(): Promise<boolean> {
    const { done, value } = await source.read();
    if (!done) text += decoder.decode(value, { stream: true });
    return !done;
  }
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) if (!(await more())) throw new Error(`ended after ${JSON.stringify(text)}`);
  }
  return {
    text: () => text,
    until: (many, count = (whole) => parse(whole).length) => until(() => count(text) >= many),
    untilText: (whole) => until(() => text === whole),
    async rest() {
      while (await more());
      return text;
    },
  };
}
