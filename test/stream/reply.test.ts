import type { Dialect } from "../../src/contract/dialect.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReplyResult } from "../../src/stream/reply.ts";
import { REFUSAL_SIZE } from "../../src/stream/commit-gate.ts";
import { anthropic } from "../../src/dialects/anthropic.ts";
import { generic } from "../../src/dialects/generic.ts";
import { google } from "../../src/dialects/google.ts";
import { openai } from "../../src/dialects/openai.ts";
import {
  createStage,
  DONE,
  ERROR,
  event,
  JSON_TYPE,
  ROLE,
  SSE,
  type Stage,
  STOP,
  TIMEOUTS,
  WORD,
} from "./stage.ts";

const COMPLETED = { kind: "ended", end: "completed" };

describe("a stream, split anywhere", () => {
  const part = fc.constantFrom(ROLE, ROLE, WORD, WORD, WORD, STOP, ERROR, DONE, ": c\n\n", "\n");
  const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
  const cuts = fc.array(fc.nat(1_500), { maxLength: 10 });

  it("B10 I1 I2 I11 has the same result with the same bytes", () => {
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 9 }),
        lineEnd,
        cuts,
        fc.boolean(),
        (parts, end, at, ends) => {
          const whole = parts.join("").replaceAll("\n", end);
          const once = play([whole], ends);
          const cut = play(pieces(whole, at), ends);
          expect(cut.results.map(plain)).toEqual(once.results.map(plain));
          // After a refusal, or a fault before the first payload, the client has received nothing.
          const isUntouched = once.results.some(({ kind }) => kind !== "ended");
          expect(cut.sink.text).toBe(isUntouched ? "" : once.sink.text);
          expect(whole.startsWith(cut.sink.text)).toBe(true);
          expect(cut.results).toHaveLength(1);
        },
      ),
      { seed: 20_26, numRuns: 400 },
    );
  });

  function play(chunks: string[], ends: boolean): Stage {
    const stage = createStage({ eventSize: 1_000_000 }).head(200, SSE);
    for (const chunk of chunks) stage.data(chunk);
    if (ends) stage.end();
    else stage.reply.onFail({ fault: "closed" });
    return stage;
  }

  function plain(result: ReplyResult): object {
    return result.kind === "refused"
      ? { ...result, headers: undefined, body: new TextDecoder().decode(result.body) }
      : result;
  }

  function pieces(whole: string, at: readonly number[]): string[] {
    const places = [...new Set(at.map((one) => one % (whole.length + 1)))].toSorted(
      (a, b) => a - b,
    );
    return [0, ...places].map((from, nth) => whole.slice(from, places[nth] ?? whole.length));
  }
});

