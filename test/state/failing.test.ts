import { describe, expect, it } from "vitest";
import type { StateFault } from "../../src/state/store/store-faults.ts";
import { stateContract } from "./contract.ts";
import { HOUR, NOW, cooldown, createBench, mark } from "./fixtures.ts";
import { createFailing, memoryPlace, underTest, wrapStorage } from "./storages.ts";

// Every third write fails: a refused write succeeds at the next attempt, which a flush makes.
stateContract("a store that fails now and then", () =>
  underTest(memoryPlace(), (storage) => {
    let writes = 0;
    const flaky = wrapStorage(storage, async (method, _key, run) => {
      if (method === "setItem" && ++writes % 3 === 1) throw new Error("now and then");
      return run();
    });
    return { ...flaky, setItem: (key, value) => twice(() => flaky.setItem(key, value)) };
  }),
);

describe("a store that fails", () => {
  it("K3 K15 rejects a load that cannot read, writes no record, and can be called again", async () => {
    for (const method of ["getKeys", "getItems"] as const) {
      const { storage, inner, broken } = createFailing();
      const writer = createBench({ storage });
      writer.state.putCooldown(cooldown("a"));
      await writer.state.flush();
      const before = await inner.getKeys();

      const { state } = createBench({ storage });
      broken.add(method);
      await expect(state.load()).rejects.toThrow();
      expect(state.health()).toMatchObject({ loaded: false, fault: "load failed: ECONNREFUSED" });
      expect((await inner.getKeys()).filter((key) => !key.includes(":probe:"))).toEqual(before);
      broken.clear();
      expect((await state.load()).cooldowns).toEqual([cooldown("a")]);
      expect(state.health()).toMatchObject({ loaded: true, fault: undefined });
    }
  });

  it("K3 treats an error that a driver returns as a value as a failed read", async () => {
    const { inner } = createFailing();
    const writer = createBench({ storage: inner });
    writer.state.putCooldown(cooldown("a"));
    await writer.state.flush();

    const denied = Object.assign(new Error("no"), { code: "EACCES" });
    const storage = wrapStorage(inner, async (method, _key, run) => {
      if (method === "getItem") return denied;
      if (method !== "getItems") return run();
      return ((await run()) as { key: string }[]).map(({ key }) => ({ key, value: denied }));
    });
    const { state } = createBench({ storage });
    await expect(state.load()).rejects.toBe(denied);
    state.putCooldown(cooldown("a", { until: NOW + HOUR, epoch: 9 }));
    await state.close();
    expect(state.health()).toMatchObject({ pendingWrites: 1, setAside: [] });
    expect((await createBench({ storage: inner }).state.load()).cooldowns).toEqual([cooldown("a")]);
  });

  it("K3 overwrites nothing that it cannot read first", async () => {
    const { storage, inner, broken } = createFailing();
    const writer = createBench({ storage: inner });
    writer.state.putCooldown(cooldown("a", { until: NOW + 9 * HOUR }));
    await writer.state.flush();

    broken.add("getItem");
    const { state } = createBench({ storage });
    state.putCooldown(cooldown("a"));
    await state.flush();
    expect(state.health().pendingWrites).toBe(1);
    broken.clear();
    await state.flush();
    expect((await state.load()).cooldowns).toEqual([cooldown("a", { until: NOW + 9 * HOUR })]);
  });

  it("K3 does not overwrite a broken value that cannot be copied", async () => {
    const { storage, inner } = createFailing();
    const writer = createBench({ storage: inner });
    writer.state.putCooldown(cooldown("a"));
    await writer.state.flush();
    const [key = ""] = await inner.getKeys();
    await inner.setItem(key, "torn");

    const full = { ...storage, setItemRaw: () => Promise.reject(new Error("full")) };
    const { state } = createBench({ storage: full });
    state.putCooldown(cooldown("a"));
    await state.flush();
    expect(await inner.getItem(key)).toBe("torn");
    expect(state.health().pendingWrites).toBe(1);
  });

  it("K4 keeps a failed write and retries it after 1, 2, 4 … 60 s", async () => {
    const { storage, broken } = createFailing();
    const tries: number[] = [];
    const { state, clock } = createBench({
      storage: {
        ...storage,
        setItem: (key, value) => {
          tries.push((clock.now() - NOW) / 1000);
          return storage.setItem(key, value);
        },
      },
    });
    broken.add("setItem");
    state.putCooldown(cooldown("a"));
    await state.flush();
    await clock.advance(200_000);
    expect(tries).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
    expect(state.health()).toMatchObject({
      pendingWrites: 1,
      fault: "write failed: ECONNREFUSED",
    });

    broken.clear();
    await clock.advance(60_000);
    expect(state.health()).toMatchObject({ pendingWrites: 0, fault: undefined });
    expect((await state.load()).cooldowns).toEqual([cooldown("a")]);
  });

  it("K4 clears the fault of tokens as soon as the same call succeeds again", async () => {
    const { storage, broken } = createFailing();
    const { state } = createBench({ storage, secrets: ["a secret that is long enough to be one"] });
    const token = {
      credential: "a",
      generation: 1,
      accessToken: "t",
      issuedAt: NOW,
      writtenAt: NOW,
    };
    const record = { ...token, expiresAt: undefined, refreshToken: undefined, originHash: "h" };
    await state.tokens.write(record);

    broken.add("getItems").add("getItem");
    await expect(state.tokens.read("a")).rejects.toThrow();
    await expect(state.tokens.intents("a")).rejects.toThrow();
    expect(state.health()).toMatchObject({ fault: "token read failed: ECONNREFUSED" });
    broken.clear();
    await state.tokens.read("a");
    expect(state.health()).toMatchObject({ fault: undefined });

    // A successful read does not mean that writing works.
    broken.add("setItem");
    await expect(state.tokens.write({ ...record, generation: 2 })).rejects.toThrow();
    await state.tokens.read("a");
    expect(state.health()).toMatchObject({ fault: "token failed: ECONNREFUSED" });
    broken.clear();
    await state.tokens.write({ ...record, generation: 3 });
    expect(state.health()).toMatchObject({ fault: undefined });
  });

  it("K4 writes a new record at once during an outage, merged with the latest of its key", async () => {
    const { storage, broken, calls } = createFailing();
    const { state, clock } = createBench({ storage });
    broken.add("setItem");
    state.putMark(mark("a"));
    await state.flush();
    await clock.advance(10);
    state.putMark(mark("a", { revision: 2 }));
    await clock.settle();
    expect(calls.get("setItem")).toBe(2);
    broken.clear();
    await clock.advance(5000);
    expect(state.health().pendingWrites).toBe(0);
    expect((await state.load()).marks).toEqual([mark("a", { revision: 2 })]);
  });

  it("K4 loses neither a failed write nor a record put while it was under way", async () => {
    const hours = [1, 3, 2];
    for (const first of hours) {
      const { inner } = createFailing();
      let refused = false;
      const storage = wrapStorage(inner, async (method, _key, run) => {
        if (method !== "setItem" || refused) return run();
        refused = true;
        for (const hour of hours) state.putCooldown(cooldown("a", { until: NOW + hour * HOUR }));
        throw new Error("once");
      });
      const { state } = createBench({ storage });
      state.putCooldown(cooldown("a", { until: NOW + first * HOUR }));
      await state.flush();
      await state.flush();
      expect((await state.load()).cooldowns).toEqual([cooldown("a", { until: NOW + 3 * HOUR })]);
    }
  });

  it("K7 does not write a record that is stored already", async () => {
    const { storage, calls } = createFailing();
    for (let start = 0; start < 3; start++) {
      const { state } = createBench({ storage });
      state.putCooldown(cooldown("a"));
      state.putMark(mark("a"));
      await state.flush();
    }
    expect(calls.get("setItem")).toBe(2);
  });

  it("K4 logs the start and the end of an outage once, without the driver's message", async () => {
    const faults: StateFault[] = [];
    const { storage, broken } = createFailing();
    const { state, clock, lines } = createBench({
      storage,
      onFault: (fault) => {
        faults.push(fault);
        throw new Error("a listener's own trouble");
      },
    });
    broken.add("setItem");
    for (let i = 0; i < 20; i++) state.putCooldown(cooldown(`c${i}`));
    await state.flush();
    await clock.advance(30_000);
    broken.clear();
    await clock.advance(60_000);
    expect(lines.filter((line) => line.includes("state store"))).toEqual([
      "warn state store memory is not reachable (ECONNREFUSED): check that it runs, and the address in the options of its driver; requests are served from memory, and the store is tried again every few seconds",
      "info state store memory is reachable again after 31 s",
    ]);
    expect(faults.length).toBeGreaterThan(20);
    expect(faults[0]).toMatchObject({ during: "write", code: "ECONNREFUSED" });
    expect(JSON.stringify([lines, faults, state.health()])).not.toContain("s3cret");
  });

  it("K16 closes although writing fails, and logs how many records were not stored", async () => {
    const { storage, broken } = createFailing();
    broken.add("setItem");
    const { state, clock, lines } = createBench({ storage });
    state.putCooldown(cooldown("a"));
    state.count("a", false);
    await state.close();
    expect(clock.pending()).toBe(0);
    expect(lines.at(-1)).toBe(
      "error state: 2 records could not be written before the relay closed and are lost",
    );
  });
});

async function twice(run: () => Promise<void>): Promise<void> {
  await run().catch(() => run());
}
