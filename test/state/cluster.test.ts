/** A real cluster of three masters, and a master that Sentinel replaces (K2, K18). */
import { afterEach, describe, expect, it } from "vitest";
import { createState } from "../../src/state/create-state.ts";
import type { State } from "../../src/contract/state.ts";
import { type RedisGroup, startCluster, startSentinels } from "../support/own-cluster.ts";
import { noRedisServer } from "../support/own-redis.ts";
import { createRealClock } from "../support/real-clock.ts";
import { untilSo } from "../support/until.ts";
import { cooldown, HOUR, mark } from "./fixtures.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";

const clock = createRealClock();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function groupOf(start: typeof startCluster): Promise<RedisGroup> {
  const group = await start("app");
  closing.push(() => group.dispose());
  return group;
}

function stateOn(storage: StateStorage, lines: string[] = []): State {
  const say = (line: string): void => void lines.push(line);
  const log = { debug() {}, info: say, warn: say, error: say };
  const state = createState({ storage, base: "relay", clock, random: Math.random, log });
  closing.push(() => state.close());
  return state;
}

const until = Date.now() + HOUR;
const many = Array.from({ length: 60 }, (_, at) =>
  cooldown(`c${at}`, { until, writtenAt: Date.now() }),
);

describe.skipIf(noRedisServer)("Redis Cluster", () => {
  it("K1 K2 K18 a restart finds every cooldown, mark and added credential on all masters", async () => {
    const cluster = await groupOf(startCluster);
    const lines: string[] = [];
    const before = stateOn(cluster.open(), lines);
    await before.load();
    for (const one of many) before.putCooldown(one);
    before.putMark(mark("leaked"));
    await before.flush();
    expect(before.health()).toMatchObject({ fault: undefined, pendingWrites: 0 });

    const loaded = await stateOn(cluster.open(), lines).load();
    expect(loaded.cooldowns).toHaveLength(many.length);
    expect(loaded.marks).toEqual([mark("leaked")]);
    expect(lines).toEqual([]);
  }, 40_000);

  it("M1 M2 two instances exchange changes, and one lease has one holder", async () => {
    const cluster = await groupOf(startCluster);
    const [a, b] = [stateOn(cluster.open()), stateOn(cluster.open())];
    const heard: string[] = [];
    a.follow(() => {});
    b.follow(({ marks }) => void heard.push(...marks.map(({ credential }) => credential)));
    await Promise.all([a.load(), b.load()]);
    a.putMark(mark("leaked"));
    await a.flush();
    await untilSo(() => heard.includes("leaked"), 5_000);
    const leases = await Promise.all([a, b].map(({ leases }) => leases.acquire("job", 60_000)));
    expect(leases.filter(Boolean)).toHaveLength(1);
    expect(a.health()).toMatchObject({ leases: "atomic", sync: "shared", fault: undefined });
  }, 40_000);
});

describe.skipIf(noRedisServer)("Redis with Sentinel", () => {
  it("K1 K2 M5 state and leases go on with the replica when the master is gone", async () => {
    const group = await groupOf(startSentinels);
    const lines: string[] = [];
    const before = stateOn(group.open(), lines);
    await before.load();
    for (const one of many) before.putCooldown(one);
    await before.flush();
    await group.servers[0]!.kill();
    before.putMark(mark("leaked"));
    await untilSo(async () => {
      await before.flush();
      return before.health().pendingWrites === 0 && before.health().fault === undefined;
    }, 30_000);
    expect(lines.join("\n")).toMatch(/state store redis (?:is not reachable|does not answer)/);
    expect(lines.at(-1)).toMatch(/is reachable again/);
    const loaded = await stateOn(group.open()).load();
    expect(loaded.cooldowns).toHaveLength(many.length);
    expect(loaded.marks).toEqual([mark("leaked")]);
    expect(await before.leases.acquire("job", 60_000)).toBeDefined();
  }, 60_000);
});