describe("an error as the first meaningful event", () => {
  const message = "slow down";
  it.each<[string, Dialect, string, string]>([
    ["openai, at the top", openai, ROLE, event({ error: { message } })],
    [
      "openai, in a choice",
      openai,
      ROLE,
      event({ choices: [{ finish_reason: "error", error: { message } }] }),
    ],
    [
      "openai, in a response",
      openai,
      event({ type: "response.created" }),
      event({ type: "response.failed", response: { error: { message } } }),
    ],
    ["openai, by its name", openai, ROLE, event({ message }, "error")],
    [
      "anthropic",
      anthropic,
      event({ type: "message_start", message: {} }, "message_start") +
        event({ type: "ping" }, "ping"),
      event({ type: "error", error: { type: "overloaded_error", message } }, "error"),
    ],
    [
      "google",
      google,
      event({ usageMetadata: {} }),
      event({ error: { code: 429, message, status: "RESOURCE_EXHAUSTED" } }),
    ],
    ["generic", generic, event("", "ping"), event({ error: message })],
    ["a bare code", generic, "", event({ code: 1302, message })],
  ])("B10 I1 is that error, and nothing has been sent (%s)", (_where, dialect, before, error) => {
    const stage = createStage({ dialect }).head(200, { ...SSE, "x-one": "1" });
    expect(stage.data(before)).toBe(true);
    stage.data(error + WORD);
    expect(stage.sink.status).toBe(0);
    expect(stage.results).toHaveLength(1);
    const [result] = stage.results;
    if (result?.kind !== "refused") throw new Error(result?.kind);
    expect(result).toMatchObject({ status: 200, inStream: true });
    expect(result.headers.get("x-one")).toBe("1");
    expect(new TextDecoder().decode(result.body)).toContain(message);
    expect(stage.told).toEqual(["abort"]);
    expect(stage.opened).toBe(0);
  });

  it("I2 is passed on, and ends the stream, where payload was sent before", () => {
    const stage = createStage().head(200, SSE);
    stage.data(ROLE + WORD);
    stage.data(ERROR + WORD);
    expect(stage.sink.text).toBe(ROLE + WORD + ERROR);
    expect(stage.results).toEqual([{ kind: "ended", end: "upstream_error" }]);
  });

  it("I2 is passed on where the gate opened because its buffer was full", () => {
    const stage = createStage({ eventSize: 100 }).head(200, SSE);
    stage.data(ROLE + ROLE);
    expect(stage.opened).toBe(1);
    stage.data(ERROR);
    expect(stage.results).toEqual([{ kind: "ended", end: "upstream_error" }]);
    expect(stage.sink.text).toBe(ROLE + ROLE + ERROR);
  });

  it("I3 is passed on with the blank line that it lacks", () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    stage.data(ERROR.slice(0, -2));
    stage.end();
    expect(stage.sink.text).toBe(`${WORD}${ERROR.slice(0, -2)}\n\n`);
    expect(stage.results).toEqual([{ kind: "ended", end: "upstream_error" }]);
  });
});

describe("the kind of body", () => {
  it.each<[string, boolean, string, boolean]>([
    ["text/event-stream; charset=utf-8", true, "text", true],
    ["TEXT/EVENT-STREAM", true, "text", true],
    ["application/x-ndjson", true, "text", false],
    ["application/jsonl", true, "text", false],
    ["application/json-seq", true, "text", false],
    ["application/vnd.api+json", true, "text", false],
    ["audio/mpeg", true, "text", false],
  ])("I14 %s", (type, _stream, _as, isEvents) => {
    const stage = createStage({ wantsStream: false }).head(200, { "content-type": type });
    stage.data(`data: {"id":1}\n\n`);
    stage.end();
    expect(stage.results).toEqual(
      isEvents ? [{ kind: "ended", end: "truncated", error: "ERR_RELAY_TRUNCATED" }] : [COMPLETED],
    );
    expect(stage.delivery.isEventStream).toBe(isEvents);
  });

  it("I14 treats a response without a type as a stream where one was requested, otherwise as JSON or neither", () => {
    const asked = createStage({ wantsStream: true }).head(200, {});
    asked.data(WORD + DONE);
    expect(asked.delivery.isEventStream).toBe(true);
    const other = createStage({ wantsStream: false }).head(200, {});
    other.data("\u0000 sound");
    expect(other.opened).toBe(1);
    const json = createStage({ wantsStream: false }).head(200, {});
    json.data(`{"error":{"message":"no"}}`);
    expect(json.opened).toBe(0);
    json.end();
    expect(json.results[0]!.kind).toBe("refused");
  });

  it("ends a response without a body", () => {
    for (const [status, isHead] of [
      [204, false],
      [205, false],
      [200, true],
    ] as const) {
      const stage = createStage({ isHead }).head(status, JSON_TYPE).end();
      expect(stage.results).toEqual([COMPLETED]);
      expect(stage.sink.status).toBe(status);
    }
  });

  it("E13 distinguishes an empty JSON response from one where none was expected", () => {
    expect(createStage().head(200, JSON_TYPE).end().results).toEqual([
      { kind: "failed", fault: "empty" },
    ]);
    expect(createStage({ expectsBody: false }).head(200, JSON_TYPE).end().results).toEqual([
      COMPLETED,
    ]);
  });

  it("I14 passes an array as soon as it cannot be an error, however it is split", () => {
    const body = `[{"candidates": [{"content": {"parts": [{"text": "x"}]}}]}\n,\n{}]`;
    for (let at = 1; at < body.length; at++) {
      const stage = createStage({ dialect: google }).head(200, JSON_TYPE);
      stage.data(body.slice(0, at));
      stage.data(body.slice(at));
      expect(stage.opened).toBe(1);
      expect(stage.sink.text).toBe(body);
    }
    const error = createStage({ dialect: google }).head(200, JSON_TYPE);
    for (const character of `[ {\n "error": {"code": 429}}]`) error.data(character);
    expect(error.opened).toBe(0);
    expect(error.end().results[0]!.kind).toBe("refused");
  });

  it("B10 keeps 64 KB of a JSON body to examine it, and of a refusal no more than can be used", () => {
    const json = createStage().head(200, JSON_TYPE);
    json.data(`{"a":"${"x".repeat(60_000)}`);
    expect(json.opened).toBe(0);
    json.data("x".repeat(10_000));
    expect(json.opened).toBe(1);
    const refusal = createStage().head(429, JSON_TYPE);
    for (let nth = 0; nth < 3; nth++) refusal.data("x".repeat(REFUSAL_SIZE / 2 + 1));
    expect(refusal.results).toHaveLength(1);
    expect(refusal.results[0]).toMatchObject({ kind: "refused", status: 429, inStream: false });
    expect((refusal.results[0] as { body: Uint8Array }).body.length).toBe(REFUSAL_SIZE);
    expect(refusal.told).toEqual(["abort"]);
  });
});

