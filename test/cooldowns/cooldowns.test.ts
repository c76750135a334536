import type { Reason } from "../../src/contract/verdict.ts";
import { describe, expect, it } from "vitest";
import type { Cooldown } from "../../src/cooldowns/cooldown-table.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import { HOUR, key, LADDER, MINUTE, NOW } from "../pool/fixtures.ts";

const KEY = key("a");

/** A table with one key, and refusals of it in one line. */
function createTable(limit?: number) {
  const table = new Cooldowns({ limit });
  const refuse = (
    now: number,
    hint: number | null,
    { reason = "QUOTA_EXHAUSTED" as Reason, sentAt = now, isStep = true, at = KEY } = {},
  ): Cooldown | undefined =>
    table.refuse({ key: at, reason, hint, sentAt, isStep, ladder: LADDER }, now);
  return { table, refuse, until: (now: number) => table.until("a", "main", "m", now) };
}

describe("a window", () => {
  it("D4 is closed until its last ms and open at its end", () => {
    const { refuse, until } = createTable();
    refuse(NOW, 5_000);
    expect(until(NOW + 4_999)).toBe(NOW + 5_000);
    expect(until(NOW + 5_000)).toBe(0);
  });

  it("D1 D3 closes its own level alone; all levels that close a credential are listed, narrowest first", () => {
    const { table, refuse } = createTable();
    const levels = [key("*", "*"), key("a", "*"), key("*"), KEY];
    levels.forEach((at, step) => refuse(NOW, 10_000 + step, { at }));
    const target = { upstream: "up", pool: "main", family: "m" };
    const closing = table.closing("a", target, NOW).map((it) => it.key);
    expect(closing).toEqual([KEY, key("a", "*"), key("*"), key("*", "*")]);
    const other = { ...target, family: "other" };
    expect(table.closing("a", other, NOW).map((it) => it.key)).toEqual([
      key("a", "*"),
      key("*", "*"),
    ]);
    expect(table.closing("b", target, NOW)).toHaveLength(2);
    expect(table.closing("b", { ...target, upstream: "elsewhere" }, NOW)).toEqual([]);
    // Each level ends by itself: first the widest, which was closed first.
    const left = table.closing("a", target, NOW + 10_001).map((it) => it.key);
    expect(left).toEqual([KEY, key("*")]);
  });

  it("D1 D8 keeps quota pools and models apart", () => {
    const { table, refuse } = createTable();
    refuse(NOW, 60_000);
    expect(table.until("a", "spare", "m", NOW)).toBe(0);
    expect(table.until("a", "main", "other", NOW)).toBe(0);
    expect(table.until("b", "main", "m", NOW)).toBe(0);
  });
});

describe("incidents", () => {
  it("C6 counts ten refusals at once as one and does not extend the window", () => {
    const { table, refuse, until } = createTable();
    const opened = Array.from({ length: 10 }, (_, at) =>
      refuse(NOW + at * 190, null, { sentAt: NOW - 100 }),
    );
    expect(opened.filter((it) => it !== undefined)).toHaveLength(1);
    expect(until(NOW)).toBe(NOW + MINUTE);
    expect(table.get(KEY)?.incidents).toBe(1);
  });

  it("C6 D6 counts what is refused again within 2 s, by the one who may retry, as the same incident", () => {
    const { table, refuse } = createTable();
    refuse(NOW, null);
    expect(refuse(NOW + 1_999, null, { sentAt: NOW + 1_500 })).toBeUndefined();
    expect(table.get(KEY)).toMatchObject({ incidents: 1, until: NOW + MINUTE });
    expect(refuse(NOW + 2_000, null, { sentAt: NOW + 1_500 })?.incidents).toBe(2);
  });

  it("C6 D6 never counts a request that was sent before the window opened, however late it comes", () => {
    const { table, refuse, until } = createTable();
    refuse(NOW, 30_000);
    for (const later of [3_000, 29_999, 30_001, 10 * MINUTE])
      expect(refuse(NOW + later, 5 * HOUR, { sentAt: NOW - 1 })).toBeUndefined();
    expect(table.get(KEY)?.incidents).toBe(1);
    expect(until(NOW + 30_000)).toBe(0);
  });

  it("C6 takes a request sent in the very ms of the opening for one sent before it", () => {
    const { refuse } = createTable();
    refuse(NOW, 30_000, { sentAt: NOW });
    expect(refuse(NOW + 20_000, 30_000, { sentAt: NOW })).toBeUndefined();
  });

  it("D6 never shortens a window, also by a newer and shorter statement", () => {
    const { refuse, until } = createTable();
    refuse(NOW, 5 * HOUR);
    refuse(NOW + 3_000, 10_000, { sentAt: NOW + 2_900 });
    expect(until(NOW + MINUTE)).toBe(NOW + 5 * HOUR);
  });

  it("D7 closes again what a short window has opened, also within the same incident", () => {
    const { table, refuse, until } = createTable();
    refuse(NOW, 300, { isStep: false });
    expect(refuse(NOW + 450, 300, { sentAt: NOW + 400 })).toBeDefined();
    expect(until(NOW + 460)).toBeGreaterThan(NOW + 460);
    expect(table.get(KEY)?.incidents).toBe(1);
  });

  it("D7 closes again what was cleared a moment ago", () => {
    const { table, refuse, until } = createTable();
    refuse(NOW, MINUTE);
    table.clear(KEY, NOW);
    expect(refuse(NOW, MINUTE, { sentAt: NOW })).toBeDefined();
    expect(until(NOW)).toBe(NOW + MINUTE);
  });
});

