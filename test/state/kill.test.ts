import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { afterEach, beforeEach, expect, it } from "vitest";
import { NOW, createBench } from "./fixtures.ts";
import { fsPlace } from "./storages.ts";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));
const KEYS = 4;
// How many bytes of the last write reach the disk; -1 where the parent kills whenever it likes.
const CUTS: readonly number[] = [0, 1, 40, 150, -1, 0, 10_000, -1, 0, 100];

// Extends the same cooldowns again and again, and says each that is finished before it begins the next.
const CHILD = `
import { writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
const [stateURL, storageURL, driverURL, base, from, lines, cut] = process.argv.slice(2);
const { createState } = await import(stateURL);
const { createStorage } = await import(storageURL);
const { default: fsDriver } = await import(driverURL);
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
let program: string;

beforeEach(async () => {
  place = await fsPlace();
  program = `${place.base}-program`;
  await transpile(program);
});
afterEach(async () => {
  await place.dispose();
  await rm(program, { recursive: true, force: true });
});

it("K1 K2 K3 loses no finished cooldown and believes no torn one after SIGKILL at any moment", async () => {
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
    // The one that was under way may be finished without having been said.
    last++;
  }
  expect(finished.size).toBe(KEYS);
}, 30_000);

/** Runs a child from step `from` on until it is killed after `lines` writes, and returns what it said was done. */
function runUntilKilled(from: number, lines: number, cut: number): Promise<[string, number][]> {
  const child = spawn(process.execPath, [
    join(program, "child.mjs"),
    new URL(`file://${program}/state/state.js`).href,
    import.meta.resolve("unstorage"),
    import.meta.resolve("unstorage/drivers/fs-lite"),
    place.base,
    `${from}`,
    `${lines}`,
    `${cut}`,
  ]);
  const said: [string, number][] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const [credential = "", step] = line.split(" ");
    said.push([credential, Number(step)]);
    if (cut < 0 && said.length === lines) child.kill("SIGKILL");
  });
  return new Promise((resolve, reject) => {
    let trouble = "";
    child.stderr.on("data", (chunk) => (trouble += String(chunk)));
    child.on("close", (_code, signal) => {
      if (signal === "SIGKILL") resolve(said);
      else reject(new Error(trouble));
    });
  });
}

/** Writes the state as JavaScript, which is all that every Node runs. */
async function transpile(target: string): Promise<void> {
  for (const folder of ["state", "contract"]) {
    await mkdir(join(target, folder), { recursive: true });
    await mkdir(join(target, folder, "leases"), { recursive: true });
    for (const file of await readdir(join(SOURCE, folder), { recursive: true })) {
      if (!file.endsWith(".ts")) continue;
      const { outputText } = ts.transpileModule(
        await readFile(join(SOURCE, folder, file), "utf8"),
        {
          compilerOptions: {
            module: ts.ModuleKind.ESNext,
            target: ts.ScriptTarget.ES2022,
            verbatimModuleSyntax: true,
            rewriteRelativeImportExtensions: true,
          },
        },
      );
      await writeFile(join(target, folder, file.replace(/\.ts$/, ".js")), outputText);
    }
  }
  await writeFile(join(target, "package.json"), '{"type":"module"}');
  await writeFile(join(target, "child.mjs"), CHILD);
}
