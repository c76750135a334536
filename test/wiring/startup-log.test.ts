/** What an operator is told at start about the store. */
import { createStorage } from "unstorage";
import { expect, it } from "vitest";
import type { StateHealth } from "../../src/contract/state.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { createReporter } from "../../src/observe/reporter.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import type { OneUpstream } from "../../src/options/types.ts";
import { logStartupNotes } from "../../src/wiring/startup-log.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const SECRET = "a secret of at least sixteen characters";

function linesOf(options: Partial<OneUpstream>, store: Partial<StateHealth> = {}): string[] {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const config = resolveOptions({
    upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
    credentials: [{ id: "a", token: () => ({ accessToken: "t" }) }],
    authorize: () => true,
    storage: createStorage(),
    ...options,
  });
  const health: StateHealth = {
    driver: "redis",
    loaded: false,
    proven: undefined,
    leases: "atomic",
    sync: "shared",
    viewAge: undefined,
    sealed: config.sealing.length > 0,
    pendingWrites: 0,
    fault: undefined,
    setAside: [],
    ...store,
  };
  const log = { debug: say, info: say, warn: say, error: say };
  logStartupNotes(config, health, createReporter(log, createVirtualClock()));
  return lines;
}

it("M2 warns at start where the leases are not sure", () => {
  expect(linesOf({ secret: SECRET })).toEqual([]);
  const unsure = linesOf({ secret: SECRET }, { driver: "http", leases: "best-effort" });
  expect(unsure.join("\n")).toContain("this storage has no atomic lock");
  expect(linesOf({ secret: SECRET, instances: 1 }, { leases: "best-effort" })).toEqual([]);
  expect(linesOf({ storage: undefined })).toEqual([]);
});

it("H2 K1 warns once where a restart would forget what was created", () => {
  const credentials = [{ id: "g", anonymous: firebaseAnonymous({ apiKey: "k" }) }];
  const warned = (options: Partial<OneUpstream>, store: Partial<StateHealth> = {}): number =>
    linesOf({ secret: SECRET, ...options }, store).filter((line) =>
      line.includes("a restart loses them"),
    ).length;
  expect(warned({ credentials, storage: undefined }, { driver: "memory" })).toBe(1);
  expect(warned({ credentials }, { driver: "memory" })).toBe(1);
  expect(warned({ credentials })).toBe(0);
  expect(warned({ storage: undefined }, { driver: "memory" })).toBe(0);
});

it("N1 warns once where tokens would be stored as they are", () => {
  const warned = (lines: string[]): number =>
    lines.filter((line) => line.includes("`secret`")).length;
  expect(warned(linesOf({}))).toBe(1);
  expect(warned(linesOf({ secret: SECRET }))).toBe(0);
  expect(warned(linesOf({}, { driver: "memory" }))).toBe(0);
  expect(warned(linesOf({ credentials: [{ id: "a", apiKey: "k" }] }))).toBe(0);
});