describe("silence", () => {
  it("I9 ends the connect timeout with the connection, or with the head", async () => {
    const stage = createStage();
    await stage.clock.advance(TIMEOUTS.connectTimeout);
    expect(stage.results).toEqual([{ kind: "failed", fault: "connect-timeout" }]);
    for (const [tell, fault] of [
      [(other: Stage) => other.reply.onConnect(), "timeout"],
      [(other: Stage) => void other.head(200, SSE), "body-timeout"],
    ] as const) {
      const other = createStage();
      tell(other);
      await other.clock.advance(TIMEOUTS.firstByteTimeout - 1);
      expect(other.results).toEqual([]);
      await other.clock.advance(1);
      expect(other.results).toEqual([{ kind: "failed", fault }]);
    }
  });

  it("I9 does not apply the connect timeout to a transport that cannot report a connection", async () => {
    const stage = createStage({ tellsConnect: false });
    await stage.clock.advance(TIMEOUTS.firstByteTimeout - 1);
    expect(stage.results).toEqual([]);
  });

  it("I8 treats silence after the last event as the end", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD + STOP);
    await stage.clock.advance(TIMEOUTS.idleTimeout);
    expect(stage.results).toEqual([COMPLETED]);
  });

  it("I10 I8 requests no more while the client is slow, does not count that silence, and continues", async () => {
    const stage = createStage().head(200, SSE);
    stage.sink.isFast = false;
    expect(stage.data(WORD)).toBe(false);
    expect(stage.data(WORD)).toBe(false);
    await stage.clock.advance(10 * TIMEOUTS.idleTimeout);
    expect(stage.results).toEqual([]);
    stage.sink.drain();
    expect(stage.told).toEqual(["resume"]);
    expect(stage.data(WORD)).toBe(true);
    await stage.clock.advance(TIMEOUTS.idleTimeout);
    expect(stage.results).toEqual([
      { kind: "ended", end: "idle_timeout", error: "ERR_RELAY_IDLE" },
    ]);
  });

  it("I10 starts the idle time again when the client reads again", async () => {
    const stage = createStage().head(200, SSE);
    stage.sink.isFast = false;
    stage.data(WORD);
    await stage.clock.advance(500);
    stage.sink.drain();
    await stage.clock.advance(TIMEOUTS.idleTimeout - 1);
    expect(stage.results).toEqual([]);
    await stage.clock.advance(1);
    expect(stage.results).toHaveLength(1);
  });

  it("I10 notices a slow client from the first bytes on", () => {
    const stage = createStage().head(200, SSE);
    stage.data(ROLE);
    stage.sink.isFast = false;
    expect(stage.data(WORD)).toBe(false);
    expect(stage.sink.text).toBe(ROLE + WORD);
  });
});

