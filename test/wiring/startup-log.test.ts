/** What an operator is told at start about the store. */
import { createStorage, prefixStorage } from "unstorage";
import nullDriver from "unstorage/drivers/null";
import { expect, it } from "vitest";
import type { StateHealth } from "../../src/contract/state.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { createReporter } from "../../src/observe/reporter.ts";
import { oauth } from "../../src/index.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import type { OneUpstream } from "../../src/options/types.ts";
import { logStartupNotes } from "../../src/wiring/startup-log.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const SECRET = "a secret of at least sixteen characters";

/** A storage with a driver of this name. */
function storageOf(name: string, options: object = {}): StateStorage {
  return { ...createStorage(), getMount: () => ({ base: "", driver: { name, options } }) };
}

function linesOf(options: Partial<OneUpstream>, store: Partial<StateHealth> = {}): string[] {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const config = resolveOptions({
    upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
    credentials: [{ id: "a", token: () => ({ accessToken: "t" }) }],
    authorize: () => true,
    storage: storageOf("redis"),
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
  const warned = (options: Partial<OneUpstream>): number =>
    linesOf({ secret: SECRET, ...options }).filter((line) => line.includes("a restart loses them"))
      .length;
  expect(warned({ credentials, storage: undefined })).toBe(1);
  expect(warned({ credentials, storage: createStorage() })).toBe(1);
  expect(warned({ credentials })).toBe(0);
  expect(warned({ storage: undefined })).toBe(0);
});

it("N1 warns once where tokens would be stored as they are", () => {
  const warned = (lines: string[]): number =>
    lines.filter((line) => line.includes("`secret`")).length;
  expect(warned(linesOf({}))).toBe(1);
  expect(warned(linesOf({ secret: SECRET }))).toBe(0);
  expect(warned(linesOf({}, { driver: "memory" }))).toBe(0);
  expect(warned(linesOf({ credentials: [{ id: "a", apiKey: "k" }] }))).toBe(0);
});

it("G13 warns once what the first restart will cost where a rotating refresh token is not kept", () => {
  const token = oauth({ tokenURL: "https://auth.example.com", clientId: "c", refreshToken: "r" });
  const credentials = [{ id: "grant", token }];
  const prefixed = prefixStorage(createStorage(), "data");
  const cases: [storage: StateStorage | undefined, words: RegExp | undefined][] = [
    [undefined, /kept in memory.*set a `storage` that survives restarts/],
    [createStorage(), /kept in memory/],
    // The mount of `useStorage("data")` was forgotten: its data are in the root storage.
    [prefixed as never, /kept in memory/],
    [storageOf("lru-cache"), /kept in memory/],
    [storageOf("null"), /kept nowhere/],
    [storageOf("redis", { ttl: 3_600 }), /after 1 h: .*remove `ttl` from the options of `redis`/],
    [storageOf("redis"), undefined],
    [storageOf("fs"), undefined],
  ];
  for (const [storage, words] of cases) {
    const lines = linesOf({ secret: SECRET, credentials, storage }).filter((line) =>
      /the refresh tokens of grant rotate.*each of these credentials needs a new login/.test(line),
    );
    expect(lines).toHaveLength(words ? 1 : 0);
    if (words) expect(lines[0]).toMatch(words);
  }
  expect(linesOf({ secret: SECRET, storage: storageOf("redis", { ttl: 60 }) }).join()).toContain(
    "disabled credentials are removed by the driver `redis` after 1 min",
  );
});

it("K18 warns of a driver that is mounted inside the base", () => {
  const storage = createStorage();
  storage.mount("relay:c", nullDriver());
  expect(linesOf({ secret: SECRET, storage }).join("\n")).toContain(
    'storage: another driver is mounted inside `base` "relay" (null at relay:c)',
  );
  const plain = createStorage();
  plain.mount("relay", nullDriver());
  plain.mount("other", nullDriver());
  expect(linesOf({ secret: SECRET, storage: plain }).join("\n")).not.toContain("mounted inside");
});
