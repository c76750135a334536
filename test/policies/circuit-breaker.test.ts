import { describe, expect, it } from "vitest";
import { CircuitBreaker } from "../../src/policies/circuit-breaker.ts";

const A = { origin: "http://a.test", basePath: "/v1" };
const B = { origin: "http://a.test", basePath: "/v2" };
const options = { after: 5, within: 120_000, openFor: 30_000 };

function fail(circuits: CircuitBreaker, times: number, at: number, endpoint = A): boolean[] {
  return Array.from({ length: times }, () => circuits.enter(endpoint, at).failed(at));
}

function opened(at: number): CircuitBreaker {
  const circuits = new CircuitBreaker(options);
  fail(circuits, 5, at);
  return circuits;
}

describe("circuits", () => {
  it("F2 opens at the fifth failure in a row, for that endpoint alone", () => {
    const circuits = new CircuitBreaker(options);
    expect(fail(circuits, 5, 1_000)).toEqual([false, false, false, false, true]);
    expect(circuits.openUntil(A, 1_000)).toBe(31_000);
    expect(circuits.openUntil(B, 1_000)).toBe(0);
    expect(circuits.openUntil(A, 31_000)).toBe(0);
  });

  it("F2 counts anew after an answer, and after two minutes", () => {
    const circuits = new CircuitBreaker(options);
    fail(circuits, 4, 1_000);
    circuits.enter(A, 1_001).answered(1_002);
    expect(fail(circuits, 4, 1_003)).not.toContain(true);
    expect(fail(circuits, 4, 121_004)).not.toContain(true);
    expect(fail(circuits, 1, 121_005)).toEqual([true]);
  });

  it("F2 F4 lets one trial through when its time is over; an answer closes it for good", () => {
    const circuits = opened(0);
    const trial = circuits.enter(A, 30_000);
    expect(circuits.openUntil(A, 30_500)).toBe(30_500);
    trial.answered(31_000);
    expect(circuits.openUntil(A, 31_000)).toBe(0);
    expect(fail(circuits, 4, 31_001)).not.toContain(true);
  });

  it("F2 F4 opens for twice as long each time a trial fails, up to five minutes", () => {
    const circuits = opened(0);
    const waits = [60_000, 120_000, 240_000, 300_000, 300_000];
    for (const wait of waits) {
      const now = circuits.open(0)[0]!.until;
      expect(circuits.enter(A, now).failed(now)).toBe(true);
      expect(circuits.openUntil(A, now)).toBe(now + wait);
    }
  });

  it("F4 makes room for another trial where one showed nothing, at once or after its deadline", () => {
    const circuits = opened(0);
    const trial = circuits.enter(A, 30_000);
    trial.end();
    expect(circuits.openUntil(A, 30_001)).toBe(0);
    circuits.enter(A, 30_001);
    expect(circuits.openUntil(A, 90_000)).toBe(90_000);
    expect(circuits.openUntil(A, 90_001)).toBe(0);
  });

  it("F2 takes nothing from calls that were sent before it opened", () => {
    const circuits = new CircuitBreaker(options);
    const late = [circuits.enter(A, 0), circuits.enter(A, 0)] as const;
    fail(circuits, 5, 1);
    late[0].answered(2);
    expect(late[1].failed(2)).toBe(false);
    expect(circuits.openUntil(A, 2)).toBe(30_001);
  });

  it("F2 hears one thing of each call", () => {
    const circuits = new CircuitBreaker(options);
    const passage = circuits.enter(A, 0);
    for (let count = 0; count < 9; count++) expect(passage.failed(0)).toBe(false);
    expect(circuits.openUntil(A, 0)).toBe(0);
  });

  it("F2 never opens when it is switched off", () => {
    const circuits = new CircuitBreaker({ ...options, after: false });
    expect(fail(circuits, 50, 0)).not.toContain(true);
    expect(circuits.openUntil(A, 0)).toBe(0);
  });
});
