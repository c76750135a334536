#!/usr/bin/env node
// Measures the cost of selecting a credential in a pool of 10, 1,000 and 100,000 of which half cool down.
//
// Times one turn of the pool only: `take` and `release`, as a request calls them, and the functions around them: `hasAny`, `isOnly`,
// `blocked` with all credentials cooling, a refusal and its end, a new model name. Ratios between sizes matter more than µs.
//
// What would falsify the result:
// - cooling members in one run of numbers, so that the rotation never meets them: here they are distributed at random, and once in a block;
// - one credential taken again and again: the rotation advances with each take, and the selected ids are summed up;
// - a pool too small for the processor's caches to matter, or a first round that is still being compiled: each size is warmed up
//   and measured in rounds, of which the median counts (its spread is printed);
// - a clock that is read for each selection: the time is an argument, and constant except at the end of windows.
// It leaves out what a request costs apart from the selection, and the memory of 100,000 sessions.
//
// Usage: node bench/choose.mjs [--json FILE]
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const SIZES = [10, 1_000, 100_000];
const GOALS = { 10: 1, 1_000: 2, 100_000: 5 };
const ROUNDS = 15;
const NOW = Date.UTC(2026, 0, 1);
const FAR = 3_600_000;

const { Pool, Cooldowns } = await load();
const rows = [];
for (const size of SIZES) {
  measure(
    size,
    "half cool at random",
    half(size, (at) => at % 2 === 0, 7),
    take,
  );
  measure(
    size,
    "half cool in one block",
    half(size, (at) => at < size / 2),
    take,
  );
  measure(
    size,
    "half cool for the family alone",
    half(size, (at) => at % 2 === 0, 7, "m"),
    take,
  );
  measure(
    size,
    "all but one cool for the family",
    half(size, (at) => at !== size >> 1, 0, "m"),
    take,
  );
  measure(
    size,
    "half serve the model",
    half(size, (at) => at % 4 === 0, 7, "*", true),
    take,
  );
  measure(
    size,
    "in one of 30,000 sessions, 20,000 kept",
    half(size, (at) => at % 2 === 0, 7),
    takeInSession,
  );
  for (const strategy of ["weighted", "least-in-flight", "quota"])
    for (const family of ["*", "m"])
      measure(
        size,
        `${strategy}, half cool${family === "m" ? " for the family alone" : ""}`,
        half(size, (at) => at % 2 === 0, 7, family, false, strategy),
        take,
      );
  measure(
    size,
    "reuse window",
    half(size, (at) => at % 2 === 0, 7, "*", false, "round-robin", 60_000),
    take,
  );
  measure(
    size,
    "hasAny and isOnly",
    half(size, (at) => at % 2 === 0, 7),
    questions,
  );
  measure(
    size,
    "blocked, all cool",
    half(size, () => true),
    blocked,
  );
  measure(
    size,
    "refused, then over",
    half(size, (at) => at % 2 === 0, 7),
    refused,
    null,
  );
  measure(
    size,
    "a new model name, refused",
    half(size, (at) => at % 2 === 0, 7),
    newModel,
    null,
  );
}
report();