describe("the ladder", () => {
  /** Refuses right after each window and returns how long each one was. */
  function climb(reasons: Reason[], between = 15_000): number[] {
    const { refuse } = createTable();
    let now = NOW;
    return reasons.map((reason) => {
      const { until } = refuse(now, null, { reason })!;
      const wait = until - now;
      now = until + between;
      return wait;
    });
  }

  it("C5 C7 climbs with each quota incident", () => {
    expect(climb(Array(5).fill("QUOTA_EXHAUSTED"))).toEqual(
      [1, 5, 30, 120, 120].map((it) => it * MINUTE),
    );
  });

  it("C7 is not climbed by bursts, servers or money", () => {
    const others: Reason[] = [
      "RATE_LIMIT_EXCEEDED",
      "SERVER_ERROR",
      "UNKNOWN",
      "BILLING",
      "NOT_FOUND",
    ];
    expect(climb([...others, "QUOTA_EXHAUSTED"]).at(-1)).toBe(MINUTE);
    expect(climb(["QUOTA_EXHAUSTED", ...others, "QUOTA_EXHAUSTED"]).at(-1)).toBe(5 * MINUTE);
  });

  it("C7 starts anew 3,600 s after the end of the last cooldown, not a ms earlier", () => {
    expect(climb(["QUOTA_EXHAUSTED", "QUOTA_EXHAUSTED"], HOUR - 1)).toEqual([MINUTE, 5 * MINUTE]);
    expect(climb(["QUOTA_EXHAUSTED", "QUOTA_EXHAUSTED"], HOUR)).toEqual([MINUTE, MINUTE]);
  });

  it("C7 D5 starts anew after a success on the same key, and on no other", () => {
    const { table, refuse } = createTable();
    refuse(NOW, null);
    table.succeed(key("a", "other"), NOW + 2 * MINUTE, NOW + 2 * MINUTE);
    table.succeed(key("a", "*"), NOW + 2 * MINUTE, NOW + 2 * MINUTE);
    table.succeed(key("b"), NOW + 2 * MINUTE, NOW + 2 * MINUTE);
    expect(table.get(KEY)?.incidents).toBe(1);
    table.succeed(KEY, NOW + 2 * MINUTE, NOW + 2 * MINUTE);
    expect(refuse(NOW + 3 * MINUTE, null)?.until).toBe(NOW + 4 * MINUTE);
  });

  it("C9 is not climbed by a refusal that is no step", () => {
    const { table, refuse } = createTable();
    refuse(NOW, 500, { isStep: false });
    expect(table.get(KEY)?.incidents).toBe(0);
  });

  it("C7 counts over a restart", () => {
    const before = createTable();
    const record = before.refuse(NOW, null)!;
    const after = createTable();
    after.table.restore(record, NOW + 10 * MINUTE);
    expect(after.refuse(NOW + 10 * MINUTE, null)?.until).toBe(NOW + 15 * MINUTE);
  });
});