describe("after the response", () => {
  it("I3 E16 gives the upstream a second to end normally, then closes it", async () => {
    const stage = createStage().head(200, SSE);
    expect(stage.data(WORD + DONE + ": trailing")).toBe(true);
    expect(stage.results).toEqual([COMPLETED]);
    expect(stage.sink.text).toBe(WORD + DONE);
    stage.timers.stop();
    await stage.clock.advance(999);
    expect(stage.told).toEqual([]);
    expect(stage.data("more that nobody wants")).toBe(true);
    await stage.clock.advance(1);
    expect(stage.told).toEqual(["abort"]);
    expect(stage.clock.pending()).toBe(0);
  });

  it.each<[string, (stage: Stage) => void]>([
    ["ends", (stage) => void stage.end()],
    ["is interrupted", (stage) => stage.reply.onFail({ fault: "closed" })],
  ])("E16 leaves no timer where it %s meanwhile, and reports nothing more", async (_how, end) => {
    for (const isAtOnce of [true, false]) {
      const stage = createStage().head(200, SSE);
      stage.data(WORD + DONE);
      if (!isAtOnce) await stage.clock.settle();
      end(stage);
      stage.timers.stop();
      await stage.clock.settle();
      expect(stage.clock.pending()).toBe(0);
      expect(stage.told).toEqual([]);
      expect(stage.results).toEqual([COMPLETED]);
    }
  });

  it("E16 closes every other upstream at once, and ignores it after that", () => {
    for (const stop of [
      (stage: Stage) => stage.reply.abandon(),
      (stage: Stage) => stage.reply.cut("shutdown", "ERR_RELAY_SHUTDOWN"),
      (stage: Stage) => stage.sink.leave(),
    ]) {
      for (const parts of [[], [ROLE], [ROLE, WORD]]) {
        const stage = createStage();
        if (parts.length > 0) stage.head(200, SSE);
        for (const part of parts) stage.data(part);
        stop(stage);
        stage.head(200, SSE);
        stage.data(WORD);
        stage.end();
        stage.reply.onFail({ fault: "closed" });
        stage.reply.abandon();
        expect(stage.told).toEqual(["abort"]);
        expect(stage.results).toHaveLength(1);
        stage.timers.stop();
        expect(stage.clock.pending()).toBe(0);
      }
    }
  });

  it("I16 distinguishes a stream that was cut from one that had not begun", () => {
    const begun = createStage().head(200, SSE);
    begun.data(WORD);
    begun.reply.cut("shutdown", "ERR_RELAY_SHUTDOWN");
    expect(begun.results).toEqual([
      { kind: "ended", end: "shutdown", error: "ERR_RELAY_SHUTDOWN" },
    ]);
    const not = createStage().head(200, SSE);
    not.data(ROLE);
    not.reply.cut("timeout", "ERR_RELAY_DEADLINE");
    expect(not.results).toEqual([{ kind: "failed", fault: "timeout" }]);
    // An end by the relay says nothing about the upstream.
    const ours = createStage().head(200, SSE);
    ours.reply.cut("shutdown", "ERR_RELAY_SHUTDOWN");
    expect(ours.results).toEqual([{ kind: "left" }]);
  });

  it("E10 keeps the fault and its code where nothing was sent", () => {
    const stage = createStage();
    stage.reply.onFail({ fault: "dns", code: "ENOTFOUND" });
    expect(stage.results).toEqual([{ kind: "failed", fault: "dns", code: "ENOTFOUND" }]);
    expect(stage.told).toEqual([]);
  });

  it("E10 survives an end without a head", () => {
    expect(createStage().end().results).toEqual([{ kind: "failed", fault: "protocol" }]);
  });
});

