/** Two relays on one store: each applies what the other has learned, through outages too; judged by the upstream's ledger (M1, M5). */
import { afterEach, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import {
  noPostgres,
  noRedis,
  noSqlite,
  postgresPlace,
  redisPlace,
  sqlitePlace,
} from "../state/stores.ts";
import type { StorePlace } from "../state/storages.ts";
import { noRedisServer, type OwnRedis, startRedis } from "../support/own-redis.ts";
import { untilSo as until } from "../support/until.ts";
import { createRealClock } from "../support/real-clock.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function upstreamOf(count: number): Promise<Simulator> {
  const keys = Object.fromEntries(makeCredentials(count).map(({ id, apiKey }) => [id, apiKey!]));
  const upstream = await createSimulator({ keys });
  closing.push(() => upstream.close());
  return upstream;
}

async function start(keep: Simulator, storage: unknown, count: number): Promise<RelayUnderTest> {
  const relay = await startRelay({
    keep,
    count,
    storage: storage as never,
    clock: createRealClock(),
    streaming: { shutdownGrace: 0 },
  });
  closing.push(() => relay.close());
  return relay;
}

async function redisOf(options: { keeps: boolean }): Promise<OwnRedis> {
  const redis = await startRedis(options);
  closing.push(redis.dispose);
  return redis;
}

/** A credential's quota is used up: for all calls from now on, or for the first only. */
function refuse(upstream: Simulator, credentials: string[], first?: number): void {
  upstream.script(
    ...credentials.map((credential) => ({
      when: { credential, ...(first && { first }) },
      then: {
        refuse: { kind: "quota" as const, wait: 3_600_000, hints: ["retry-after" as const] },
      },
    })),
  );
}

function knows({ relay }: RelayUnderTest, id: string): boolean {
  return relay.status().cooldowns.some(({ credential }) => credential === id);
}

function shared(name: string, make: () => StorePlace | Promise<StorePlace>): void {
  it(`M1 a cooldown is in force on the other instance within a second, on ${name}`, async () => {
    const place = await make();
    closing.push(() => place.dispose());
    const upstream = await upstreamOf(2);
    const [a, b] = [await start(upstream, place.open(), 2), await start(upstream, place.open(), 2)];
    refuse(upstream, ["c1"]);
    expect((await a.chat()).status).toBe(200);
    const delay = await until(() => knows(b, "c1"), 5_000);
    upstream.ledger.reset();
    for (let n = 0; n < 4; n++) await (await b.chat()).text();
    expect(upstream.ledger.byCredential()).toEqual({ c2: 4 });
    expect(delay).toBeLessThan(1_000);
    expect(b.relay.status().store).toMatchObject({ sync: "shared", fault: undefined });
  }, 60_000);

  it(`M1 F1 a key that is permanently refused is disabled on the other instance, on ${name}`, async () => {
    const place = await make();
    closing.push(() => place.dispose());
    const upstream = await upstreamOf(2);
    const [a, b] = [await start(upstream, place.open(), 2), await start(upstream, place.open(), 2)];
    upstream.script({ when: { credential: "c1" }, then: { refuse: "unauthenticated" } });
    expect((await a.chat()).status).toBe(200);
    await until(() => b.relay.status().credentials[0]!.disabled !== undefined, 5_000);
    upstream.ledger.reset();
    for (let n = 0; n < 4; n++) await (await b.chat()).text();
    expect(upstream.ledger.byCredential()).toEqual({ c2: 4 });
  }, 60_000);
}

describe.skipIf(noSqlite)("instances on SQLite", () => shared("SQLite", sqlitePlace));
describe.skipIf(noRedis)("instances on Redis", () => shared("Redis", redisPlace));
describe.skipIf(noPostgres)("instances on PostgreSQL", () => shared("PostgreSQL", postgresPlace));

describe.skipIf(noRedisServer)("a Redis that is killed and restarted", () => {
  it("M5 K4 every request is served meanwhile, and both have the complete state afterwards", async () => {
    const redis = await redisOf({ keeps: true });
    const upstream = await upstreamOf(4);
    const [a, b] = [await start(upstream, redis.open(), 4), await start(upstream, redis.open(), 4)];
    let statuses: number[] = [];
    let [isLoaded, targets] = [true, [a, b]];
    const load = (async () => {
      while (isLoaded) {
        const answers = await Promise.all(targets.map((one) => one.chat()));
        for (const answer of answers) await answer.text();
        statuses.push(...answers.map(({ status }) => status));
      }
    })();
    await until(() => statuses.length > 20, 10_000);
    await redis.kill();
    await until(() => a.relay.status().store.fault !== undefined, 10_000);
    // Only one gets the refusals: the other can only learn of them from the store.
    targets = [a];
    const before = statuses.length;
    await until(() => statuses.length > before + 4, 5_000);
    refuse(upstream, ["c1", "c2"]);
    await until(() => knows(a, "c1") && knows(a, "c2"), 10_000);
    statuses = [];
    await until(() => statuses.length > 50, 10_000);
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(knows(b, "c1")).toBe(false);
    await redis.start();
    const back = await until(
      () => [a, b].every((one) => knows(one, "c1") && knows(one, "c2")),
      20_000,
    );
    await until(() => a.relay.status().store.pendingWrites === 0, 20_000);
    await until(() => b.relay.status().store.fault === undefined, 20_000);
    isLoaded = false;
    await load;
    expect(back).toBeLessThan(10_000);
    // Changes made during the outage are in the store for the next instance.
    const c = await start(upstream, redis.open(), 4);
    expect(knows(c, "c1") && knows(c, "c2")).toBe(true);
    for (const { lines } of [a, b])
      expect(
        lines.filter(({ level }) => level === "warn" || level === "error").length,
      ).toBeLessThan(12);
  }, 60_000);

  it("K15 M5 a relay that starts while Redis is down serves, and applies the stored state when it is back", async () => {
    const redis = await redisOf({ keeps: true });
    const upstream = await upstreamOf(2);
    const a = await start(upstream, redis.open(), 2);
    refuse(upstream, ["c1"], 1);
    await (await a.chat()).text();
    await until(() => a.relay.status().store.pendingWrites === 0, 5_000);
    await redis.kill();
    const b = await start(upstream, redis.open(), 2);
    expect((await b.chat()).status).toBe(200);
    expect(b.relay.status().store).toMatchObject({ loaded: false });
    await redis.start();
    await until(() => knows(b, "c1"), 20_000);
    expect(b.relay.status().store).toMatchObject({ loaded: true, sync: "shared" });
  }, 60_000);
});
