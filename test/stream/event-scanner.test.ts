import fc from "fast-check";
import { createParser } from "eventsource-parser";
import { describe, expect, it } from "vitest";
import type { StreamEvent } from "../../src/contract/dialect.ts";
import {
  type Framing,
  parseEvent,
  EventScanner,
  type Visit,
} from "../../src/stream/event-scanner.ts";

const NO_LIMIT = 1_048_576;
const RUNS = { seed: 20_26, numRuns: 300 };

interface Scan {
  events: StreamEvent[];
  /** The output to the client, chunk by chunk. */
  out: string[];
  rest: string;
  scanner: EventScanner;
}

function scan(
  chunks: readonly Uint8Array[],
  {
    framing = "sse" as Framing,
    limit = NO_LIMIT,
    stopAt = (_event: StreamEvent): boolean => false,
  } = {},
): Scan {
  const events: StreamEvent[] = [];
  const visit = (event: StreamEvent): Visit => {
    events.push(event);
    return stopAt(event) ? "stop" : "go";
  };
  const scanner = new EventScanner(framing, limit, { visit });
  const out = chunks.map((chunk) => text(scanner.push(chunk)));
  return { events, out, rest: text(scanner.rest()), scanner };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function bytes(from: string): Uint8Array {
  return new TextEncoder().encode(from);
}

function splitAt(whole: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(at.map((one) => one % (whole.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...cuts].map((from, nth) => whole.subarray(from, cuts[nth] ?? whole.length));
}

/** Chunks of one byte, as a transport may pass them in one reused buffer. */
function singly(whole: Uint8Array): Uint8Array[] {
  return [...whole].map((byte) => Uint8Array.of(byte));
}

const LINE_ENDS = ["\n", "\r\n", "\r"] as const;

const STREAM = [
  "event: start\ndata: {}\n\n",
  ": a comment\n\n",
  "data: one\ndata: two\n\n",
  "id: 7\nretry: 10\ndata: sch\u00f6n \u20ac \ud83d\ude00\n\n",
  "\n",
  "data:no blank\ndata\nunknown: x\n\n",
  "event: ping\n\n",
  "data: nul \u0000 inside\n\n",
  "data: [DONE]\n\n",
].join("");

const EVENTS: StreamEvent[] = [
  { name: "start", data: "{}" },
  { name: "", data: "one\ntwo" },
  { name: "", data: "sch\u00f6n \u20ac \ud83d\ude00" },
  { name: "", data: "no blank\n" },
  { name: "ping", data: "" },
  { name: "", data: "nul \u0000 inside" },
  { name: "", data: "[DONE]" },
];

describe.each(LINE_ENDS)("events that end in %j", (end) => {
  const stream = STREAM.replaceAll("\n", end);
  const whole = bytes(stream);

  it("I11 returns every byte, split at every position", () => {
    for (let at = 0; at <= whole.length; at++) {
      const { events, out, rest } = scan([whole.subarray(0, at), whole.subarray(at)]);
      expect(out.join("") + rest).toBe(text(whole));
      expect(events).toEqual(EVENTS);
    }
  });

  it("I11 returns every byte, byte by byte", () => {
    const { events, out, rest } = scan(singly(whole));
    expect(out.join("")).toBe(text(whole));
    expect(rest).toBe("");
    expect(events).toEqual(EVENTS);
  });

  it("I2 returns only complete events, at every position", () => {
    const borders = bordersOf(stream, end);
    for (let at = 0; at <= whole.length; at++) {
      const passed = scan([whole.subarray(0, at)]).out.join("").length;
      const whole_ = borders.filter((border) => border <= at).at(-1) ?? 0;
      // A stream of CRs cannot know yet whether an LF follows.
      expect([whole_, whole_ - (end === "\r\n" ? 1 : 0)]).toContain(passed);
    }
  });

  it("I3 stops after the last byte of the event that ends the stream", () => {
    const stopAt = ({ data }: StreamEvent): boolean => data === "one\ntwo";
    const upTo = bytes(`${stream.split("two")[0]}two${end}${end}`);
    for (let at = 0; at <= whole.length; at++) {
      const parts = [whole.subarray(0, at), whole.subarray(at)];
      const { events, out, scanner } = scan(parts, { stopAt });
      expect(out.join("")).toBe(text(upTo));
      expect(events).toHaveLength(2);
      expect(scanner.hasStopped).toBe(true);
    }
    expect(scan(singly(whole), { stopAt }).out.join("")).toBe(text(upTo));
  });
});

function bordersOf(stream: string, end: string): number[] {
  const borders: number[] = [];
  for (let at = 0, from = 0; ;) {
    const next = stream.indexOf(end, from);
    if (next < 0) return borders;
    if (next === at) borders.push(bytes(stream.slice(0, next + end.length)).length);
    from = at = next + end.length;
  }
}

describe("any stream", () => {
  const line = fc.oneof(
    fc.constantFrom("", ":", ": c", "data", "data:", "data: x", "event: e", "event:", "id: 1", "x"),
    fc.string({ unit: "grapheme", maxLength: 8 }).map((value) => `data: ${clean(value)}`),
  );
  const anyStream = fc
    .array(fc.tuple(line, fc.constantFrom(...LINE_ENDS)), { maxLength: 30 })
    .map((lines) => bytes(lines.flat().join("")));
  const cuts = fc.array(fc.nat(2_000), { maxLength: 12 });
  const ends = fc.constantFrom("\n", "\n", ...LINE_ENDS);

  it("I11 returns the same bytes and the same events, however it is split", () => {
    fc.assert(
      fc.property(anyStream, cuts, (whole, at) => {
        const once = scan([whole]);
        const cut = scan(splitAt(whole, at));
        expect(cut.out.join("") + cut.rest).toBe(text(whole));
        expect(cut.events).toEqual(once.events);
      }),
      RUNS,
    );
  });

  it("reads events as an EventSource does", () => {
    fc.assert(
      fc.property(anyStream, cuts, (whole, at) => {
        const expected: StreamEvent[] = [];
        const parser = createParser({
          onEvent: ({ event, data }) => void expected.push({ name: event ?? "", data }),
        });
        parser.feed(new TextDecoder("utf-8", { ignoreBOM: false }).decode(whole));
        const { events } = scan(splitAt(whole, at));
        // An event without data is none there; here its name alone may matter.
        expect(events.filter(({ data }) => data !== "")).toEqual(
          expected.filter(({ data }) => data !== ""),
        );
      }),
      RUNS,
    );
  });

  it("I11 reads chunks that end with a blank line like single bytes", () => {
    const lines = fc.array(fc.tuple(fc.constantFrom("", "data: x", "event: e", "x"), ends), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(lines, (pairs) => {
        const whole = bytes(pairs.flat().join(""));
        const pieces = splitAt(
          whole,
          [...whole.keys()].filter((at) => text(whole.subarray(at - 2, at)) === "\n\n"),
        );
        const apart = scan(singly(whole));
        const { events, out, rest } = scan(pieces);
        expect(events).toEqual(apart.events);
        expect(out.join("") + rest).toBe(text(whole));
      }),
      { ...RUNS, numRuns: 3_000 },
    );
  });

  it("never holds back more than one event, nor more than the limit", () => {
    fc.assert(
      fc.property(anyStream, cuts, fc.integer({ min: 1, max: 40 }), (whole, at, limit) => {
        const { out, rest } = scan(splitAt(whole, at), { limit });
        expect(out.join("") + rest).toBe(text(whole));
        expect(rest.length).toBeLessThanOrEqual(limit);
      }),
      RUNS,
    );
  });
});

/** A line of data cannot contain a line end; a BOM is tested elsewhere. */
function clean(value: string): string {
  return value.replace(/[\r\n\uFEFF]/g, "");
}

describe("edge cases", () => {
  it("skips a byte order mark", () => {
    const whole = bytes(`\uFEFFdata: first\n\ndata: second\n\n`);
    for (const chunks of [[whole], singly(whole)]) {
      expect(scan(chunks).events.map(({ data }) => data)).toEqual(["first", "second"]);
    }
  });

  it("visits an event whose blank line is missing only on request", () => {
    const { events, scanner } = scan([bytes("data: a\n\n")]);
    scanner.push(bytes("data: b\n"));
    expect(events).toHaveLength(1);
    scanner.visitRest();
    expect(events.at(-1)).toEqual({ name: "", data: "b" });
    expect(text(scanner.rest())).toBe("data: b\n");
    expect(text(scanner.rest())).toBe("");
  });

  it("does not retain the chunks it was given", () => {
    const shared = new Uint8Array(8);
    const { events, scanner } = scan([]);
    for (const piece of ["data: fi", "rst, and", " more\n\n."]) {
      shared.set(bytes(piece));
      scanner.push(shared);
    }
    expect(events).toEqual([{ name: "", data: "first, and more" }]);
  });

  it("accepts nothing more once it has stopped", () => {
    const { scanner } = scan([bytes("data: x\n\ntail")], { stopAt: () => true });
    expect(scanner.push(bytes("data: y\n\n"))).toHaveLength(0);
    expect(scanner.rest()).toHaveLength(0);
  });

  it("parses one event with any line end", () => {
    expect(parseEvent("data: x\n\n")).toEqual({ name: "", data: "x" });
    expect(parseEvent("data:  x\r\ndata:y\r\r")).toEqual({ name: "", data: " x\ny" });
    expect(parseEvent("event: e\n\n")).toEqual({ name: "e", data: "" });
    expect(parseEvent(": c\n\n")).toBeUndefined();
    expect(parseEvent("id: 3\n\n")).toBeUndefined();
  });
});

describe("oversize events", () => {
  it("N4 pass unscanned, are reported meanwhile, and the next one is scanned", () => {
    const { events, scanner } = scan([bytes("data: a\n\n")], { limit: 100 });
    let passed = "";
    for (const piece of [`data: ${"x".repeat(90)}`, "y".repeat(50), "z".repeat(50)]) {
      passed += text(scanner.push(bytes(piece)));
    }
    expect(scanner.isInsideEvent).toBe(true);
    expect(passed).toBe(`data: ${"x".repeat(90)}${"y".repeat(50)}${"z".repeat(50)}`);
    expect(text(scanner.push(bytes("\n\ndata: b\n\ndata: c")))).toBe("\n\ndata: b\n\n");
    expect(scanner.isInsideEvent).toBe(false);
    expect(events.map(({ data }) => data)).toEqual(["a", "b"]);
  });

  it("N4 end with a chunk that ends them, and are not visited", () => {
    const pieces = [`data: ${"x".repeat(90)}`, "y\n", "data: more\n\n", "data: b\n\n"];
    const { events, scanner } = scan(pieces.map(bytes), { limit: 50 });
    expect(events.map(({ data }) => data)).toEqual(["b"]);
    expect(scanner.isInsideEvent).toBe(false);
  });

  it("N4 of 100 MB take constant memory", () => {
    const { events, scanner } = scan([]);
    const piece = new Uint8Array(65_536).fill(120);
    let passed = scanner.push(bytes("data: ")).length;
    for (let nth = 0; nth < 1_600; nth++) passed += scanner.push(piece).length;
    // Nothing is copied once the limit is reached: the input is the output.
    expect(scanner.push(piece)).toBe(piece);
    passed += scanner.push(bytes("\n\ndata: small\n\n")).length;
    expect(passed).toBe(1_600 * 65_536 + "data: ".length + "\n\ndata: small\n\n".length);
    expect(events).toEqual([{ name: "", data: "small" }]);
  });

  it("N4 end at any line end, split anywhere", () => {
    for (const end of LINE_ENDS) {
      const whole = bytes(`data: ${"x".repeat(64)}${end}${end}data: next${end}${end}`);
      for (let at = 40; at <= whole.length; at++) {
        const parts = [
          ...singly(whole.subarray(0, 40)),
          whole.subarray(40, at),
          whole.subarray(at),
        ];
        const { events, out, rest } = scan(parts, { limit: 30 });
        expect(out.join("") + rest).toBe(text(whole));
        expect(events.map(({ data }) => data)).toEqual(["next"]);
      }
    }
  });

  it("in single bytes do not cost quadratic time", () => {
    const { events, scanner } = scan([]);
    for (const byte of singly(bytes(`data: ${"x".repeat(200_000)}\n\n`))) scanner.push(byte);
    expect(events[0]!.data).toHaveLength(200_000);
  });
});

describe("lines", () => {
  const ndjson = { framing: "ndjson" as Framing };

  it("I14 finds lines, whatever their end, and passes blank ones on", () => {
    const whole = bytes(`{"a":1}\n\n{"b":\r2}\r\n{"c":3}`);
    for (let at = 0; at <= whole.length; at++) {
      const { events, out, scanner } = scan([whole.subarray(0, at), whole.subarray(at)], ndjson);
      expect(events.map(({ data }) => data)).toEqual([`{"a":1}`, `{"b":\r2}`]);
      expect(out.join("")).toBe(`{"a":1}\n\n{"b":\r2}\r\n`);
      expect(scanner.isInsideEvent).toBe(false);
    }
  });

  it("I14 reads records of a JSON sequence", () => {
    expect(scan([bytes(`\u001e{"a":1}\n\u001e{"b":2}\n`)], ndjson).events).toEqual([
      { name: "", data: `{"a":1}` },
      { name: "", data: `{"b":2}` },
    ]);
  });

  it("stops after the line that ends the stream", () => {
    const { out } = scan([bytes("1\n2\n3\n")], { ...ndjson, stopAt: ({ data }) => data === "2" });
    expect(out).toEqual(["1\n2\n"]);
  });
});