describe("the early head", () => {
  function withCommit(stage: Stage, at: number): string[] {
    const rung: string[] = [];
    stage.timers.set("commit", at, () => rung.push("commit"));
    return rung;
  }

  it("I1 is postponed while a JSON response is in progress, and due again when that has failed", async () => {
    const stage = createStage();
    const rung = withCommit(stage, 10);
    stage.head(200, JSON_TYPE);
    stage.data(`{"error":`);
    await stage.clock.advance(15);
    expect(rung).toEqual([]);
    stage.data(`{"message":"no"}}`);
    stage.end();
    expect(stage.results[0]!.kind).toBe("refused");
    await stage.clock.advance(1);
    expect(rung).toEqual(["commit"]);
  });

  it("I1 stays due when an attempt at a stream has failed, and is off once the gate is open", async () => {
    const failed = createStage();
    const rung = withCommit(failed, 10);
    failed.head(200, SSE);
    failed.reply.onFail({ fault: "closed" });
    await failed.clock.advance(10);
    expect(rung).toEqual(["commit"]);
    const open = createStage();
    const silent = withCommit(open, 10);
    open.head(200, SSE);
    open.data(WORD);
    await open.clock.advance(10);
    expect(silent).toEqual([]);
  });
});

describe("an operator's dialect that throws", () => {
  const broken = (): never => {
    throw new Error("in a dialect");
  };
  it.each<[string, Partial<Dialect>, (stage: Stage) => void]>([
    ["classifyEvent", { classifyEvent: broken }, (stage) => void stage.head(200, SSE).data(WORD)],
    [
      "classifyEvent, at the end",
      { classifyEvent: broken },
      (stage) => {
        stage.head(200, SSE).data(WORD.slice(0, -1));
        stage.end();
      },
    ],
    [
      "mayBeSignificant",
      { mayBeSignificant: broken },
      (stage) => void stage.head(200, SSE).data(WORD + WORD),
    ],
    [
      "isCompleteWith",
      { isCompleteWith: broken },
      (stage) => {
        stage.head(200, SSE).data(WORD);
        stage.end();
      },
    ],
    [
      "classifyEvent of a JSON body",
      { classifyEvent: broken },
      (stage) => {
        stage.head(200, JSON_TYPE).data("{}");
        stage.end();
      },
    ],
  ])(
    "I5 ends the request with an error of the relay, and nothing is thrown (%s)",
    (_where, dialect, play) => {
      const stage = createStage({ dialect });
      play(stage);
      expect(stage.faults).toHaveLength(1);
      expect(stage.results).toEqual([
        { kind: "ended", end: "upstream_error", error: "ERR_RELAY_INTERNAL" },
      ]);
    },
  );

  it("I5 I17 does not interrupt the response where readUsage throws", () => {
    const stage = createStage({ dialect: { readUsage: broken } }).head(200, SSE);
    stage.data(event({ usage: {}, choices: [{ delta: { content: "x" } }] }) + DONE);
    expect(stage.reply.readUsage()).toBeUndefined();
    expect(stage.faults).toHaveLength(1);
    expect(stage.results).toEqual([COMPLETED]);
  });

  it("I5 reports a head that cannot be sent", () => {
    const stage = createStage({ commit: broken }).head(200, SSE);
    stage.data(WORD);
    expect(stage.results).toEqual([
      { kind: "ended", end: "upstream_error", error: "ERR_RELAY_INTERNAL" },
    ]);
    expect(stage.delivery.isCommitted).toBe(false);
  });
});
