/**
 * The contract for silence, for responses that are not event streams, and for empty ones, for every sink and transport. Called by one short
 * file for each pair.
 */
import type { Behaviour } from "../../simulator/index.ts";
import { afterEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { arrived, parse, patiently, reader, untilAsleep } from "../support/streaming.ts";

export function describeAnswers(how: Pick<UnderTestOptions, "sink" | "transport">): void {
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

  describe("timeouts", () => {
    it.each<[string, Behaviour]>([
      ["a connection without an answer", { stall: "connect" }],
      ["a head that does not come", { stall: "before-headers" }],
      ["a head without a byte of body", { stall: "after-headers" }],
    ])(
      "I7 treats %s within a first-byte timeout of 60 s as a timeout, and tries again",
      async (_what, then) => {
        const { chat, upstream, clock } = await start({
          count: 2,
          streaming: { commitAfter: false, firstByteTimeout: 60_000 },
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
      },
    );

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

    it("I8 ends a stream after 300 s without a raw byte, with an error event, and closes the upstream", async () => {
      const { chat, upstream, clock, ended } = await startWith({ stall: { afterEvents: 3 } });
      const response = await chat();
      const read = reader(response);
      await read.until(3);
      await clock.advance(299_999);
      expect(upstream.ledger.inFlight).toBe(1);
      await clock.advance(1);
      const events = parse(await read.rest());
      expect(JSON.parse(events.at(-1)!.data)).toHaveProperty("error.code", "ERR_RELAY_IDLE");
      await upstream.ledger.until(({ calls }) => calls[0]!.end === "client closed");
      expect(await ended()).toMatchObject({ reason: "idle_timeout", clientPresent: true });
    });

    it("I8 counts a comment of the upstream as a byte, and the relay's own heartbeat not", async () => {
      const { chat, upstream, clock, ended } = await startWith(
        { stall: { afterEvents: 1 } },
        { streaming: { idleTimeout: 120_000 } },
      );
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

    it("E9 classifies a refusal by the part that has arrived when its body does not end", async () => {
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

    it("E9 classifies a refusal by its status when its body is interrupted", async () => {
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
    it("I6 is sent after 15 s of downstream silence, repeatedly, between events only", async () => {
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

    it("I6 is off at 0, and never in a response that is not an event stream", async () => {
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

  describe("a response that is not an event stream", () => {
    it("I14 passes JSON unchanged, with its type", async () => {
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
    ])("B10 I14 recognises an error in a 200: %s", async (_what, type, body) => {
      const { chat, upstream } = await start({ count: 2 });
      const headers: Record<string, string> = type === "" ? {} : { "content-type": type };
      upstream.script({ when: { credential: "c1" }, then: { reply: { headers, body } } });
      const response = await chat();
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("[DONE]");
      expect(upstream.ledger.calls.map(({ credential }) => credential)).toEqual(["c1", "c2"]);
    });

    it("I14 passes a JSON response that is declared as an event stream", async () => {
      const body = `{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":3}}`;
      const { chat, ended } = await startWith({
        reply: { headers: { "content-type": "text/event-stream" }, body },
      });
      expect(await (await chat()).text()).toBe(body);
      expect(await ended()).toMatchObject({ reason: "completed", usage: { inputTokens: 3 } });
    });

    it("I14 passes failed lines among others", async () => {
      const body = `{"id":1}\n{"id":2,"error":{"message":"this one failed"}}\n{"id":3}\n`;
      const { chat, ended } = await startWith({
        reply: { headers: { "content-type": "application/jsonl" }, body },
      });
      expect(await (await chat({ stream: false })).text()).toBe(body);
      expect(await ended()).toMatchObject({ reason: "completed" });
    });

    it("I14 streams a JSON array as it arrives", async () => {
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

    it("I14 passes an unknown content type as it arrives", async () => {
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
      "I18 destroys the connection where an upstream is interrupted in %s",
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

    it("I14 answers 502, not 200, where short JSON is interrupted before it was examined", async () => {
      const { chat, upstream, clock } = await startWith({ cut: { afterBytes: 20 } }, { count: 1 });
      const answer = chat({ stream: false });
      await upstream.ledger.until(({ total }) => total === 1);
      await untilAsleep(relay!);
      await clock.advance(1_000);
      expect((await answer).status).toBe(502);
      expect(upstream.ledger.total).toBe(2);
    });

    it("replaces a status that HTTP does not have", async () => {
      const { chat } = await startWith({ reply: { status: 999, body: "no" } }, { count: 1 });
      const response = await patiently(relay!, chat());
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(600);
    });
  });

  describe("an empty response", () => {
    it.each<[string, Behaviour]>([
      ["no byte", { empty: "body" }],
      ["comments alone", { empty: "comments" }],
      ["lifecycle events alone", { end: "after-lifecycle" }],
      ["half an event", { end: { inEvent: 1 } }],
    ])(
      "E13 treats a stream with %s as a failed attempt, and finally answers 502",
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

    it("E13 accepts an empty response where no model was requested", async () => {
      const { url, upstream } = await startWith({
        reply: { headers: { "content-type": "application/json" }, body: "" },
      });
      const response = await fetch(`${url}/responses/resp-1`, { method: "DELETE" });
      expect(response.status).toBe(200);
      expect(upstream.ledger.total).toBe(1);
    });
  });

  describe("usage", () => {
    it("I17 is read from the bytes of a stream, a JSON body, and a long one", async () => {
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

    it("I17 is combined from the first event and the last", async () => {
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
