/** What an operator reads in the one line at start (J15). */
import { afterEach, describe, expect, it } from "vitest";
import { createServer, type AddressInfo } from "node:net";
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import type { StateHealth } from "../../src/contract/state.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { createRelay } from "../../src/index.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import type { CommonOptions, RelayOptions } from "../../src/options/types.ts";
import { toStartupLine } from "../../src/wiring/startup-line.ts";
import { noRedisServer, startRedis } from "../support/own-redis.ts";
import { startRelay, type RelayUnderTest } from "../support/relay.ts";
import { untilSo } from "../support/until.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const health: StateHealth = {
  driver: "redis",
  loaded: true,
  proven: undefined,
  leases: "atomic",
  sync: "shared",
  viewAge: undefined,
  sealed: false,
  pendingWrites: 0,
  fault: undefined,
  setAside: [],
};

const keys = (count: number): RelayOptions["credentials"] =>
  Array.from({ length: count }, (_, at) => ({ id: `k${at}`, apiKey: `key-${at}-secret` }));

interface Overrides extends Partial<CommonOptions> {
  upstream?: undefined;
  upstreams?: RelayOptions["upstreams"];
}

function line(options: Overrides, store: Partial<StateHealth> = {}, added = 0): string {
  const config = resolveOptions({
    upstream: { baseURL: "https://api.example.com/tenant-path/v1", dialect: "openai" },
    credentials: keys(2),
    storage: createStorage(),
    ...options,
  } as RelayOptions);
  return toStartupLine(config, { ...health, ...store }, added);
}

describe("the start line", () => {
  it("J15 says mount, host, dialect, credentials, and where state is kept", () => {
    expect(line({ mount: "/ai" })).toBe(
      "relay /ai → api.example.com (openai), 2 credentials, state in Redis (shared, atomic leases)",
    );
    expect(line({ credentials: keys(1) }, { driver: "fs", sync: "best-effort" })).toBe(
      "relay → api.example.com (openai), 1 credential, state in fs (shared by polling, atomic leases)",
    );
    expect(line({}, {}, 3)).toContain("2 credentials and 3 added at run time,");
  });

  it("J15 lists several upstreams and anonymous sources", () => {
    const upstreams = {
      google: { baseURL: "https://g.example:8443/v1", dialect: "google" },
      acme: { baseURL: "http://acme.example", dialect: "generic" },
    } as const;
    const anonymous = firebaseAnonymous({ apiKey: "k" });
    expect(
      line({
        upstream: undefined,
        upstreams,
        credentials: [
          { id: "a", upstream: "google", apiKey: "kkkkkk" },
          { id: "g", upstream: "acme", anonymous },
        ],
      }),
    ).toMatch(
      /^relay → google: g\.example:8443 \(google\), acme: acme\.example \(generic\), 1 credential, 1 anonymous source, state in /,
    );
    expect(line({ credentials: [{ id: "g", anonymous }] })).toContain(", 1 anonymous source, ");
  });

  it("J15 says what a restart forgets, and never claims a store that was not seen", () => {
    for (const store of [{ driver: "memory" }, { driver: "lru-cache" }])
      expect(line({}, store)).toMatch(/state in memory \(lost at restart: cooldowns, .*\)$/);
    expect(line({ storage: undefined }, { driver: "memory" })).toContain("lost at restart");
    expect(line({}, { loaded: false, fault: "load failed: ECONNREFUSED" })).toMatch(
      /state in redis: not reachable yet \(ECONNREFUSED\)$/,
    );
    expect(line({}, { loaded: false })).toMatch(/state in redis: has not answered yet$/);
  });

  it("J15 J7 shows neither path, query nor key", () => {
    const shown = line({ mount: "/ai" });
    expect(shown).not.toContain("tenant-path");
    expect(shown).not.toContain("secret");
  });
});

