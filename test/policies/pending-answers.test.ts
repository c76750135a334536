import { describe, expect, it } from "vitest";
import { type PendingAnswer, PendingAnswers } from "../../src/policies/pending-answers.ts";

const A = { origin: "http://a.test", basePath: "/v1" };
const B = { origin: "http://a.test", basePath: "/v1" };
const PATIENCE = 30_000;

function create(limit = 1_000): {
  pending: PendingAnswers;
  silences: number[];
  enter(count: number, at: number, isStream?: boolean): PendingAnswer[];
} {
  const silences: number[] = [];
  const pending = new PendingAnswers({
    limit,
    onSilent: (_endpoint, streams) => void silences.push(streams),
  });
  return {
    pending,
    silences,
    enter: (count, at, isStream = true) =>
      Array.from({ length: count }, () => pending.enter(A, isStream, at)),
  };
}

describe("calls that wait for an answer", () => {
  it("E19 are limited for each endpoint, and an answer or an end makes room, once", () => {
    const { pending, enter } = create(3);
    const [first, second] = enter(3, 0, false);
    expect(pending.refusal(A, 0)).toBe("full");
    expect(pending.refusal(B, 0)).toBeUndefined();
    first!.answered(1);
    first!.answered(1);
    first!.end();
    expect(pending.refusal(A, 1)).toBeUndefined();
    enter(1, 1);
    expect(pending.refusal(A, 1)).toBe("full");
    second!.end();
    second!.end();
    enter(1, 1);
    expect(pending.refusal(A, 1)).toBe("full");
  });

  it("E19 are no silence before 20 streams have waited for more than 30 s", () => {
    const { pending, enter, silences } = create();
    enter(19, 0);
    enter(500, 0, false);
    enter(1, 10_000);
    expect(pending.refusal(A, 10_000 + PATIENCE)).toBeUndefined();
    expect(silences).toEqual([]);
    // This one is let through; the next is not.
    expect(pending.refusal(A, 10_001 + PATIENCE)).toBeUndefined();
    expect(silences).toEqual([20]);
    enter(1, 10_001 + PATIENCE);
    expect(pending.refusal(A, 10_001 + PATIENCE)).toBe("silent");
    expect(silences).toEqual([20]);
  });

  it("E19 are no silence where any call was answered in that time", () => {
    const { pending, enter } = create();
    enter(100, 0);
    const [other] = enter(1, 0, false);
    other!.answered(20_000);
    for (const at of [PATIENCE + 1, 20_000 + PATIENCE])
      expect([pending.refusal(A, at), enter(1, at).length]).toEqual([undefined, 1]);
    expect(pending.refusal(A, 20_001 + PATIENCE)).toBeUndefined();
    enter(1, 20_001 + PATIENCE);
    expect(pending.refusal(A, 20_001 + PATIENCE)).toBe("silent");
  });

  it("E19 an upstream that answers late and steadily is not silent, whatever the order of its answers", () => {
    const { pending, enter, silences } = create();
    let waiting: PendingAnswer[] = [];
    for (let second = 0; second < 600; second++) {
      waiting = [...waiting, ...enter(3, second * 1_000)];
      // Every third of those that have waited for 40 s and more.
      const due = waiting.filter(({ sentAt }) => sentAt <= (second - 40) * 1_000);
      for (const [nth, call] of due.entries()) if (nth % 3 === 1) call.answered(second * 1_000);
      waiting = waiting.filter((call) => !due.includes(call) || due.indexOf(call) % 3 !== 1);
      if (second > 45) expect(pending.refusal(A, second * 1_000)).toBeUndefined();
    }
    // Only at the start, when nothing was answered for more than 30 s.
    expect(silences).toHaveLength(0);
  });

  it("E19 streams that have ended do not count, wherever they stood", () => {
    const { pending, enter } = create();
    const calls = enter(30, 0);
    for (const call of [calls[0], calls[29], ...calls.slice(10, 19)]) call!.end();
    expect(pending.refusal(A, PATIENCE + 1)).toBeUndefined();
    enter(1, PATIENCE + 1);
    expect(pending.refusal(A, PATIENCE + 1)).toBeUndefined();
  });

  it("E19 the streams that are left count, in whatever order the others have ended", () => {
    const { pending, enter } = create();
    const calls = enter(30, 0);
    for (const nth of [10, 11, 12, 9, 8, 0, 1, 29, 28]) calls[nth]!.end();
    expect(pending.refusal(A, PATIENCE + 1)).toBeUndefined();
    enter(1, PATIENCE + 1);
    expect(pending.refusal(A, PATIENCE + 1)).toBe("silent");
  });
});

describe("a silent endpoint", () => {
  function silent(): ReturnType<typeof create> & { waiting: PendingAnswer[] } {
    const created = create();
    const waiting = created.enter(20, 0);
    expect(created.pending.refusal(A, PATIENCE + 1)).toBeUndefined();
    return { ...created, waiting };
  }
  const T = PATIENCE + 1;

  it("E19 gets one call at a time: another when the last has ended, or has waited for 60 s", () => {
    const { pending, enter } = silent();
    const [trial] = enter(1, T);
    expect(pending.refusal(A, T + 59_999)).toBe("silent");
    trial!.end();
    expect(pending.refusal(A, T + 1)).toBeUndefined();
    enter(1, T + 1);
    expect(pending.refusal(A, T + 60_000)).toBe("silent");
    expect(pending.refusal(A, T + 60_001)).toBeUndefined();
    enter(1, T + 60_001);
    expect(pending.refusal(A, T + 60_001)).toBe("silent");
  });

  it("E19 an old trial that ends does not free the place of the next", () => {
    const { pending, enter } = silent();
    const [old] = enter(1, T);
    enter(1, T + 60_000);
    old!.end();
    expect(pending.refusal(A, T + 60_001)).toBe("silent");
  });

  it.each(["the trial", "a stream that waited"])(
    "E19 is open again to all when %s is answered",
    (which) => {
      const { pending, enter, waiting, silences } = silent();
      const [trial] = enter(1, T);
      (which === "the trial" ? trial : waiting[5])!.answered(T + 5);
      for (let nth = 0; nth < 5; nth++) {
        expect(pending.refusal(A, T + 5)).toBeUndefined();
        enter(1, T + 5);
      }
      expect(pending.refusal(A, T + 5 + PATIENCE)).toBeUndefined();
      expect(silences).toEqual([20]);
    },
  );

  it("E19 stays silent when all who waited have gone", () => {
    const { pending, enter, waiting } = silent();
    for (const call of waiting) call.end();
    enter(1, T);
    expect(pending.refusal(A, T + 1)).toBe("silent");
  });
});
