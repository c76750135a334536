/** What survives a process of a built Nitro or Nuxt app: state through `useStorage()`, leases between two processes, and the shutdown. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createStorage, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs-lite";
import redisDriver from "unstorage/drivers/redis";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { noRedis } from "../state/stores.ts";
import { parse } from "../support/streaming.ts";
import { ask } from "./support/client.ts";
import { FILES, type Mounts, REDIS_DB } from "./support/nitro.ts";
import type { HostProcess } from "./support/process.ts";
import type { Stage } from "./support/stage.ts";

/** The times of the apps' options, plus the hosts' own delays of a second or less. */
const GRACE = 500;
const MARGIN = 2_500;
const LIMIT = 30_000;

export interface LastingHost extends Mounts {
  /** Names of the environment variables that replace values of `runtimeConfig`. */
  prefix: "NITRO" | "NUXT";
  /** Name of the response header that its configuration gives to the request id. */
  requestId: string;
}

export function describeLasting(
  stage: () => Stage,
  { shared, prefix, requestId }: LastingHost,
): void {
  const redis = new Redis({ db: REDIS_DB, lazyConnect: true, maxRetriesPerRequest: 1 });
  const started: HostProcess[] = [];
  let count = 0;

  async function start(env: Record<string, string>): Promise<{ host: HostProcess; url: string }> {
    const host = await stage().start(env);
    started.push(host);
    return { host, url: `${host.url}/deep/own` };
  }

  /** A separate grant whose tokens have this lifetime, and the environment of an app that uses it. */
  function createGrant(lifetime: number): { name: string; GRANT: string } {
    const { grants } = stage().upstream;
    const name = `grant-${(count += 1)}`;
    grants.options.lifetime = lifetime;
    return { name, GRANT: grants.create(name).refreshToken };
  }

  const keys = (pattern: string): Promise<string[]> => redis.keys(`*${shared}*${pattern}`);

  afterEach(async () => {
    stage().upstream.grants.options.lifetime = 3_600_000;
    await Promise.all(started.splice(0).map((host) => host.stop()));
    await rm(join(stage().app, FILES), { recursive: true, force: true });
    if (noRedis) return;
    const left = await keys("");
    if (left.length > 0) await redis.del(...left);
  });
  afterAll(() => void redis.disconnect());

  describe.skipIf(noRedis)("a storage that two processes share", () => {
    it(
      "M2 G6 refreshes an expired token once for both, through the root of useStorage()",
      async () => {
        const { upstream } = stage();
        upstream.script({ then: {} });
        const { GRANT } = createGrant(1_000);
        const [one, two] = await Promise.all([1, 2].map(() => start({ BASE: "shared", GRANT })));
        await ask(one!.url, "m").rest();
        const old = upstream.ledger.last()!.secret!;
        upstream.grants.options.lifetime = 3_600_000;
        await until(() => upstream.grants.check(old) === "expired");
        const before = { ...upstream.ledger.refreshes };
        const asked = [one!, two!].flatMap(({ url }) =>
          Array.from({ length: 20 }, () => ask(url, "m")),
        );
        for (const { head } of asked) expect((await head).statusCode).toBe(200);
        await Promise.all(asked.map((one) => one.rest()));
        expect(upstream.ledger.refreshes).toEqual({
          ...before,
          attempts: before.attempts + 1,
          refreshed: before.refreshed + 1,
        });
        for (const { host } of [one!, two!])
          expect(host.lines.join("\n")).toContain("state in Redis (shared, atomic leases)");
      },
      LIMIT,
    );

    it(
      "M2 works behind a prefix, and logs that leases are best effort",
      async () => {
        const { upstream } = stage();
        upstream.script({ then: {} });
        const { GRANT, name } = createGrant(3_600_000);
        const { host, url } = await start({ PREFIX: "shared", GRANT });
        expect((await ask(url, "m").rest()).toString()).toContain("[DONE]");
        expect(upstream.ledger.last()!.credential).toBe(name);
        expect(host.lines.join("\n")).toMatch(
          /state in a storage that does not name its driver \(.*best-effort leases\)/,
        );
        expect(host.lines.join("\n")).toContain("pass the root storage");
        expect(await keys(":relay:t:*")).toHaveLength(1);
      },
      LIMIT,
    );

    it(
      "K16 G7 finishes a refresh in progress at SIGTERM, stores its token and frees its lease",
      async () => {
        const { upstream } = stage();
        upstream.script({ when: { operation: "oauth-token" }, then: { delay: 300 } });
        const { GRANT } = createGrant(3_600_000);
        const before = { ...upstream.ledger.refreshes };
        const { host, url } = await start({ BASE: "shared", GRANT });
        const asking = ask(url, "m");
        await upstream.ledger.until(({ inFlight }) => inFlight === 1);
        expect(await keys(":lock")).toHaveLength(1);
        asking.leave();
        host.signal("SIGTERM");
        await host.gone;
        expect(await keys(":lock")).toEqual([]);
        const next = await start({ BASE: "shared", GRANT });
        expect((await ask(next.url, "m").head).statusCode).toBe(200);
        expect(upstream.ledger.refreshes).toEqual({
          ...before,
          attempts: before.attempts + 1,
          refreshed: before.refreshed + 1,
        });
      },
      LIMIT,
    );
  });

  /** The mounts as another process sees them. */
  const MOUNTS: Record<string, () => Storage> = {
    shared: () => createStorage({ driver: redisDriver({ base: shared, db: REDIS_DB }) }),
    files: () => createStorage({ driver: fsDriver({ base: join(stage().app, FILES) }) }),
  };

  describe.each(Object.entries(MOUNTS).filter(([mount]) => mount !== "shared" || !noRedis))(
    "a mount on %s",
    (mount, open) => {
      it(
        "K1 makes no call on a key that is closed for five hours, after SIGKILL and a new start",
        async () => {
          const { upstream } = stage();
          upstream.script({ then: { refuse: { kind: "quota", wait: 5 * 3_600_000 } } });
          const storage = open();
          const first = await start({ BASE: mount });
          expect((await ask(first.url, "spent").head).statusCode).toBe(429);
          await until(() => hasCooldown(storage));
          first.host.signal("SIGKILL");
          expect(await first.host.gone).toBe("SIGKILL");
          const before = upstream.ledger.total;
          const next = await start({ BASE: mount });
          const { statusCode, headers } = await ask(next.url, "spent").head;
          expect(statusCode).toBe(429);
          expect(Number(headers["retry-after"])).toBeGreaterThan(4.9 * 3_600);
          expect(upstream.ledger.total).toBe(before);
          await storage.dispose();
        },
        LIMIT,
      );
    },
  );

  it(
    "K14 L2 reads runtimeConfig.relay with priority for the environment, and relay.config.ts with both",
    async () => {
      const { upstream } = stage();
      upstream.script({ then: {} });
      const DATA = "1";
      const RELAY_UPSTREAM_BASE_URL = `${upstream.url}/from-environment/v1`;
      const { host } = await start({
        DATA,
        [`${prefix}_RELAY_UPSTREAM_BASE_URL`]: RELAY_UPSTREAM_BASE_URL,
      });
      const { statusCode, headers } = await ask(`${host.url}/deep/ai`, "m").head;
      expect(statusCode).toBe(200);
      expect(headers).toHaveProperty(requestId);
      expect(upstream.ledger.last()).toMatchObject({
        path: "/from-environment/v1/chat/completions",
        secret: "sk-hosts-a-0123456789",
      });
    },
    LIMIT,
  );

  it(
    "K16 gives open streams their grace time at SIGTERM, then an error event, writes everything and ends",
    async () => {
      const { upstream } = stage();
      upstream.script({ then: { stall: { afterEvents: 2 } } });
      const storage = MOUNTS["files"]!();
      const known = new Set(await storage.getKeys("i"));
      const { host, url } = await start({ BASE: "files" });
      // The module's own route and a route of the app.
      const asked = [url, `${host.url}/deep/ai`].map((one) => ask(one, "m"));
      await Promise.all(asked.map((one) => one.until((text) => text.split("data:").length > 2)));
      const signalledAt = performance.now();
      host.signal("SIGTERM");
      for (const one of asked) {
        const text = (await one.rest()).toString();
        const { data } = parse(text).at(-1)!;
        expect(JSON.parse(data)).toMatchObject({ error: { code: "ERR_RELAY_SHUTDOWN" } });
      }
      const told = performance.now() - signalledAt;
      expect(told).toBeGreaterThan(GRACE - 50);
      expect(told).toBeLessThan(GRACE + MARGIN);
      expect(await host.gone).toBe(0);
      expect(performance.now() - signalledAt).toBeLessThan(GRACE + MARGIN);
      const added = (await storage.getKeys("i")).filter((key) => !known.has(key));
      expect(await storage.getItem(added[0]!)).toMatchObject({
        counts: [["c1", 1, 0, expect.any(Number)]],
      });
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    },
    LIMIT,
  );
}

/** Complete: on files a key exists before its value does. */
async function hasCooldown(storage: Storage): Promise<boolean> {
  const items = await storage.getItems(await storage.getKeys("c"));
  return items.some(({ value }) => typeof value === "object");
}

/** Polls until the condition holds: other processes take their time. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await holds());) {
    if (Date.now() > end) throw new Error("it never came to be");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