describe("a stated wait", () => {
  it("C4 is kept to the ms, five hours too", () => {
    const { refuse, until } = createTable();
    refuse(NOW, 18_347_000);
    expect(until(NOW)).toBe(NOW + 18_347_000);
  });

  it("C4 gives way to the ladder when it proves too short, and stays distrusted while it goes on so", () => {
    const { refuse } = createTable();
    let { until } = refuse(NOW, 2_000)!;
    const waits = [1, 2, 3].map(() => {
      const now = until + 10;
      const opened = refuse(now, 2_000)!;
      expect(opened.stated).toBe(false);
      ({ until } = opened);
      return until - now;
    });
    expect(waits).toEqual([5 * MINUTE, 30 * MINUTE, 120 * MINUTE]);
  });

  it("C4 is trusted still when a success, another reason or some time lies between", () => {
    const again = (
      between: (it: ReturnType<typeof createTable>) => void,
      reason: Reason,
      later: number,
    ) => {
      const it = createTable();
      it.refuse(NOW, 4_000, { reason: "RATE_LIMIT_EXCEEDED" });
      between(it);
      const now = NOW + 4_000 + later;
      return it.refuse(now, 4_000, { reason })!.until - now;
    };
    const nothing = (): void => {};
    const success = ({ table }: ReturnType<typeof createTable>): void =>
      void table.succeed(KEY, NOW + 4_001, NOW + 4_002);
    expect(again(nothing, "RATE_LIMIT_EXCEEDED", 100)).toBe(MINUTE);
    expect(again(success, "RATE_LIMIT_EXCEEDED", 100)).toBe(4_000);
    expect(again(nothing, "UNKNOWN", 100)).toBe(4_000);
    expect(again(nothing, "RATE_LIMIT_EXCEEDED", 11_000)).toBe(4_000);
  });

  it("C4 is not distrusted for a refusal inside its own window", () => {
    const { refuse } = createTable();
    refuse(NOW, 10_000);
    expect(refuse(NOW + 5_000, 10_000, { sentAt: NOW + 4_000 })?.stated).toBe(true);
  });
});

describe("success and clearing", () => {
  it("D5 clears its own key when it was sent after the opening, and not when before", () => {
    const { table, refuse, until } = createTable();
    refuse(NOW, MINUTE);
    expect(table.succeed(KEY, NOW - 1, NOW + 100)).toBeUndefined();
    expect(table.succeed(KEY, NOW, NOW + 100)).toBeUndefined();
    expect(until(NOW + 100)).toBe(NOW + MINUTE);
    expect(table.succeed(KEY, NOW + 200, NOW + 300)).toBeDefined();
    expect(until(NOW + 300)).toBe(0);
  });

  it("K7 is news once: successes after a window that is over change nothing more", () => {
    const { table, refuse } = createTable();
    refuse(NOW, null);
    const told = [1, 2, 3].map((minute) =>
      table.succeed(KEY, NOW + minute * MINUTE, NOW + minute * MINUTE),
    );
    expect(told.map((it) => it !== undefined)).toEqual([true, false, false]);
    refuse(NOW + HOUR, 2_000, { reason: "RATE_LIMIT_EXCEEDED" });
    expect(table.succeed(KEY, NOW + HOUR + MINUTE, NOW + HOUR + MINUTE)).toBeUndefined();
  });

  it("K5 does not raise the epoch by a success after the window: a longer one of another instance stands", () => {
    const { table, refuse, until } = createTable();
    const own = refuse(NOW, null)!;
    table.succeed(KEY, own.until + 1, own.until + 2);
    const others = { ...own, writtenAt: own.until, until: own.until + HOUR };
    expect(table.restore(others, own.until + 3)).toBeDefined();
    expect(until(own.until + 3)).toBe(own.until + HOUR);
  });

  it("wins over a later until by its epoch when it is deliberate", () => {
    const { table, refuse, until } = createTable();
    const record = refuse(NOW, HOUR)!;
    const cleared = table.clear(KEY, NOW + 1)!;
    expect(cleared.epoch).toBe(record.epoch + 1);
    expect(table.restore(record, NOW + 2)).toBeUndefined();
    expect(until(NOW + 2)).toBe(0);
    expect(table.clear(KEY, NOW + 3)).toBeUndefined();
  });
});

