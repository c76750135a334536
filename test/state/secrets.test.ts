/** Secrets in the store: tokens by generation, and keys made at run time, sealed or not (G7, M3, N1, K6). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStorage } from "unstorage";
import type { CredentialRecord, TokenRecord } from "../../src/contract/records.ts";
import { createSeal } from "../../src/state/secrets/seal.ts";
import { createBench, NOW } from "./fixtures.ts";
import { createFailing, memoryPlace, type StorePlace, wrapStorage } from "./storages.ts";
import {
  filesPlace,
  noPostgres,
  noRedis,
  postgresPlace,
  redisPlace,
  noSqlite,
  sqlitePlace,
} from "./stores.ts";

const SECRET = "a secret of at least sixteen characters";
const OTHER = "another secret, sixteen characters too";

function token(generation: number, more: Partial<TokenRecord> = {}): TokenRecord {
  return {
    credential: "a",
    generation,
    accessToken: `access-${generation}-planted`,
    expiresAt: NOW + 3_600_000,
    issuedAt: NOW,
    refreshToken: `refresh-${generation}-planted`,
    originHash: "hash",
    writtenAt: NOW,
    ...more,
  };
}
function made(id: string, revision = 1, more: Partial<CredentialRecord> = {}): CredentialRecord {
  const credential = {
    label: id,
    upstream: "up",
    tier: 2,
    weight: 1,
    allow: ["m*"],
    deny: undefined,
    maxInFlight: undefined,
    origin: "operator",
    apiKey: `key-of-${id}-planted`,
    createdAt: NOW,
  };
  return { id, credential, revision, writtenAt: NOW, ...more };
}
async function dump(storage: ReturnType<StorePlace["open"]>): Promise<string> {
  const keys = await storage.getKeys("relay");
  return JSON.stringify(
    await Promise.all(keys.map(async (key) => [key, await storage.getItem(key)])),
  );
}

function contract(name: string, make: () => StorePlace | Promise<StorePlace>): void {
  describe(`secrets on ${name}`, () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await make();
    });
    afterEach(() => place.dispose());

    it("G7 M3 reads the highest generation, whichever instance wrote last, also after a restart", async () => {
      const { tokens } = createBench({ storage: place.open(), secrets: [SECRET] }).state;
      expect(await tokens.read("a")).toBeUndefined();
      for (const generation of [1, 2, 3, 4, 5, 6]) await tokens.write(token(generation));
      await expect(tokens.write(token(2))).rejects.toMatchObject({ code: "STALE_GENERATION" });
      await tokens.write(token(4, { accessToken: "late" })).catch(() => {});
      const again = createBench({ storage: place.open(), secrets: [SECRET] }).state;
      expect(await again.tokens.read("a")).toEqual(token(6));
      await again.tokens.forget("a");
      expect(await tokens.read("a")).toBeUndefined();
    });

    it("M4 returns the intents without a token of their generation or a higher one", async () => {
      const { tokens } = createBench({ storage: place.open() }).state;
      const intent = (generation: number) => ({
        credential: "a",
        generation,
        tokenHash: "h",
        writtenAt: NOW,
      });
      await tokens.writeIntent(intent(1));
      await tokens.write(token(1));
      expect(await tokens.intents("a")).toEqual([]);
      await tokens.writeIntent(intent(2));
      await tokens.writeIntent(intent(3));
      const kept = [2, 3].map((generation) => ({ ...intent(generation), wasAnswered: false }));
      expect(await tokens.intents("a")).toEqual(kept);
      await tokens.write(token(3));
      expect(await tokens.intents("a")).toEqual([]);
    });

    it("N1 stores no secret in readable form, and opens it with any of the configured secrets", async () => {
      const storage = place.open();
      const before = createBench({ storage, secrets: [SECRET] }).state;
      await before.tokens.write(token(1));
      before.putCredential(made("c"));
      await before.flush();
      expect(await dump(storage)).not.toContain("planted");
      const rotated = createBench({ storage: place.open(), secrets: [OTHER, SECRET] }).state;
      expect(await rotated.tokens.read("a")).toEqual(token(1));
      expect((await rotated.load()).credentials).toEqual([made("c")]);
      await rotated.tokens.write(token(2));
      const { tokens } = createBench({ storage: place.open(), secrets: [OTHER] }).state;
      expect((await tokens.read("a"))?.generation).toBe(2);
    });

    it("H2 keeps every attempt that counts, and removes the others", async () => {
      const attempt = (id: string, at: number, endedAt?: number) => ({
        limiter: "l",
        id,
        at,
        endedAt,
      });
      const benches = [place.open(), place.open()].map((storage) => createBench({ storage }).state);
      // The driver creates its table at the first use, which fails when two instances do it at once.
      for (const { creations } of benches) await creations.list("l", 0, NOW);
      await Promise.all(
        benches.flatMap(({ creations }, instance) =>
          [1, 2, 3].map((nth) => creations.add(attempt(`${instance}-${nth}`, NOW + nth))),
        ),
      );
      await benches[0]!.creations.add(attempt("0-1", NOW + 1, NOW + 9));
      const all = await benches[1]!.creations.list("l", NOW, NOW);
      expect(all).toHaveLength(6);
      expect(all).toContainEqual(attempt("0-1", NOW + 1, NOW + 9));
      expect(await benches[0]!.creations.list("other", NOW, NOW)).toEqual([]);
      expect(await benches[0]!.creations.list("l", NOW + 3, NOW)).toHaveLength(3);
      expect(await benches[1]!.creations.list("l", 0, NOW)).toHaveLength(3);
    });

    it("K6 keeps a removed credential removed, whatever an older instance still writes", async () => {
      const [one, two] = [place.open(), place.open()].map(
        (storage) => createBench({ storage }).state,
      ) as never as [
        ReturnType<typeof createBench>["state"],
        ReturnType<typeof createBench>["state"],
      ];
      one.putCredential(made("c"));
      await one.flush();
      two.putCredential(made("c", 2, { credential: undefined }));
      await two.flush();
      one.putCredential(made("c", 1, { writtenAt: NOW + 99 }));
      one.putCredential(made("c", 2, { writtenAt: NOW + 99 }));
      await one.flush();
      const { credentials } = await createBench({ storage: place.open() }).state.load();
      expect(credentials).toMatchObject([{ id: "c", credential: undefined, revision: 2 }]);
    });
  });
}

contract("memory", memoryPlace);
contract("files", filesPlace);
describe.skipIf(noSqlite)("with SQLite", () => contract("SQLite", sqlitePlace));
describe.skipIf(noRedis)("with Redis", () => contract("Redis", redisPlace));
describe.skipIf(noPostgres)("with PostgreSQL", () => contract("PostgreSQL", postgresPlace));

describe("secrets that cannot be read", () => {
  const storage = createStorage();
  beforeEach(async () => {
    for (const key of await storage.getKeys()) await storage.removeItem(key);
  });
  const keyOf = async (letter: string): Promise<string> =>
    (await storage.getKeys("relay")).find((key) => key.startsWith(`relay:${letter}:`))!;

  it("N1 K3 rejects a token sealed with an unknown secret, and does not overwrite it", async () => {
    await createBench({ storage, secrets: [SECRET] }).state.tokens.write(token(1));
    const key = await keyOf("t");
    const before = await storage.getItem(key);
    const bench = createBench({ storage, secrets: [OTHER] });
    await expect(bench.state.tokens.read("a")).rejects.toMatchObject({ code: "SEAL_UNKNOWN_KEY" });
    expect(await storage.getItem(key)).toEqual(before);
    expect(bench.state.health().fault).toContain("SEAL_UNKNOWN_KEY");
    expect(bench.lines.join()).not.toContain("planted");
  });

  it("N1 rejects a record that was moved to another credential, or changed", async () => {
    const { tokens } = createBench({ storage, secrets: [SECRET] }).state;
    await tokens.write(token(1));
    const key = await keyOf("t");
    const value = (await storage.getItem(key)) as Record<string, unknown>;
    await storage.setItem(key, { ...value, credential: "b" });
    await expect(tokens.read("a")).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    const text = String(value["secrets"]);
    await storage.setItem(key, {
      ...value,
      secrets: text.slice(0, -4) + (text.endsWith("AAAA") ? "BBBB" : "AAAA"),
    });
    await expect(tokens.read("a")).rejects.toMatchObject({ code: "SEAL_BROKEN" });
  });

  it("K10 K3 rejects a token of a newer version, names its key, and does not overwrite it", async () => {
    const bench = createBench({ storage });
    await bench.state.tokens.write(token(1));
    const key = await keyOf("t");
    await storage.setItem(key, { v: 2, kind: "token", anything: true });
    await expect(bench.state.tokens.read("a")).rejects.toMatchObject({ code: "NEWER_RECORD" });
    await expect(bench.state.tokens.write(token(5))).rejects.toMatchObject({
      code: "NEWER_RECORD",
    });
    expect(await storage.getItem(key)).toMatchObject({ v: 2 });
    expect(bench.state.health().setAside).toEqual([key]);
  });

  it("K12 stores the times of a token by the shared clock, and reads them by its own", async () => {
    const sharedTime = async (): Promise<number> => NOW + 3_600_000;
    const behind = createBench({ storage, sharedTime });
    await behind.state.load();
    await behind.state.tokens.write(token(1));
    const right = createBench({ storage, at: NOW + 3_600_000 });
    expect(await right.state.tokens.read("a")).toMatchObject({
      issuedAt: NOW + 3_600_000,
      expiresAt: NOW + 2 * 3_600_000,
    });
    expect(await behind.state.tokens.read("a")).toMatchObject({
      issuedAt: NOW,
      expiresAt: NOW + 3_600_000,
    });
  });

  it("K3 copies broken values to quarantine, and uses the valid ones", async () => {
    const bench = createBench({ storage });
    await bench.state.tokens.write(token(1));
    await bench.state.tokens.write(token(2));
    const [first, second] = (await storage.getKeys("relay"))
      .filter((key) => key.startsWith("relay:t:"))
      .toSorted() as [string, string];
    await storage.setItem(second, '{"v":1,"kind":"tok');
    expect((await bench.state.tokens.read("a"))?.generation).toBe(1);
    expect(bench.state.health().setAside).toEqual([second]);
    expect((await storage.getKeys("relay:aside")).length).toBe(1);
    expect(await storage.getItem(first)).toMatchObject({ generation: 1 });
  });

  it("G7 M4 never overwrites the newest token, however many lease holders have written none since", async () => {
    const inner = createStorage();
    let isTorn = false;
    // The process was killed in mid-write, on a driver that writes in place.
    const tearing = wrapStorage(inner, async (method, key, run) => {
      if (method !== "setItem" || !isTorn) return run();
      await inner.setItem(key, '{"v":1,"kind":"tok');
      throw new Error("killed");
    });
    const { tokens } = createBench({ storage: tearing }).state;
    for (const generation of [1, 2, 3, 5]) await tokens.write(token(generation));
    isTorn = true;
    for (const generation of [9, 13, 17]) {
      await tokens.write(token(generation)).catch(() => {});
      expect((await tokens.read("a"))?.generation).toBe(5);
    }
    isTorn = false;
    await tokens.write(token(21));
    expect(await tokens.read("a")).toEqual(token(21));
  });

  it("K3 G7 reads a broken token twice: its writer may be in mid-write", async () => {
    const inner = createStorage();
    await createBench({ storage: inner }).state.tokens.write(token(1));
    const torn = wrapStorage(inner, async (method, _key, run) => {
      const answer = await run();
      if (method !== "getItems") return answer;
      return (answer as { key: string }[]).map(({ key }) => ({ key, value: "" }));
    });
    const bench = createBench({ storage: torn });
    expect((await bench.state.tokens.read("a"))?.generation).toBe(1);
    expect(bench.state.health().setAside).toEqual([]);
  });

  it("K6 K11 removes the tombstone of a credential after thirty days", async () => {
    const before = createBench({ storage }).state;
    before.putCredential(made("c", 2, { credential: undefined }));
    await before.flush();
    const month = 30 * 86_400_000;
    const young = createBench({ storage, at: NOW + month });
    expect((await young.state.load()).credentials).toHaveLength(1);
    const old = createBench({ storage, at: NOW + month + 1 });
    expect((await old.state.load()).credentials).toEqual([]);
    await old.state.close();
    expect((await storage.getKeys("relay")).filter((key) => key.includes(":k:"))).toEqual([]);
  });

  it("H2 K3 M4 counts an attempt that was torn in mid-write from the moment it is found, and goes on", async () => {
    const { creations } = createBench({ storage }).state;
    await creations.add({ limiter: "l", id: "1", at: NOW, endedAt: NOW + 1 });
    const key = await keyOf("a");
    for (const rest of ["", '{"v":1,"kind":"crea']) {
      await storage.setItem(key, rest);
      const [found, ...others] = await creations.list("l", 0, NOW + 50);
      expect(others).toEqual([]);
      expect(found).toMatchObject({ limiter: "l", at: NOW + 50, endedAt: undefined });
      // A later reader finds the same.
      const again = createBench({ storage }).state.creations;
      expect(await again.list("l", 0, NOW + 90)).toEqual([found]);
      expect(await again.list("l", NOW + 51, NOW + 90)).toEqual([]);
    }
    expect((await storage.getKeys("relay")).some((name) => name.includes("aside"))).toBe(true);
  });

  it("H2 K3 creates no token while an attempt of a newer version is stored", async () => {
    const { creations } = createBench({ storage }).state;
    await creations.add({ limiter: "l", id: "1", at: NOW, endedAt: undefined });
    await storage.setItem(await keyOf("a"), { v: 2, kind: "creation" });
    await expect(creations.list("l", 0, NOW)).rejects.toMatchObject({
      code: "UNREADABLE_ATTEMPT",
    });
  });

  it("G7 M5 rejects when the store fails, and logs it once", async () => {
    const { storage: failing, broken } = createFailing();
    const bench = createBench({ storage: failing });
    broken.add("setItem").add("getItems");
    await expect(bench.state.tokens.write(token(1))).rejects.toThrow();
    await expect(bench.state.tokens.read("a")).rejects.toThrow();
    expect(bench.lines.filter((line) => line.startsWith("warn"))).toHaveLength(1);
  });

  it("N1 skips a credential with a key that cannot be opened, and keeps its record", async () => {
    const before = createBench({ storage, secrets: [SECRET] }).state;
    before.putCredential(made("c"));
    await before.flush();
    const bench = createBench({ storage, secrets: [OTHER] });
    expect((await bench.state.load()).credentials).toEqual([]);
    expect(bench.lines.join()).toContain(
      "sealed value cannot be opened with the configured `secret`: credential c",
    );
    expect(await storage.getItem(await keyOf("k"))).toMatchObject({ id: "c" });
  });
});

describe("the seal", () => {
  it("N1 yields another text each time, and reveals nothing of the secret", async () => {
    const seal = createSeal([SECRET]);
    const [a, b] = [await seal.seal("text", "p"), await seal.seal("text", "p")];
    expect(a).not.toBe(b);
    expect(await seal.open(a, "p")).toBe("text");
    await expect(seal.open(a, "q")).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    await expect(seal.open("rubbish", "p")).rejects.toMatchObject({ code: "SEAL_BROKEN" });
    await expect(seal.open(a.replace(".", ".x"), "p")).rejects.toMatchObject({
      code: "SEAL_UNKNOWN_KEY",
    });
  });

  it("N1 stores texts unsealed without a secret, and opens them once there is one", async () => {
    const plain = await createSeal([]).seal("text", "p");
    expect(plain).toContain("text");
    expect(await createSeal([SECRET]).open(plain, "p")).toBe("text");
  });
});
