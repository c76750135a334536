/** The event with token counts that the relay has requested: it alone is removed (I11, I17). */
import { describe, expect, it } from "vitest";
import { openai } from "../../src/dialects/openai.ts";
import { createStage, type Stage, type StageOptions, SSE } from "./stage.ts";

const USAGE = { prompt_tokens: 7, completion_tokens: 9, total_tokens: 16 };
const COUNTS = { inputTokens: 7, outputTokens: 9, totalTokens: 16 };
const chunk = (more: object): string =>
  JSON.stringify({ id: "c", object: "chat.completion.chunk", ...more });
const said = (delta: object, finish: string | null = null): object => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
  usage: null,
});

const OPENING = [": hello", "", `data: ${chunk(said({ role: "assistant", content: "" }))}`, ""];
const WORDS = [
  `data: ${chunk(said({ content: 'schön € 😀 "choices":[]' }))}`,
  "",
  "id: 7",
  `data: ${chunk(said({ content: '"usage": {"prompt_tokens": 1}' }))}`,
  "",
  `data: ${chunk(said({}, "stop"))}`,
  "",
];
const EXTRA = [`data: ${chunk({ choices: [], usage: USAGE })}`, ""];
const END = ["data: [DONE]", "", ""];

const stage = (options: StageOptions = {}): Stage =>
  createStage({ usageOption: openai.usageOption, ...options }).head(200, SSE);

/** Feeds a stream in chunks, for which a transport may reuse one buffer. */
function play(text: string, cuts: readonly number[], options?: StageOptions): Stage {
  const on = stage(options);
  const whole = new TextEncoder().encode(text);
  for (const [nth, from] of [0, ...cuts].entries())
    on.reply.onData(whole.slice(from, [...cuts, whole.length][nth]));
  return on.end();
}

function expectWhole(on: Stage, text: string): void {
  expect(on.sink.text).toBe(text);
  expect(on.results).toEqual([{ kind: "ended", end: "completed" }]);
  expect(on.faults).toEqual([]);
}

describe.each(["\n", "\r\n", "\r"])("a stream whose lines end in %j", (end) => {
  const before = [...OPENING, ...WORDS, ...EXTRA, ...END].join(end);
  const after = [...OPENING, ...WORDS, ...END].join(end);
  const { length } = new TextEncoder().encode(before);

  it("I11 I17 loses only the event, split at any byte", () => {
    for (let at = 0; at <= length; at++) {
      const on = play(before, [at]);
      expectWhole(on, after);
      expect(on.reply.readUsage()).toEqual(COUNTS);
    }
  });

  it("I11 I17 loses only the event, split at any two bytes around it", () => {
    const start = new TextEncoder().encode([...OPENING, ...WORDS].join(end)).length;
    for (let one = start - 6; one < length; one += 3)
      for (let two = one; two < length; two += 5) expectWhole(play(before, [one, two]), after);
  });

  it("I11 I17 loses only the event, byte by byte", () => {
    const cuts = Array.from({ length: length - 1 }, (_, at) => at + 1);
    const on = play(before, cuts);
    expectWhole(on, after);
    expect(on.reply.readUsage()).toEqual(COUNTS);
  });

  it.each([
    ["at its beginning", [...EXTRA, ...OPENING, ...WORDS, ...END], [...OPENING, ...WORDS, ...END]],
    ["twice", [...OPENING, ...EXTRA, ...EXTRA, ...WORDS, ...END], [...OPENING, ...WORDS, ...END]],
    ["after blank lines", [...WORDS, "", "", ...EXTRA, "", ...END], [...WORDS, "", "", "", ...END]],
    [
      "with a name and an id",
      [...WORDS, "event: x", "id: 1", ...EXTRA, ...END],
      [...WORDS, ...END],
    ],
    ["in place of a last blank line", [...WORDS, ...EXTRA], [...WORDS, ""]],
    ["as the last, unfinished event", [...WORDS, EXTRA[0]!], [...WORDS, ""]],
  ])("I11 I17 loses it %s, split at any byte", (_, stream, left) => {
    const text = stream.join(end);
    for (let at = 0; at <= new TextEncoder().encode(text).length; at++)
      expectWhole(play(text, [at]), left.join(end));
  });
});

describe("a stream with mixed line ends", () => {
  const mixed = (lines: readonly string[]): string => lines.join("\n").replaceAll("\n\n", "\n\r\n");
  const [first, ...others] = [WORDS.slice(0, 2), WORDS.slice(2)] as const;

  it.each([
    ["first", [...EXTRA, ...WORDS, ...END], [...WORDS, ...END]],
    ["second", [...first, ...EXTRA, ...others.flat(), ...END], [...WORDS, ...END]],
    ["last", [...WORDS, ...EXTRA, ...END], [...WORDS, ...END]],
  ])("I11 I17 loses the %s event with its own line ends, split at any byte", (_, stream, left) => {
    const text = mixed(stream);
    for (let at = 0; at <= new TextEncoder().encode(text).length; at++)
      expectWhole(play(text, [at]), mixed(left));
  });
});

describe("kept events", () => {
  const stays: [string, object][] = [
    ["counts beside a choice", { ...said({}, "stop"), usage: USAGE }],
    ["no counts", { choices: [], usage: null }],
    ["no choices and something else", { choices: [], prompt_filter_results: [] }],
    ["counts beside no choices at all", { usage: USAGE }],
    ["counts as a list", { choices: [], usage: [7] }],
  ];
  it.each(stays)("I11 I17 an event with %s passes", (_, event) => {
    const text = [...WORDS, `data: ${chunk(event)}`, "", ...END].join("\n");
    for (const cuts of [[], [WORDS.join("\n").length + 20]]) expectWhole(play(text, cuts), text);
  });

  it("I11 everything, where the relay has not requested it", () => {
    const text = [...OPENING, ...WORDS, ...EXTRA, ...END].join("\n");
    const on = play(text, [], { usageOption: undefined });
    expectWhole(on, text);
    expect(on.reply.readUsage()).toEqual(COUNTS);
  });

  it("B10 I11 an error with empty choices and counts is that error", () => {
    const error = { message: "no", code: "rate_limit_exceeded" };
    const event = `data: ${chunk({ choices: [], usage: USAGE, error })}\n\n`;
    expect(play(event, []).results).toMatchObject([{ kind: "refused", inStream: true }]);
    const later = play(WORDS.join("\n") + "\n" + event, []);
    expect(later.sink.text).toContain(event);
    expect(later.results).toEqual([{ kind: "ended", end: "upstream_error" }]);
  });

  it("N4 I11 an event beyond the scanning limit passes, right after the one that is removed", () => {
    const big = `data: ${chunk(said({ content: "x".repeat(2_000) }))}`;
    const text = [...OPENING, ...EXTRA, big, "", ...END].join("\r\n");
    const after = [...OPENING, big, "", ...END].join("\r\n");
    for (let at = 0; at < text.length; at += 7) {
      const on = play(text, [at], { eventSize: 1_000 });
      expect(on.sink.text).toBe(after);
    }
  });

  it("I17 counts that arrive before chunks without any are kept", () => {
    const text = [...EXTRA, `data: ${chunk(said({}, "stop"))}`, "", ...END].join("\n");
    expect(play(text.replaceAll('"usage":null', '"usage" : null'), []).reply.readUsage()).toEqual(
      COUNTS,
    );
  });
});
