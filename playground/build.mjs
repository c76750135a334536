// Builds the package and the Nitro app if they are missing or were built from other sources. launch.mjs runs this as a child process, so that
// it can hide the output of the builders. Sends the path of the server's entry to the parent.
import { createHash } from "node:crypto";
import {
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "../scripts/build.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const outputs = join(here, ".output");
const SOURCES = [
  "nitro.config.mjs",
  "build.mjs",
  "server",
  "public",
  "../dist",
  "../package-lock.json",
];
/** Number of builds that are kept, since a running server still reads from its own. */
const KEPT = 3;

await ensureBuilt();
process.send?.({ entry: await ensureApp() });

/** Builds into a folder for each state of the sources, so that no outdated build is served and parallel builds do not collide. */
async function ensureApp() {
  const output = join(outputs, hashSources());
  const entry = join(output, "server/index.mjs");
  if (existsSync(entry)) utimesSync(output, new Date(), new Date());
  else {
    process.send?.({ building: true });
    await buildInto(output);
  }
  return entry;
}

async function buildInto(output) {
  const { build, copyPublicAssets, createNitro, prepare } = await import("nitro/builder");
  const fresh = `${output}.${process.pid}`;
  const buildDir = join(here, ".nitro", String(process.pid));
  const nitro = await createNitro({ rootDir: here, buildDir, output: { dir: fresh }, dev: false });
  try {
    await prepare(nitro);
    await copyPublicAssets(nitro);
    await build(nitro);
    publish(fresh, output);
  } finally {
    await nitro.close();
    for (const dir of [fresh, buildDir]) rmSync(dir, { recursive: true, force: true });
  }
  removeOld();
}

function publish(fresh, output) {
  try {
    renameSync(fresh, output);
  } catch (error) {
    // Another process has built the same sources meanwhile.
    if (!existsSync(output)) throw error;
  }
}

function removeOld() {
  const builds = readdirSync(outputs).filter((name) => /^[0-9a-f]+$/.test(name));
  const age = (name) => statSync(join(outputs, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  for (const name of builds.toSorted((one, other) => age(other) - age(one)).slice(KEPT))
    rmSync(join(outputs, name), { recursive: true, force: true });
}

function hashSources() {
  const hash = createHash("sha256").update(process.version);
  for (const path of SOURCES.flatMap(filesOf))
    hash.update(`\0${path}\0`).update(readFileSync(join(here, path)));
  return hash.digest("hex").slice(0, 16);
}

function filesOf(path) {
  if (!statSync(join(here, path)).isDirectory()) return [path];
  return readdirSync(join(here, path))
    .toSorted()
    .flatMap((name) => filesOf(join(path, name)));
}
