import { describe, expect, it } from "vitest";
import { Attribution, type Refused, type Served } from "../../src/cooldowns/attribution.ts";

const refused = (credential: string, sentAt: number, more: Partial<Refused> = {}): Refused => {
  const family = more.family ?? "m";
  const key = { credential, upstream: "u", pool: "p", family };
  const base = { request: "r", reason: "RATE_LIMIT_EXCEEDED", pool: "p", isFirst: true } as const;
  return { ...base, credential, family, key, openedAt: sentAt, sentAt, ...more };
};
const wide = (credential: string): Partial<Refused> => ({
  key: { credential, upstream: "u", pool: "*", family: "*" },
});
const served = (credential: string, sentAt: number, more: Partial<Served> = {}): Served => ({
  request: "other",
  credential,
  pool: "p",
  family: "m",
  sentAt,
  ...more,
});

describe("one request that several credentials refuse", () => {
  it("D11 is blamed once each of them has served another one that was sent later", () => {
    const blame = new Attribution();
    expect(blame.refused(refused("a", 0), 0)).toBeUndefined();
    expect(blame.refused(refused("b", 10), 10)).toBeUndefined();
    expect(blame.served(served("a", 5), 20)).toBeUndefined();
    expect(blame.served(served("b", 11), 21)).toMatchObject({
      blamed: "request",
      closed: [{ credential: "a" }, { credential: "b" }],
    });
    expect(blame.served(served("b", 12), 22)).toBeUndefined();
  });

  it("D11 is blamed at once where the others were served before its last refusal came", () => {
    const blame = new Attribution();
    blame.served(served("a", 5), 6);
    blame.served(served("b", 5), 6);
    expect(blame.refused(refused("a", 0), 7)).toBeUndefined();
    expect(blame.refused(refused("b", 1), 8)).toMatchObject({ blamed: "request" });
  });

  it.each<[string, (blame: Attribution) => unknown]>([
    [
      "one credential alone",
      (it) => (it.refused(refused("a", 0), 0), it.served(served("a", 9), 9)),
    ],
    [
      "two requests",
      (it) => {
        it.refused(refused("a", 0), 0);
        it.refused(refused("b", 0, { request: "r2" }), 0);
        it.served(served("a", 9), 9);
        return it.served(served("b", 9), 9);
      },
    ],
    ["another reason", (it) => both(it, { reason: "UNKNOWN" })],
    ["the request itself that was served", (it) => both(it, {}, { request: "r" })],
    ["requests that were sent before it", (it) => both(it, {}, { sentAt: 0 })],
    ["another model, where only this one was closed", (it) => both(it, {}, { family: "n" })],
    ["evidence that comes after a minute", (it) => both(it, {}, { sentAt: 60_000 })],
    [
      "a second refusal on the same key, sent later",
      (it) => {
        it.refused(refused("a", 0), 0);
        it.refused(refused("b", 0), 0);
        it.refused(refused("a", 20, { request: "r2", isFirst: false }), 25);
        it.served(served("b", 9), 26);
        return it.served(served("a", 9), 26);
      },
    ],
  ])("D11 is not blamed for %s", (_name, play) => {
    expect(play(new Attribution())).toBeUndefined();
  });

  it("D11 leaves the model to blame where whole credentials were closed that serve other models", () => {
    const blame = new Attribution();
    blame.refused(refused("a", 0, wide("a")), 0);
    blame.refused(refused("b", 0, wide("b")), 0);
    blame.served(served("a", 1, { family: "n" }), 2);
    expect(blame.served(served("b", 1, { family: "n" }), 2)).toMatchObject({ blamed: "model" });
  });

  it("D11 takes a service just before for proof where the refusal says nothing of a limit", () => {
    const blame = new Attribution();
    blame.served(served("a", 100), 101);
    blame.served(served("b", 100), 101);
    blame.refused(refused("a", 1_000, { reason: "UNKNOWN" }), 1_000);
    expect(blame.refused(refused("b", 1_000, { reason: "UNKNOWN" }), 1_000)).toMatchObject({
      blamed: "request",
    });
  });

  it("K11 remembers a bounded number of suspects", () => {
    const blame = new Attribution();
    for (let nth = 0; nth < 30_000; nth++)
      blame.refused(refused(`c${nth}`, nth, { request: `r${nth}` }), nth);
    const { suspects, incidents } = blame.sizes;
    expect(Math.max(suspects, incidents)).toBe(10_000);
  });
});

describe("two families that one credential is refused for", () => {
  const second = (
    blame: Attribution,
    more: Partial<Refused> = {},
    isOnePool = true,
  ): string | undefined =>
    blame.secondFamily(refused("a", 10, { family: "n", ...more }), isOnePool, 10);
  const once = (): Attribution => {
    const blame = new Attribution();
    blame.refused(refused("a", 0), 0);
    return blame;
  };

  it("D11 point at the credential", () => {
    expect(second(once())).toBe("m");
  });

  it("D11 do not, where it is one, a minute has passed, or a third was served meanwhile", () => {
    expect(second(once(), { family: "m" })).toBeUndefined();
    expect(
      once().secondFamily(refused("a", 60_000, { family: "n" }), true, 60_000),
    ).toBeUndefined();
    const blame = once();
    blame.served(served("a", 5, { family: "x" }), 6);
    expect(second(blame)).toBeUndefined();
  });

  it("D11 D8 point at their pool alone, where the credential has several", () => {
    expect(second(once(), {}, false)).toBeUndefined();
    expect(second(once(), { pool: "q" }, false)).toBe("m");
  });
});

/** Both credentials are refused, the second as `more` says, and serve another request as `by` says. */
function both(blame: Attribution, more: Partial<Refused>, by: Partial<Served> = {}): unknown {
  const sentAt = by.sentAt ?? 9;
  blame.refused(refused("a", 0), 0);
  blame.refused(refused("b", 0, more), 0);
  blame.served(served("a", sentAt, by), sentAt);
  return blame.served(served("b", sentAt, by), sentAt);
}
