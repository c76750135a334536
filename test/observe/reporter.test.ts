import { expect, it } from "vitest";
import type { Log } from "../../src/contract/log.ts";
import { createReporter } from "../../src/observe/reporter.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

interface Setup {
  reporter: ReturnType<typeof createReporter>;
  clock: VirtualClock;
  lines: string[];
}

function setUp(): Setup {
  const lines: string[] = [];
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  const clock = createVirtualClock();
  return { reporter: createReporter(log, clock), clock, lines };
}

it("J5 writes at most 20 lines per minute and counts the dropped ones", async () => {
  const { reporter, clock, lines } = setUp();
  for (let i = 0; i < 50; i++) reporter.error(`fault ${i}`);
  expect(lines).toHaveLength(20);
  await clock.advance(59_999);
  reporter.warn("still");
  expect(lines).toHaveLength(20);
  await clock.advance(1);
  reporter.info("later");
  reporter.info("then");
  expect(lines.slice(20)).toEqual(["info later (31 earlier lines dropped)", "info then"]);
});

it("J5 writes a line once per minute, however often it is reported", async () => {
  const { reporter, clock, lines } = setUp();
  for (let i = 0; i < 100; i++) reporter.warn("the same");
  reporter.warn("another");
  expect(lines).toEqual(["warn the same", "warn another (99 earlier lines dropped)"]);
  await clock.advance(60_000);
  reporter.warn("the same");
  expect(lines.at(-1)).toBe("warn the same");
});

it("J5 leaves debug lines to the logger", () => {
  const { reporter, lines } = setUp();
  for (let i = 0; i < 50; i++) reporter.debug(() => "detail");
  expect(lines).toHaveLength(50);
});

it.each([
  [undefined, 1],
  [4, 1],
  [5, 1],
  [3, 0],
  [-Infinity, 0],
  // pino's and winston's levels are words.
  ["info" as unknown as number, 1],
])("J5 builds no debug line for a logger of level %s", (level, count) => {
  const lines: string[] = [];
  const debug = (line: string): void => void lines.push(line);
  const log = { level, debug, info() {}, warn() {}, error() {} } as Log;
  let made = 0;
  createReporter(log, createVirtualClock()).debug(() => `detail ${++made}`);
  expect([made, lines.length]).toEqual([count, count]);
});

it("J5 survives a logger that throws", () => {
  const log = {
    debug() {
      throw new Error("disk full");
    },
    info() {},
    warn() {},
    error() {
      throw new Error("disk full");
    },
  };
  const reporter = createReporter(log, createVirtualClock());
  expect(() => reporter.debug(() => "a")).not.toThrow();
  expect(() => reporter.error("b")).not.toThrow();
});

it("J5 keeps every message on one short line, whatever names it contains", () => {
  const { reporter, lines } = setUp();
  reporter.warn("model a\n[relay] all is well\u001b[31m");
  reporter.warn("x".repeat(1_000_000));
  expect(lines[0]).toBe("warn model a?[relay] all is well?[31m");
  expect(lines[1]!.length).toBeLessThan(1_100);
});
