/** How long an upstream may send nothing, or nothing with content (I7, I8). */
import { describe, expect, it } from "vitest";
import { anthropic } from "../../src/dialects/anthropic.ts";
import { generic } from "../../src/dialects/generic.ts";
import { google } from "../../src/dialects/google.ts";
import type { ReplyResult } from "../../src/stream/reply.ts";
import {
  createStage,
  event,
  JSON_TYPE,
  ROLE,
  SSE,
  type Stage,
  type StageOptions,
  STOP,
  TIMEOUTS,
  WORD,
} from "./stage.ts";

const COMMENT = ": still here\n\n";
const { firstPayloadTimeout, idleTimeout, payloadIdleTimeout } = TIMEOUTS;
/** Payload is recognized once in this time, and its deadline is later by the same, in ms. */
const LOOK = payloadIdleTimeout / 64;
const STEP = 5;

const LATE: ReplyResult = { kind: "failed", fault: "payload-timeout" };
const IDLE: ReplyResult = { kind: "ended", end: "idle_timeout", error: "ERR_RELAY_NO_PAYLOAD" };

/** Sends the same bytes every few ms until the reply has a result. Returns the time of the result. */
async function drip(stage: Stage, text: string, most = 10_000): Promise<number> {
  for (let sent = 0; stage.results.length === 0 && sent < most; sent += STEP) {
    stage.data(text);
    await stage.clock.advance(STEP);
  }
  return stage.clock.now();
}

describe("before the first payload", () => {
  const lifecycle = event({ type: "response.in_progress" });
  it.each<[string, StageOptions, Record<string, string>, string]>([
    ["comments", {}, SSE, COMMENT],
    ["role events", {}, SSE, ROLE],
    ["empty choices", {}, SSE, event({ choices: [] })],
    ["lifecycle events of Responses", {}, SSE, lifecycle],
    ["pings of Messages", { dialect: anthropic }, SSE, event({ type: "ping" }, "ping")],
    ["chunks without content", { dialect: google }, SSE, event({ usageMetadata: {} })],
    ["events without data", {}, SSE, "event: x\n\n"],
    ["bare line ends", {}, SSE, "\n"],
    ["an unfinished line", {}, SSE, "data: {"],
    ["an unfinished line that is a comment", {}, SSE, ":"],
    ["one byte of JSON", { wantsStream: false }, JSON_TYPE, "{"],
    ["white space", { wantsStream: false }, JSON_TYPE, "\n"],
    ["blank lines of NDJSON", {}, { "content-type": "application/x-ndjson" }, "\n"],
  ])("I7 %s are none", async (_what, options, headers, text) => {
    const stage = createStage({ ...options, eventSize: 1_000_000 }).head(200, headers);
    expect(await drip(stage, text)).toBe(firstPayloadTimeout);
    expect(stage.results).toEqual([LATE]);
    expect(stage.told).toEqual(["abort"]);
    expect(stage.opened).toBe(0);
  });

  it("I7 the limit counts from sending, and ends with the payload", async () => {
    const late = createStage({ tellsConnect: false });
    await late.clock.advance(50);
    late.head(200, SSE);
    expect(await drip(late, COMMENT)).toBe(firstPayloadTimeout);
    const fine = createStage().head(200, SSE);
    while (fine.clock.now() < firstPayloadTimeout - STEP) {
      fine.data(COMMENT);
      await fine.clock.advance(STEP);
    }
    fine.data(WORD);
    await fine.clock.advance(idleTimeout - 1);
    expect(fine.results).toEqual([]);
  });

  it("I1 I7 lifecycle events that open the gate are no payload: the answer ends as a timeout", async () => {
    const stage = createStage({ eventSize: 500 }).head(200, SSE);
    expect(await drip(stage, ROLE)).toBe(firstPayloadTimeout);
    expect(stage.opened).toBe(1);
    expect(stage.results).toEqual([
      { kind: "ended", end: "timeout", error: "ERR_RELAY_UPSTREAM_TIMEOUT" },
    ]);
  });

  it("I7 a stream that was committed early fails as well", async () => {
    const stage = createStage({ heartbeat: 30, eventSize: 1_000_000 }).head(200, SSE);
    stage.delivery.commit(200, [], true);
    expect(await drip(stage, COMMENT)).toBe(firstPayloadTimeout);
    expect(stage.results).toEqual([LATE]);
  });

  it("I7 I8 a generic feed that only pings is healthy", async () => {
    for (const text of [COMMENT, event({}, "ping")]) {
      const stage = createStage({ dialect: generic, eventSize: 1_000_000 }).head(200, SSE);
      expect(await drip(stage, text, 20 * firstPayloadTimeout)).toBe(20 * firstPayloadTimeout);
      expect(stage.results).toEqual([]);
      await stage.clock.advance(idleTimeout);
      expect(stage.results).toEqual([{ kind: "failed", fault: "idle-timeout" }]);
    }
  });

  it("I7 is without a limit where it is switched off", async () => {
    const timeouts = { ...TIMEOUTS, firstPayloadTimeout: false } as const;
    const stage = createStage({ timeouts, eventSize: 1_000_000 }).head(200, SSE);
    await drip(stage, COMMENT, 5 * firstPayloadTimeout);
    expect(stage.results).toEqual([]);
    stage.data(WORD);
    expect(await drip(stage, COMMENT)).toBe(5 * firstPayloadTimeout + payloadIdleTimeout + LOOK);
  });

  it("E18 I7 a request without a stream has a limit of its own for its first byte", async () => {
    for (const [wantsStream, limit] of [
      [true, TIMEOUTS.firstByteTimeout],
      [false, TIMEOUTS.responseTimeout],
    ] as const) {
      const mute = createStage({ wantsStream });
      mute.reply.onConnect();
      await mute.clock.advance(limit - 1);
      expect(mute.results).toEqual([]);
      await mute.clock.advance(1);
      expect(mute.results).toEqual([{ kind: "failed", fault: "timeout" }]);
      expect(mute.answered).toBe(0);
      const headed = createStage({ wantsStream }).head(200, JSON_TYPE);
      expect(headed.answered).toBe(1);
      await headed.clock.advance(limit);
      expect(headed.results).toEqual([{ kind: "failed", fault: "body-timeout" }]);
    }
  });

  it("I7 the first byte takes no longer than the first payload may, outside the dialect generic", async () => {
    const timeouts = { ...TIMEOUTS, firstPayloadTimeout: 30 };
    const stage = createStage({ timeouts });
    stage.reply.onConnect();
    await stage.clock.advance(30);
    expect(stage.results).toEqual([{ kind: "failed", fault: "timeout" }]);
    const other = createStage({ timeouts, dialect: generic });
    other.reply.onConnect();
    await other.clock.advance(TIMEOUTS.firstByteTimeout - 1);
    expect(other.results).toEqual([]);
  });
});

