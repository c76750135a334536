/** Follows the recipes for state in Redis word for word: the state survives a restart, and its keys have the app's own prefix. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import type { HostProcess } from "../hosts/support/process.ts";
import { noRedis } from "../state/stores.ts";
import { endBySignal, expectStream } from "./checks.ts";
import { type App, createApp, type Section } from "./run.ts";

const KEYS = { KEY_A: "sk-recipe-a-0123456789", KEY_B: "sk-recipe-b-0123456789" };
/** A database with few keys. Other tests that use it write under prefixes that begin with `relay_`. */
const REDIS_URL = "redis://127.0.0.1:6379/11";
const HOUR = 3_600_000;

const QUICK_START: Section = ["README.md", "## Quick start"];

interface Recipe {
  section: Section;
  /** Environment of the build. */
  build: Record<string, string>;
  /** Environment of the start. */
  start: Record<string, string>;
}

const RECIPES: Record<string, Recipe> = {
  "the README's, which is written into the build": {
    section: ["README.md", "### State in Redis"],
    build: { REDIS_URL },
    start: {},
  },
  "docs/hosts.md's, which is read when the server starts": {
    section: ["docs/hosts.md", "#### A store that is known at start"],
    build: {},
    start: { REDIS_URL },
  },
};

describe.skipIf(noRedis).each(Object.entries(RECIPES))("L12 Redis by %s", (_, recipe) => {
  const prefix = `recipe-${process.pid}-${Date.now().toString(36)}`;
  const env = { ...KEYS, ...recipe.start };
  let redis: Redis;
  let before: Set<string>;
  let upstream: Simulator;
  let app: App;
  let host: HostProcess;

  beforeAll(async () => {
    redis = new Redis(REDIS_URL);
    before = new Set(await redis.keys("*"));
    upstream = await createSimulator({ keys: { a: KEYS.KEY_A, b: KEYS.KEY_B } });
    const edit = (name: string, text: string): string =>
      withBoth(name, text.replace('base: "my-app"', `base: "${prefix}"`));
    app = await createApp([QUICK_START, recipe.section], upstream, { edit });
  });
  afterAll(async () => {
    await host?.stop();
    const left = await redis.keys(`${prefix}:*`);
    if (left.length > 0) await redis.del(left);
    redis.disconnect();
    app?.remove();
    await upstream?.close();
  });

  it("L13 installs and builds without a key", () => app.prepare(recipe.build));

  it("a credential without quota gets a cooldown, and the other one serves the request", async () => {
    upstream.script({
      when: { credential: "a" },
      then: { refuse: { kind: "quota", wait: HOUR, hints: ["retry-after"] } },
    });
    host = await app.start(env);
    await expectStream(`${host.url}/ai`, upstream);
    expect(callsOf("a")).toBe(1);
    await endBySignal(host);
    expect(host.lines.join("\n")).toContain("state in Redis (shared, atomic leases)");
  });

  it("the cooldown survives a restart", async () => {
    upstream.script();
    host = await app.start(env);
    await expectStream(`${host.url}/ai`, upstream);
    expect(upstream.ledger.last()!.credential).toBe("b");
    expect(callsOf("a")).toBe(1);
  });

  it("every key has the app's prefix", async () => {
    const keys = (await redis.keys("*")).filter(
      (key) => !before.has(key) && !key.startsWith("relay_"),
    );
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith(`${prefix}:`))).toEqual([]);
  });

  it("ends at SIGTERM", async () => {
    process.stdout.write(`SIGTERM, Redis: ${(await endBySignal(host)).toFixed(0)} ms\n`);
  });

  const callsOf = (credential: string): number =>
    upstream.ledger.calls.filter((call) => call.credential === credential).length;
});

/** The section of docs/hosts.md has one credential. This adds a second one, which serves requests during the first one's cooldown. */
function withBoth(name: string, text: string): string {
  if (name !== "server/relay.config.ts" || text.includes("KEY_B")) return text;
  return text.replace(
    "credentials: [",
    'credentials: [{ id: "team-b", apiKey: process.env.KEY_B, tier: 2 }, ',
  );
}