/** Bundles only the pool and imports it: no build is needed, and no type is stripped at run time. */
async function load() {
  const folder = mkdtempSync(join(tmpdir(), "choose-"));
  const file = join(folder, "pool.mjs");
  const source = (name) => fileURLToPath(new URL(`../src/${name}.ts`, import.meta.url));
  const entry = "virtual:choose";
  try {
    const bundle = await rolldown({
      input: entry,
      plugins: [
        {
          name: "entry",
          resolveId: (id) => (id === entry ? id : undefined),
          load: (id) =>
            id === entry
              ? `export { Pool } from ${JSON.stringify(source("pool/pool"))};
                 export { Cooldowns } from ${JSON.stringify(source("cooldowns/cooldowns"))};`
              : undefined,
        },
      ],
    });
    await bundle.write({ file, format: "esm" });
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A pool in which the members for which `cools` is true are closed; a `stride` other than 0 spreads their numbers over the pool. */
function half(
  size,
  cools,
  stride = 0,
  family = "*",
  lists = false,
  strategy = "round-robin",
  reuseWindow = false,
) {
  const cooldowns = new Cooldowns({ limit: 4 * size + 1_000 });
  const credentials = Array.from({ length: size }, (_, at) => ({
    id: `credential-${at}`,
    label: `credential-${at}`,
    upstream: "up",
    tier: 1,
    weight: strategy === "weighted" ? 1 + (at % 10) : 1,
    allow: lists && at % 2 === 0 ? ["other*"] : undefined,
    deny: undefined,
    maxInFlight: Infinity,
  }));
  const options = {
    cooldowns,
    random: () => 0.5,
    rotateEvery: 1,
    sessionTTL: FAR,
    sessionLimit: 20_000,
    strategy,
    reuseWindow,
    cacheWait: false,
  };
  const pool = new Pool("up", credentials, options);
  const random = generator(stride);
  credentials.forEach(({ id }, at) => {
    const place = stride === 0 ? at : Math.floor(random() * size);
    if (cools(place)) close(pool, cooldowns, id, family, NOW, FAR + at);
  });
  // The quota of every third one is known, at one of ten levels.
  if (strategy === "quota")
    for (let at = 0; at < size; at += 3) {
      const reading = { remaining: (at % 10) / 10, resetAt: undefined, at: NOW };
      const of = { pool: "main", family: "m", model: "m" };
      pool.setQuota(`credential-${at}`, of, reading, NOW);
    }
  return { pool, cooldowns, size, names: 0, now: NOW };
}

function close(pool, cooldowns, credential, family, now, wait) {
  const key = { credential, upstream: "up", pool: family === "*" ? "*" : "main", family };
  const refusal = {
    key,
    reason: "RATE_LIMIT_EXCEEDED",
    hint: wait,
    ladder: () => wait,
    sentAt: now,
  };
  if (cooldowns.refuse(refusal, now)) pool.changed(key, now);
}

function wanted(model = "m", session = undefined) {
  return { target: { upstream: "up", pool: "main", model, family: model }, session, excluded: [] };
}

function take({ pool, now }) {
  const chosen = pool.take(wanted(), now);
  if (!chosen) return 0;
  pool.release(chosen.id, now);
  return chosen.id.length;
}

function takeInSession(at) {
  at.names = (at.names + 1) % 30_000;
  const chosen = at.pool.take(wanted("m", `session-${at.names}`), at.now);
  at.pool.release(chosen.id, at.now);
  return chosen.id.length;
}

function questions({ pool, now }) {
  const what = wanted();
  return Number(pool.hasAny(what, now)) + Number(!pool.isOnly("credential-0", what.target));
}

function blocked({ pool, now }) {
  return Number(pool.blocked(wanted(), now).why === "cooling");
}

/** One refusal of a whole credential; the window has ended when the next one arrives. */
function refused(at) {
  at.now += 3_000;
  const chosen = at.pool.take(wanted(), at.now);
  at.pool.release(chosen.id, at.now);
  close(at.pool, at.cooldowns, chosen.id, "*", at.now, 2_000);
  return chosen.id.length;
}

/** A new model name, refused once: the effect of many invented model names. */
function newModel(at) {
  at.now += 10;
  const model = `made-up-${at.names++}`;
  const chosen = at.pool.take(wanted(model), at.now);
  at.pool.release(chosen.id, at.now);
  close(at.pool, at.cooldowns, chosen.id, model, at.now, 60_000);
  return chosen.id.length;
}

function measure(size, what, bench, turn, goal = GOALS[size]) {
  const turns = 20_000;
  let sum = 0;
  const round = () => {
    const begin = process.hrtime.bigint();
    for (let count = 0; count < turns; count++) sum += turn(bench);
    return Number(process.hrtime.bigint() - begin) / turns / 1_000;
  };
  round();
  const times = Array.from({ length: ROUNDS }, round).toSorted((a, b) => a - b);
  if (sum === 0) throw new Error(`${what} at ${size}: nothing was chosen`);
  const at = (share) => times[Math.round(share * (ROUNDS - 1))];
  rows.push({ size, what, median: at(0.5), low: at(0), high: at(0.9), goal });
}

function report() {
  console.log("credentials  µs (median)  low–p90        goal  what");
  for (const { size, what, median, low, high, goal } of rows) {
    const spread = `${low.toFixed(2)}–${high.toFixed(2)}`;
    const mark = goal === null || median <= goal ? " " : "!";
    console.log(
      `${String(size).padStart(11)}  ${median.toFixed(2).padStart(10)}${mark}  ${spread.padEnd(13)}  ${goal === null ? " ".repeat(3) : `≤ ${goal}`}   ${what}`,
    );
  }
  const result = {
    benchmark: "choose",
    node: process.version,
    cpu: cpus()[0]?.model,
    rounds: ROUNDS,
    rows,
  };
  const at = process.argv.indexOf("--json");
  if (at >= 0) writeFileSync(process.argv[at + 1], `${JSON.stringify(result, null, 2)}\n`);
  else console.log(JSON.stringify(result));
}

/** A small seeded generator (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