describe("between payloads", () => {
  it.each<[string, StageOptions, string, string]>([
    ["comments", {}, WORD, COMMENT],
    ["role events", {}, WORD, ROLE],
    ["an unfinished line", {}, WORD, "data: x"],
    ["keepalive events", {}, WORD, event({ type: "keepalive" })],
    ["named keepalive events", {}, WORD, event({ type: "keepalive" }, "keepalive")],
    ["lifecycle events of Responses", {}, WORD, event({ type: "response.in_progress" })],
    [
      "pings of Messages",
      { dialect: anthropic },
      event({ type: "content_block_delta", delta: { text: "x" } }, "content_block_delta"),
      event({ type: "ping" }, "ping"),
    ],
    [
      "token counts of Gemini",
      { dialect: google },
      event({ candidates: [{ content: { parts: [{ text: "x" }] } }] }),
      event({ usageMetadata: {} }),
    ],
  ])("I8 %s do not postpone the end", async (_what, options, payload, text) => {
    const stage = createStage({ ...options, eventSize: 1_000_000 }).head(200, SSE);
    stage.data(payload);
    expect(await drip(stage, text)).toBe(payloadIdleTimeout + LOOK);
    expect(stage.results).toEqual([IDLE]);
    expect(stage.told).toEqual(["abort"]);
  });

  it("I8 white space does not postpone the end of a JSON body that is passed on, a letter does", async () => {
    for (const [text, ends] of [
      [" \n", true],
      ["x", false],
    ] as const) {
      const stage = createStage({ dialect: google }).head(200, JSON_TYPE);
      stage.data(`[{"candidates": [`);
      expect(stage.opened).toBe(1);
      await drip(stage, text, 2 * payloadIdleTimeout);
      expect(stage.results).toEqual(ends ? [IDLE] : []);
    }
  });

  it("I8 blank lines do not postpone the end of NDJSON, lines do", async () => {
    for (const [text, ends] of [
      ["\n", true],
      ['{"response":"x"}\n', false],
      ['{"error":"one of many"}\n', false],
    ] as const) {
      const stage = createStage().head(200, { "content-type": "application/x-ndjson" });
      stage.data('{"response":"x"}\n');
      await drip(stage, text, 2 * payloadIdleTimeout);
      // Any line may be the last one.
      expect(stage.results).toEqual(ends ? [{ kind: "ended", end: "completed" }] : []);
    }
  });

  it("I8 never ends a stream whose payload is in time, however it is mixed with other events", async () => {
    for (const pause of [STEP, LOOK - 1, LOOK + 1, idleTimeout - 1]) {
      const stage = createStage().head(200, SSE);
      for (let nth = 0; nth < 100; nth++) {
        stage.data(nth % 3 === 0 ? WORD : COMMENT + ROLE);
        await stage.clock.advance(pause);
      }
      expect(stage.results).toEqual([]);
    }
  });

  it("I8 one payload just in time is enough, and the end is never early", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    for (let nth = 0; nth < 4; nth++) {
      const until = stage.clock.now() + payloadIdleTimeout - STEP;
      while (stage.clock.now() < until) {
        stage.data(ROLE);
        await stage.clock.advance(STEP);
      }
      stage.data(WORD);
    }
    const last = stage.clock.now();
    const end = await drip(stage, ROLE);
    expect(stage.results).toEqual([IDLE]);
    expect(end - last).toBeGreaterThanOrEqual(payloadIdleTimeout);
    expect(end - last).toBeLessThanOrEqual(payloadIdleTimeout + 2 * LOOK);
  });

  it("I8 I21 an event above the scanning bound counts when it is complete", async () => {
    const stage = createStage({ eventSize: 100 }).head(200, SSE);
    for (let nth = 0; nth < 6; nth++) {
      stage.data(`data: {"image":"${"x".repeat(200)}`);
      for (let at = 0; at < payloadIdleTimeout / 2; at += 100) {
        await stage.clock.advance(100);
        stage.data("x");
      }
      stage.data(`"}\n\n`);
    }
    expect(stage.results).toEqual([]);
    stage.data(`data: {"image":"${"x".repeat(200)}`);
    await drip(stage, "x");
    expect(stage.results).toEqual([IDLE]);
  });

  it("I8 audio and files have no payload apart from their bytes", async () => {
    const stage = createStage({ wantsStream: false }).head(200, { "content-type": "audio/mpeg" });
    await drip(stage, "\u0000", 3 * payloadIdleTimeout);
    expect(stage.results).toEqual([]);
    await stage.clock.advance(idleTimeout);
    expect(stage.results).toMatchObject([{ error: "ERR_RELAY_IDLE" }]);
  });

  it("I8 a stream that has said everything is complete, though pings follow", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD + STOP);
    await drip(stage, COMMENT);
    expect(stage.results).toEqual([{ kind: "ended", end: "completed" }]);
  });

  it("I8 silence has its own, shorter limit", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    await stage.clock.advance(idleTimeout);
    expect(stage.results).toEqual([
      { kind: "ended", end: "idle_timeout", error: "ERR_RELAY_IDLE" },
    ]);
  });

  it("I8 pings may go on for ever where the limit is switched off", async () => {
    const timeouts = { ...TIMEOUTS, payloadIdleTimeout: false } as const;
    const stage = createStage({ timeouts }).head(200, SSE);
    stage.data(WORD);
    await drip(stage, COMMENT, 10 * payloadIdleTimeout);
    expect(stage.results).toEqual([]);
  });

  it("I8 I10 both clocks stand still while the relay does not read", async () => {
    const stage = createStage({ eventSize: 1_000_000 }).head(200, SSE);
    stage.data(WORD);
    await dripFor(stage, ROLE, 400);
    stage.sink.isFast = false;
    stage.data(ROLE);
    await stage.clock.advance(10_000);
    // Bytes that were under way arrive all the same.
    stage.data(ROLE);
    await stage.clock.advance(10_000);
    expect(stage.results).toEqual([]);
    stage.sink.drain();
    const before = stage.clock.now();
    expect((await drip(stage, ROLE)) - before).toBe(payloadIdleTimeout + LOOK - 400);
    expect(stage.results).toEqual([IDLE]);
  });

  it("I8 I10 payload that arrives while the relay does not read counts from when it reads again", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    stage.sink.isFast = false;
    stage.data(ROLE);
    await stage.clock.advance(1_000);
    stage.data(WORD);
    await stage.clock.advance(1_000);
    stage.sink.drain();
    const before = stage.clock.now();
    expect((await drip(stage, ROLE)) - before).toBe(payloadIdleTimeout + LOOK);
  });

  it("I8 leaves no deadline behind", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    expect(stage.timers.dueAt("payload")).not.toBe(Infinity);
    stage.reply.abandon();
    expect(stage.timers.dueAt("payload")).toBe(Infinity);
    await stage.clock.advance(10 * payloadIdleTimeout);
    expect(stage.clock.pending()).toBe(0);
    expect(stage.results).toEqual([{ kind: "left" }]);
  });
});

it("I8 reads one event in each part of the limit, not every event", async () => {
  let read = 0;
  const stage = createStage({
    dialect: {
      classifyEvent: () => (read++, "payload"),
      mayBeSignificant: () => false,
    },
  }).head(200, SSE);
  for (let at = 0; at < payloadIdleTimeout; at++) {
    stage.data(WORD);
    await stage.clock.advance(1);
  }
  expect(read).toBeLessThanOrEqual(payloadIdleTimeout / LOOK + 2);
  expect(read).toBeGreaterThan(payloadIdleTimeout / LOOK / 2);
});

async function dripFor(stage: Stage, text: string, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += STEP) {
    await stage.clock.advance(STEP);
    stage.data(text);
  }
}
