/** Stores with small values, and stores that refuse some (K20). */
import { createStorage, type Storage } from "unstorage";
import { afterEach, describe, expect, it } from "vitest";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { type Bench, createBench, mark, NOW } from "./fixtures.ts";
import { wrapStorage } from "./storages.ts";

const all: Bench[] = [];
afterEach(async () => {
  await Promise.all(all.splice(0).map(({ state }) => state.close()));
});

/** A driver that refuses values with more characters, as Azure Table does with 32,768. */
function createNarrow(
  inner: Storage,
  most: number,
): { storage: StateStorage; longest: () => number } {
  let longest = 0;
  const wrapped = wrapStorage(inner, (_method, _key, run) => run());
  const storage: StateStorage = {
    ...wrapped,
    getMount: () => ({ driver: { name: "azure-storage-table" } }),
    async setItem(key, value) {
      const { length } = JSON.stringify(value);
      longest = Math.max(longest, length);
      if (length > most)
        throw Object.assign(
          new Error("The property value exceeds the maximum allowed size (64KB)."),
          {
            code: "PropertyValueTooLarge",
          },
        );
      await wrapped.setItem(key, value);
    },
  };
  return { storage, longest: () => longest };
}

async function open(storage: StateStorage, heard: Set<string>): Promise<Bench> {
  const bench = createBench({ storage });
  bench.state.follow(({ marks }) => void marks.forEach(({ credential }) => heard.add(credential)));
  await bench.state.load();
  all.push(bench);
  return bench;
}

async function untilHeard(heard: ReadonlySet<string>, count: number): Promise<void> {
  for (let tries = 0; tries < 600 && heard.size < count; tries++)
    for (const { clock } of all) await clock.advance(250);
  expect(heard.size).toBe(count);
}

const reason = 'The key "sk-…" was refused: {"error":{"code":"密钥"}}';

describe("K20 a store with small values", () => {
  it.each([32_768, 4_000])(
    "of %i characters: 260 marks of one instance are heard by the other",
    async (most) => {
      const { storage, longest } = createNarrow(createStorage(), most);
      const heard = new Set<string>();
      const a = await open(storage, new Set());
      await open(storage, heard);
      for (let at = 0; at < 260; at++)
        a.state.putMark(mark(`credential-${at}`, { disabled: { cause: "auth", reason, at: NOW } }));
      await a.state.flush();
      await untilHeard(heard, 260);
      if (most === 32_768) {
        expect(longest()).toBeLessThanOrEqual(32_000);
        expect(a.lines).toEqual([]);
      }
      expect(a.state.health()).toMatchObject({ fault: undefined, pendingWrites: 0 });
    },
  );

  it("K7 counters fit, too", async () => {
    const { storage, longest } = createNarrow(createStorage(), 32_768);
    const { state } = await open(storage, new Set());
    for (let at = 0; at < 2_000; at++) state.count(`credential-${at}-密钥`, false);
    await state.flush();
    expect(longest()).toBeLessThanOrEqual(32_000);
    expect(state.health()).toMatchObject({ fault: undefined });
  });

  it("a refused value is told with the driver's reason", async () => {
    const wrapped = wrapStorage(createStorage(), async (method, key, run) => {
      if (method === "setItem" && /:m:/.test(key))
        throw Object.assign(
          new Error(
            "Incorrect string value: '\\xE5\\xAF\\x86' for column `relay`.`value` at row 1",
          ),
          { code: "ER_TRUNCATED_WRONG_VALUE_FOR_FIELD" },
        );
      return run();
    });
    const { state, lines } = await open(wrapped, new Set());
    state.putMark(mark("密钥"));
    await state.flush();
    expect(lines.join("\n")).toContain(
      "cannot be written (ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: Incorrect string value: '\\xE5\\xAF\\x86' for column `relay`.`value` at row 1)",
    );
  });
});