describe("a relay that starts", () => {
  let relay: RelayUnderTest;
  afterEach(() => relay?.close());
  const starts = (): string[] =>
    relay.lines
      .filter(({ message }) => message.startsWith("relay"))
      .map(({ level, message }) => `${level} ${message}`);

  it("J15 says one line, after the state was loaded", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    relay = await startRelay({ storage });
    await (await relay.chat()).text();
    expect(starts()).toEqual([
      expect.stringMatching(
        /^info relay → 127\.0\.0\.1:\d+ \(openai\), 2 credentials, state in memory/,
      ),
    ]);
  });

  it("J15 says one line where the store does not answer as long as a request waits", async () => {
    const storage = createStorage({
      driver: { ...memoryDriver(), name: "slow", getKeys: () => new Promise(() => {}) },
    });
    relay = await startRelay({ storage, waitUntilReady: false });
    expect(starts()).toEqual([]);
    const answer = relay.chat();
    await untilSo(async () => (await relay.clock.advance(500), starts().length > 0), 5_000);
    await (await answer).text();
    expect(starts()).toEqual([expect.stringContaining("state in slow: has not answered yet")]);
  });

  it("J15 J14 K15 says that Redis is not there, with the cause, once", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    // With a password that must not be told.
    const driver = redisDriver({
      url: `redis://:s3cret@127.0.0.1:${port}`,
      maxRetriesPerRequest: 2,
    });
    relay = await startRelay({ storage: createStorage({ driver }) });
    await (await relay.chat()).text();
    expect(starts()).toEqual([
      expect.stringMatching(/state in redis: not reachable yet \(ECONNREFUSED\)$/),
    ]);
    const store = relay.lines.filter(({ message }) => message.startsWith("state store"));
    expect(store.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "warn state store redis is not reachable (ECONNREFUSED): check that it runs, and the address in the options of its driver; requests are served from memory, and the store is tried again every few seconds",
    ]);
    expect(JSON.stringify(relay.lines)).not.toContain("s3cret");
    (driver.getInstance!() as { disconnect(): void }).disconnect();
  });
});

describe.skipIf(noRedisServer)("a Redis that comes back", () => {
  it("J14 is told once, and an outage after that anew", async () => {
    const redis = await startRedis({ keeps: false });
    const relay = await startRelay({ storage: redis.open() });
    const store = (): string[] =>
      relay.lines
        .filter(({ message }) => message.startsWith("state store"))
        .map(({ message }) => message.slice(0, 60));
    try {
      expect(relay.lines.some(({ message }) => message.endsWith("atomic leases)"))).toBe(true);
      for (const count of [1, 2]) {
        await redis.kill();
        await untilSo(
          async () => (await relay.clock.advance(500), store().length === 2 * count - 1),
          5_000,
        );
        await redis.start();
        await untilSo(
          async () => (await relay.clock.advance(500), store().length === 2 * count),
          5_000,
        );
      }
      expect(store()).toEqual([
        expect.stringMatching(/^state store redis is not reachable \(EC?\w+\)/),
        expect.stringMatching(/^state store redis is reachable again after (?:less than 1|\d+) /),
        expect.stringMatching(/^state store redis is not reachable \(EC?\w+\)/),
        expect.stringMatching(/^state store redis is reachable again after (?:less than 1|\d+) /),
      ]);
    } finally {
      await relay.close();
      await redis.dispose();
    }
  }, 60_000);
});

describe("tokens without a store that stays", () => {
  it("J14 K1 warns where a restart would lose a rotated refresh token", async () => {
    const lines: string[] = [];
    const warn = (message: string): void => void lines.push(message);
    const source = {
      kind: "own",
      rotates: true,
      refreshToken: "first-refresh-token",
      refresh: async () => ({ accessToken: "t" }),
    };
    const relay = createRelay({
      upstream: { baseURL: "https://api.example.com", dialect: "openai" },
      credentials: [
        { id: "prod", token: source },
        { id: "same", token: { ...source, rotates: false } },
      ],
      log: { debug: () => {}, info: () => {}, warn, error: warn },
      clock: createVirtualClock(),
    });
    expect(lines.filter((one) => one.includes("rotate and are kept in memory"))).toEqual([
      expect.stringContaining("the refresh tokens of prod rotate"),
    ]);
    expect(lines.join()).not.toContain("first-refresh-token");
    await relay.close();
  });
});
