import { describe, expect, it } from "vitest";
import type { Fault } from "../../src/observe/fault-log.ts";
import { createFaultLog } from "../../src/observe/fault-log.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const REFUSED: Fault = {
  subject: "upstream a (h:1)",
  kind: "refused",
  what: "connection refused",
  advice: "check it",
  endedBy: "reached",
};

function bench() {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const log = createFaultLog({ debug: () => {}, info: say, warn: say, error: say }, clock);
  const pass = (ms: number): Promise<void> => clock.advance(ms);
  const well = (sign: "reached" | "served" | "completed" = "served", sentAt = clock.now()): void =>
    log.well(REFUSED.subject, sign, sentAt);
  return { clock, lines, log, pass, well };
}

describe("an incident", () => {
  it("J14 is one line at first, one per minute with the count while it lasts, and one at its end", async () => {
    const { log, lines, pass, well } = bench();
    for (let at = 0; at < 130; at++) {
      log.failed(REFUSED);
      await pass(1_000);
    }
    well();
    well();
    expect(lines).toEqual([
      "upstream a (h:1): connection refused; check it",
      "upstream a (h:1): connection refused, 61 failures in 1 min; check it",
      "upstream a (h:1): connection refused, 121 failures in 2 min; check it",
      "upstream a (h:1): reachable again after 2 min 10 s, 130 failures",
    ]);
  });

  it("J14 J5 that starts and ends constantly is two lines per minute at most", async () => {
    const { log, lines, pass, well } = bench();
    for (let at = 0; at < 600; at++) {
      log.failed(REFUSED);
      await pass(50);
      well();
      await pass(450);
    }
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(10);
    // The last line reports the current state.
    expect(lines.at(-1)).toContain("reachable again");
  });

  it("J14 is not ended by a request that was sent before it began, nor by a weaker sign", async () => {
    const { log, lines, pass, well, clock } = bench();
    const before = clock.now();
    await pass(1_000);
    log.failed(REFUSED);
    log.failed({ ...REFUSED, kind: "redirect", endedBy: "served" });
    well("completed", before);
    expect(lines).toHaveLength(2);
    well("reached");
    expect(lines[2]).toContain("reachable again after less than 1 s, 1 failure");
    well("served");
    expect(lines[3]).toContain("works again");
  });

  it("J14 keeps subjects and kinds separate", () => {
    const { log, lines, well } = bench();
    log.failed(REFUSED);
    log.failed({ ...REFUSED, subject: "upstream b (h:2)" });
    log.failed({ ...REFUSED, kind: "dns" });
    expect(lines).toHaveLength(3);
    well();
    expect(lines).toHaveLength(4);
    expect(lines[3]).toBe("upstream a (h:1): reachable again after less than 1 s, 2 failures");
  });

  it("J14 that nothing can end starts again after ten quiet minutes", async () => {
    const { log, lines, pass } = bench();
    const fault = { ...REFUSED, endedBy: undefined };
    log.failed(fault);
    log.failed(fault);
    await pass(600_000);
    log.failed(fault);
    expect(lines[1]).toBe(lines[0]);
  });

  it("J14 builds its text only where it is logged", () => {
    const { log } = bench();
    let asked = 0;
    for (let at = 0; at < 100; at++)
      log.failed({ ...REFUSED, what: () => `asked ${++asked} times` });
    expect(asked).toBe(1);
  });

  it("J14 takes bounded memory, and none after it has ended", async () => {
    const { log, lines, pass, well } = bench();
    for (let at = 0; at < 5_000; at++) log.failed({ ...REFUSED, kind: `${at}` });
    expect(lines).toHaveLength(5_000);
    well();
    expect(lines.at(-1)).toContain("1000 failures");
    expect(log.isQuiet).toBe(false);
    await pass(60_000);
    well();
    expect(log.isQuiet).toBe(true);
  });
});
