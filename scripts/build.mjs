// Builds dist beside the old one and swaps them, so that nobody reads half a build; one process builds at a time.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, ".cache");
const stamp = join(cache, "built");
const lock = join(cache, "building");
const SOURCES = [
  "src",
  "adapters",
  "simulator",
  "package.json",
  "tsconfig.json",
  "build.config.mjs",
];
/** A builder that died leaves its lock behind; nobody builds for so long. */
const LOCK_LIFE = 60_000;

/** Builds dist where it is missing or made from other sources than those that are here now. */
export async function ensureBuilt() {
  await locked(async () => {
    const sources = hashSources();
    if (!isBuiltFrom(sources)) await buildFrom(sources);
  });
}

/** Builds dist, whatever is there. */
export async function buildAlways() {
  await locked(() => buildFrom(hashSources()));
}

async function buildFrom(sources) {
  const { build } = await import("obuild");
  const { default: config } = await import("../build.config.mjs");
  const fresh = `dist.${process.pid}`;
  try {
    const entries = config.entries.map((entry) => ({
      ...entry,
      outDir: join(fresh, entry.outDir ?? ""),
    }));
    await build({ ...config, cwd: root, entries });
    rmSync(stamp, { force: true });
    rmSync(join(root, "dist"), { recursive: true, force: true });
    renameSync(join(root, fresh), join(root, "dist"));
    writeFileSync(stamp, sources);
  } finally {
    rmSync(join(root, fresh), { recursive: true, force: true });
  }
}

function isBuiltFrom(sources) {
  if (!existsSync(join(root, "dist/index.mjs")) || !existsSync(stamp)) return false;
  return readFileSync(stamp, "utf8") === sources;
}

function hashSources() {
  const hash = createHash("sha256");
  for (const path of SOURCES.flatMap(filesOf)) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  }
  return hash.digest("hex");
}

function filesOf(path) {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .toSorted();
}

async function locked(work) {
  mkdirSync(cache, { recursive: true });
  while (!takeLock()) await sleep(100);
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function takeLock() {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (since && Date.now() - since > LOCK_LIFE) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAlways();