describe("what a store remembers", () => {
  it("K1 K12 closes a key as long as the record says, and a known longer window stays", () => {
    const { table, refuse, until } = createTable();
    const own = refuse(NOW, HOUR)!;
    expect(table.restore({ ...own, until: NOW + MINUTE }, NOW)).toBeUndefined();
    expect(table.restore({ ...own, until: NOW + 2 * HOUR }, NOW)).toBeDefined();
    expect(until(NOW)).toBe(NOW + 2 * HOUR);
  });

  it("K12 neither lengthens nor shortens what was bounded by first sight, for a writer an hour ahead", () => {
    const { table, until } = createTable();
    // The state hands on `until` as first sight plus the writer's wait; the moment of writing lies in our future.
    const record = {
      key: KEY,
      reason: "QUOTA_EXHAUSTED" as const,
      until: NOW + MINUTE,
      writtenAt: NOW + HOUR,
      epoch: 0,
      incidents: 1,
      stated: true,
    };
    table.restore(record, NOW);
    expect(until(NOW + MINUTE - 1)).toBe(NOW + MINUTE);
    expect(table.restore(record, NOW + 59_000)).toBeUndefined();
    expect(until(NOW + MINUTE)).toBe(0);
  });

  const written = {
    key: KEY,
    reason: "QUOTA_EXHAUSTED" as const,
    until: NOW + MINUTE,
    writtenAt: NOW - 10_000,
    epoch: 0,
    incidents: 1,
    stated: false,
  };

  it("K1 D5 has opened when it was written, not when it is read: what succeeded in between clears it", () => {
    const { table } = createTable();
    table.restore(written, NOW);
    expect(table.succeed(KEY, NOW - 10_001, NOW)).toBeUndefined();
    expect(table.succeed(KEY, NOW - 5_000, NOW)).toMatchObject({ until: NOW });
  });

  it("K12 D5 has opened by now at the latest, whatever its writer's clock says", () => {
    const { table } = createTable();
    table.restore({ ...written, writtenAt: NOW + HOUR }, NOW);
    expect(table.succeed(KEY, NOW + 1, NOW + 1)).toBeDefined();
  });

  it("F4 K1 is tried when its time is over, and not where a success has cleared it already", () => {
    const target = { upstream: "up", pool: "main", family: "m" };
    const { table } = createTable();
    table.restore({ ...written, until: NOW - 1 }, NOW);
    expect(table.beginProbes("a", target, NOW)).toHaveLength(1);
    const { table: cleared } = createTable();
    cleared.restore({ ...written, until: NOW - 1, incidents: 0 }, NOW);
    expect(cleared.beginProbes("a", target, NOW)).toEqual([]);
  });
});

describe("growth", () => {
  it("K11 forgets a key an hour after its window, and keeps a clearing longer than a store keeps what it cleared", () => {
    const { table, refuse } = createTable();
    refuse(NOW, MINUTE);
    refuse(NOW, MINUTE, { at: key("b") });
    table.clear(key("b"), NOW + 5_000);
    table.prune(NOW + MINUTE + HOUR - 1);
    expect(table.size).toBe(2);
    table.prune(NOW + MINUTE + HOUR);
    expect(table.get(KEY)).toBeUndefined();
    expect(table.get(key("b"))?.epoch).toBe(1);
    table.prune(NOW + MINUTE + 3 * HOUR);
    expect(table.size).toBe(0);
  });

  it("K11 stays within its limit under a flood of made-up model names, and keeps the longest windows", () => {
    const { table, refuse, until } = createTable(100);
    refuse(NOW, 5 * HOUR);
    for (let at = 0; at < 10_000; at++)
      refuse(NOW + at, MINUTE, { reason: "NOT_FOUND", at: key("a", `made-up-${at}`) });
    expect(table.size).toBe(100);
    expect(until(NOW + 10_000)).toBe(NOW + 5 * HOUR);
    expect(table.until("a", "main", "made-up-9999", NOW + 10_000)).toBe(NOW + 9_999 + MINUTE);
  });

  it("A15 K11 forgets along the way, without anybody pruning", () => {
    const { table, refuse } = createTable();
    for (let at = 0; at < 5_000; at++)
      refuse(NOW + at * 10_000, 2_000, { at: key("a", `model-${at}`) });
    expect(table.size).toBeLessThan(400);
  });
});
