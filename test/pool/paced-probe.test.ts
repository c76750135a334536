import { expect, it } from "vitest";
import { createBench, credentials, key, NOW, targetOf, wanted } from "./fixtures.ts";

const WINDOW = 5_000;
const END = NOW + WINDOW;

it("F8 D7 covers the closure by its own wave, and not a refusal that came since", () => {
  const { pool, cooldowns, close } = createBench(credentials(1));
  close(key("c1"), WINDOW, NOW);
  expect(pool.take(wanted(), END)?.id).toBe("c1");
  const probe = pool.beginProbe("c1", targetOf("m"), END)!;
  const closing = (): boolean[] =>
    cooldowns.closing("c1", targetOf("m"), END).map((it) => probe.covers(it));
  expect(closing()).toEqual([true]);
  close(key("c1"), WINDOW, END);
  expect(closing()).toEqual([false]);
});

it("F8 says that a wave closes a key as a probe does, and until when", () => {
  const { pool, close } = createBench(credentials(1));
  close(key("c1"), WINDOW, NOW);
  pool.take(wanted(), END);
  pool.beginProbe("c1", targetOf("m"), END);
  expect(pool.hasAny(wanted(), END)).toBe(false);
  expect(pool.blocked(wanted(), END)).toMatchObject({ why: "trial", until: END + 1_000 });
  expect(pool.hasAny(wanted(), END + 1_000)).toBe(true);
});

it("F8 paces a limit that all credentials share for all of them together", () => {
  const { pool, close } = createBench(credentials(3));
  close(key("*"), WINDOW, NOW);
  expect(pool.hasAny(wanted(), END - 1)).toBe(false);
  const first = pool.take(wanted(), END)!;
  const probe = pool.beginProbe(first.id, targetOf("m"), END)!;
  expect(pool.take(wanted(), END)).toBeUndefined();
  probe.serve(END);
  for (let nth = 0; nth < 2; nth++) {
    const next = pool.take(wanted(), END)!;
    expect(pool.beginProbe(next.id, targetOf("m"), END)).toBeDefined();
  }
  expect(pool.take(wanted(), END)).toBeUndefined();
});

it("F8 tells how many requests may go when a key opens", () => {
  const opened: (number | undefined)[] = [];
  const { pool, close } = createBench(credentials(1), {
    onChange: (_, places) => void opened.push(places),
  });
  close(key("c1"), WINDOW, NOW);
  opened.length = 0;
  pool.take(wanted(), END);
  const probe = pool.beginProbe("c1", targetOf("m"), END)!;
  expect(opened).toEqual([]);
  probe.serve(END);
  probe.end(END);
  expect(opened).toEqual([2]);
});

it("F8 stays closed when a late answer of the first wave comes while the second is under way", () => {
  const { pool, cooldowns, close } = createBench(credentials(1));
  close(key("c1"), WINDOW, NOW);
  pool.take(wanted(), END);
  const late = pool.beginProbe("c1", targetOf("m"), END)!;
  const now = END + 1_000;
  for (let nth = 0; nth < 2; nth++) {
    expect(pool.take(wanted(), now)).toBeDefined();
    pool.beginProbe("c1", targetOf("m"), now);
  }
  cooldowns.succeed(key("c1"), END, now);
  pool.changed(key("c1"), now);
  late.serve(now);
  expect(pool.take(wanted(), now)).toBeUndefined();
});
