/** Two relays on one store: what one learns the other knows, through outages too; judged by the upstream's ledger (M1, M5). */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import redisDriver from "unstorage/drivers/redis";
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
import { isMissing } from "../support/needs.ts";
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

const sleepTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Resolves with how long it took until `holds`, ms. */
async function until(holds: () => boolean | Promise<boolean>, patience: number): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > patience) throw new Error("it never came to hold");
    await sleepTurn();
  }
  return performance.now() - startedAt;
}

/** A credential's quota is used up: for all calls from now on, or for the first alone. */
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
  }, 20_000);

  it(`M1 F1 a key that is refused for good is out of use on the other instance, on ${name}`, async () => {
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
  }, 20_000);
}

describe.skipIf(noSqlite)("instances on SQLite", () => shared("SQLite", sqlitePlace));
describe.skipIf(noRedis)("instances on Redis", () => shared("Redis", redisPlace));
describe.skipIf(noPostgres)("instances on PostgreSQL", () => shared("PostgreSQL", postgresPlace));

const SERVER = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"].find((path) =>
  existsSync(path),
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Redis of our own, which can be killed and started again with what it had. */
async function ownRedis(): Promise<{
  open(): ReturnType<typeof createStorage>;
  kill(): Promise<void>;
  start(): Promise<void>;
}> {
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), "relay-redis-"))];
  let server: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server!.once("exit", resolve));
    server.kill("SIGKILL");
    await gone;
  };
  const startServer = async (): Promise<void> => {
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    server = spawn(SERVER!, [...args, "--appendonly", "yes", "--appendfsync", "always"]);
    let said = "";
    server.stdout!.on("data", (chunk) => void (said += String(chunk)));
    await until(() => said.includes("Ready to accept"), 10_000);
  };
  await startServer();
  closing.push(async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    kill,
    start: startServer,
    open() {
      const driver = redisDriver({ host: "127.0.0.1", port, maxRetriesPerRequest: 1 });
      const client = driver.getInstance!();
      client.on("error", () => {});
      closing.push(() => client.disconnect());
      return createStorage({ driver });
    },
  };
}

describe.skipIf(isMissing("redis-server", SERVER !== undefined, "apt-get install redis-server"))(
  "a Redis that is killed and comes back",
  () => {
    it("M5 K4 every request is served meanwhile, and both know everything afterwards", async () => {
      const redis = await ownRedis();
      const upstream = await upstreamOf(4);
      const [a, b] = [
        await start(upstream, redis.open(), 4),
        await start(upstream, redis.open(), 4),
      ];
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
      // One alone meets the refusals: the other can only hear of them.
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
      // What was learnt in the outage is in the store for whoever comes next.
      const c = await start(upstream, redis.open(), 4);
      expect(knows(c, "c1") && knows(c, "c2")).toBe(true);
      for (const { lines } of [a, b])
        expect(
          lines.filter(({ level }) => level === "warn" || level === "error").length,
        ).toBeLessThan(12);
    }, 60_000);

    it("K15 M5 a relay that starts while Redis is down serves, and takes everything in when it is back", async () => {
      const redis = await ownRedis();
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
  },
);
