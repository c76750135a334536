import { describe, expect, it } from "vitest";
import { SessionTable } from "../../src/pool/session-table.ts";
import { HOUR, NOW } from "./fixtures.ts";

describe("sessions", () => {
  it("A6 keep their credential for the TTL since the last use, to the ms", () => {
    const sessions = new SessionTable(HOUR, 10);
    sessions.bind("s", 3, NOW);
    expect(sessions.get("s", NOW + HOUR)).toBe(3);
    expect(sessions.get("s", NOW + HOUR + 1)).toBe(-1);
    expect(sessions.get("t", NOW)).toBe(-1);
  });

  it("A6 are dropped with the least recently used first", () => {
    const sessions = new SessionTable(HOUR, 2);
    sessions.bind("a", 1, NOW);
    sessions.bind("b", 2, NOW);
    sessions.bind("a", 1, NOW + 1);
    sessions.bind("c", 3, NOW + 2);
    expect(["a", "b", "c"].map((key) => sessions.get(key, NOW + 3))).toEqual([1, -1, 3]);
  });

  it("K11 stay bounded with a million ids", () => {
    const sessions = new SessionTable(HOUR, 100_000);
    for (let at = 0; at < 1_000_000; at++) sessions.bind(`session-${at}`, at % 7, NOW);
    expect(sessions.size).toBe(100_000);
    expect(sessions.get("session-999999", NOW)).toBe(999_999 % 7);
  });

  it("K11 retain nothing of a very long key, and distinguish long keys by their ends", () => {
    const sessions = new SessionTable(HOUR, 10);
    const long = "x".repeat(100_000);
    sessions.bind(`${long}1`, 1, NOW);
    sessions.bind(`${long}2`, 2, NOW);
    expect([1, 2].map((end) => sessions.get(`${long}${end}`, NOW))).toEqual([1, 2]);
  });
});
