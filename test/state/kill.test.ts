import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NOW, createBench } from "./fixtures.ts";
import { createProgram, type Program } from "./program.ts";
import { fsPlace } from "./storages.ts";

const KEYS = 4;
// How many bytes of the last write reach the disk; -1 when the parent kills the child at any moment.
const CUTS: readonly number[] = [0, 1, 40, 150, -1, 0, 10_000, -1, 0, 100];

// Extends the same cooldowns repeatedly, and prints each finished one before it begins the next.
const CHILD = `
import { writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createStorage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import { createState } from "./state/create-state.js";
const [base, from, lines, cut] = process.argv.slice(2);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const clock = { now: () => ${NOW}, after: (delay, wake) => {
  const timer = setTimeout(wake, delay); timer.unref(); return () => clearTimeout(timer);
} };
const storage = createStorage({ driver: fsDriver({ base }) });
let writes = 0;
async function setItem(key, value) {
  if (cut < 0 || ++writes <= lines) return storage.setItem(key, value);
  // What a driver that writes in place leaves when it is killed.
  writeFileSync(join(base, key.replaceAll(":", "/")), JSON.stringify(value).slice(0, cut));
  process.kill(process.pid, "SIGKILL");
  await new Promise(() => {});
}
const state = createState({ storage: { ...storage, setItem }, base: "relay", clock, log, random: Math.random });
for (let step = Number(from) + 1; ; step++) {
  const credential = "c" + (step % ${KEYS});
  state.putCooldown({
    key: { credential, upstream: "acme", pool: "main", family: "*" }, reason: "QUOTA_EXHAUSTED",
    until: ${NOW} + step, writtenAt: ${NOW}, epoch: 0, incidents: step, stated: true,
  });
  await state.flush();
  writeSync(1, credential + " " + step + "\\n");
}
`;

let place: Awaited<ReturnType<typeof fsPlace>>;
let program: Program;

beforeEach(async () => {
  place = await fsPlace();
  program = await createProgram(CHILD);
});
afterEach(async () => {
  await place.dispose();
  await program.dispose();
});

it("K1 K2 K3 loses no finished cooldown and uses no torn one after SIGKILL at any moment", async () => {
  const finished = new Map<string, number>();
  let last = 0;
  for (const [round, cut] of CUTS.entries()) {
    for (const [credential, step] of await runUntilKilled(last, 30 + ((round * 37) % 50), cut)) {
      finished.set(credential, step);
      last = Math.max(last, step);
    }
    const { state } = createBench({ storage: place.open() });
    const { cooldowns } = await state.load();
    for (const [credential, step] of finished) {
      const found = cooldowns.find((one) => one.key.credential === credential);
      expect(found?.incidents, `${credential} in round ${round}`).toBeGreaterThanOrEqual(step);
    }
    for (const one of cooldowns) {
      expect(one.until - NOW).toBe(one.incidents);
      expect(one.incidents).toBeLessThanOrEqual(last + 1);
    }
    // The write that was under way may be finished without having been printed.
    last++;
  }
  expect(finished.size).toBe(KEYS);
}, 30_000);

/** Runs a child from step `from` on until it is killed after `lines` writes, and returns the writes that it printed. */
function runUntilKilled(from: number, lines: number, cut: number): Promise<[string, number][]> {
  const child = program.start([place.base, `${from}`, `${lines}`, `${cut}`]);
  const said: [string, number][] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const [credential = "", step] = line.split(" ");
    said.push([credential, Number(step)]);
    if (cut < 0 && said.length === lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    let trouble = "";
    child.stderr!.on("data", (chunk) => (trouble += String(chunk)));
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve(said);
      else reject(new Error(trouble));
    });
  });
}
