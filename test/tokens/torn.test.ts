/** Token records that are torn: what they prove, and what they must not cost (K17, M4). */
import { describe, expect, it } from "vitest";
import { createBench, createSource, type Bench } from "./bench.ts";

/** What a killed process or a machine without power leaves in place of a record. */
const TORN: readonly string[] = ["", '{"v":1,"kind":"token","cred', "\0".repeat(80)];

const keysOf = async ({ inner }: Bench, kind: string): Promise<string[]> =>
  (await inner.getKeys(`relay:${kind}`)).toSorted();

/** A grant of which the first refresh token has been used; the record of its successor is torn. */
async function withTornToken(value: string): Promise<Bench> {
  const bench = createBench();
  const first = bench.start({ a: createSource() });
  const asked = first.keeper.ensure("a");
  await bench.clock.advance(6_000);
  expect(await asked).toBe(true);
  for (const key of await keysOf(bench, "t")) await bench.inner.setItem(key, value);
  return bench;
}

async function refresh(bench: Bench, source = createSource()): Promise<ReturnType<Bench["start"]>> {
  const instance = bench.start({ a: source });
  const asked = instance.keeper.ensure("a");
  await bench.clock.advance(6_000);
  await asked;
  return instance;
}

describe("K17 a torn token record", () => {
  it.each(TORN)(
    "proves that its refresh token has been used, which is not sent again: %j",
    async (value) => {
      const bench = await withTornToken(value);
      const source = createSource();
      const { lost } = await refresh(bench, source);
      expect(source.asked).toEqual([]);
      expect(lost).toEqual([{ credential: "a", code: "UNSURE" }]);
    },
  );

  it("together with a torn intent, too, and a new grant is not affected", async () => {
    const bench = await withTornToken("");
    for (const key of await keysOf(bench, "n")) await bench.inner.setItem(key, "");
    for (let start = 0; start < 2; start++) {
      const source = createSource();
      const { lost } = await refresh(bench, source);
      expect(source.asked).toEqual([]);
      expect(lost).toHaveLength(1);
    }
    const renewed = createSource({ refreshToken: "new-grant" });
    const { lost } = await refresh(bench, renewed);
    expect(renewed.asked).toEqual(["new-grant"]);
    expect(lost).toEqual([]);
  });

  it("of an older generation costs nothing", async () => {
    const bench = createBench();
    const source = createSource({ rotates: true });
    source.answers = [{ expiresIn: 1 }, { expiresIn: 1 }, { expiresIn: 1 }];
    const { keeper } = bench.start({ a: source });
    for (let count = 0; count < 3; count++) {
      const asked = keeper.ensure("a");
      await bench.clock.advance(8_000);
      await asked;
    }
    expect(source.asked).toHaveLength(3);
    const [oldest] = await Promise.all(
      (await keysOf(bench, "t")).map(async (key) => ({
        key,
        value: await bench.inner.getItem<{ generation: number }>(key),
      })),
    ).then((all) => all.toSorted((a, b) => a.value!.generation - b.value!.generation));
    await bench.inner.setItem(oldest!.key, "");
    const after = createSource();
    const { lost } = await refresh(bench, after);
    expect(after.asked).toEqual(["refresh-3"]);
    expect(lost).toEqual([]);
  });
});
