/** A prefixed storage, as `useStorage("data")` is: its `getMount` returns the driver of another mount (M2, K1). */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStorage, prefixStorage, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import { createStorage as createStorage2, prefixStorage as prefixStorage2 } from "unstorage2";
import { createState } from "../../src/state/create-state.ts";
import { createLeases } from "../../src/state/leases.ts";
import { createFaults } from "../../src/state/store/store-faults.ts";
import { createStateKeys } from "../../src/state/records/record-keys.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import type { State } from "../../src/contract/state.ts";
import { createRealClock } from "../support/real-clock.ts";
import { cooldown, HOUR, NOW } from "./fixtures.ts";
import { fsPlace } from "./storages.ts";

const clock = createRealClock();
const base = "relay";
const silentLog = { debug() {}, info() {}, warn() {}, error() {} };

function stateOn(storage: StateStorage): State {
  return createState({ storage, base, clock, random: Math.random, log: silentLog });
}

let place: Awaited<ReturnType<typeof fsPlace>>;
beforeEach(async () => void (place = await fsPlace()));
afterEach(() => place.dispose());

const VERSIONS: Record<string, () => { root: Storage; behind(prefix: string): StateStorage }> = {
  "unstorage 1": () => {
    const root = createStorage();
    return { root, behind: (prefix) => prefixStorage(root, prefix) };
  },
  "unstorage 2": () => {
    const root = createStorage2() as unknown as Storage;
    return { root, behind: (prefix) => prefixStorage2(root as never, prefix) as never };
  },
};

describe.each(Object.entries(VERSIONS))("behind a prefix of %s", (_, open) => {
  function openBoth(): { root: Storage; prefixed: StateStorage } {
    const { root, behind } = open();
    root.mount("data", fsDriver({ base: place.base }));
    return { root, prefixed: behind("data") };
  }

  it("M2 M1 promises no more than can be known behind the prefix", async () => {
    const { root, prefixed } = openBoth();
    const state = stateOn(prefixed);
    expect(state.health()).toMatchObject({
      driver: "unknown",
      leases: "best-effort",
      sync: "best-effort",
    });
    expect(stateOn(root).health()).toMatchObject({ driver: "memory", leases: "atomic" });
    // The probe leaves nothing behind.
    expect(root.getMounts().map((mount) => mount.base)).toEqual(["data:", ""]);
  });

  it("M2 grants a lease to one of two processes", async () => {
    const asked = [openBoth(), openBoth()].map(({ prefixed }, nth) =>
      createLeases({
        storage: prefixed,
        base,
        clock,
        keys: createStateKeys(base),
        faults: createFaults(silentLog, undefined, "test", { now: () => 0 }),
        instance: `i${nth}`,
      }).acquire("job", 60_000),
    );
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
  });

  it("K1 keeps the last complete copy of a record, since the driver may be one of files", async () => {
    const { prefixed } = openBoth();
    const state = stateOn(prefixed);
    await state.load();
    for (const until of [NOW + HOUR, NOW + 2 * HOUR]) {
      state.putCooldown(cooldown("c1", { until }));
      await state.flush();
    }
    expect((await prefixed.getKeys(`${base}:c`)).length).toBe(2);
    await state.close();
  });
});
