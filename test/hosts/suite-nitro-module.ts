/** The quick start of the module, with Redis: from a build without keys to SIGTERM. The same files for every version. */
import { soon } from "../support/load.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noRedis } from "../state/stores.ts";
import { parse } from "../support/streaming.ts";
import { ask } from "./support/client.ts";
import { type NitroVersion, REDIS_DB, uniqueMounts } from "./support/nitro.ts";
import { createApp, KEY, type NitroApp } from "./support/nitro-app.ts";

const GRACE = 5_000;
const LIMIT = 60_000;

// The files of the README, and two more of an app.
const configOf = (storage: string): string => `
export default {
  modules: ["h3-relay/nitro"],
  storage: { relay: ${storage} },
  plugins: ["./early.ts"],
  handlers: [
    { route: "/status", handler: "./status.ts" },
    { route: "/static", handler: "./static.ts" },
  ],
  prerender: { routes: ["/static"] },
};
`;
const RELAY_CONFIG = `
import type { RelayOptions } from "h3-relay";
import { createStorage } from "unstorage";
import redis from "unstorage/drivers/redis";
const { env } = process;
// An app that wants its key as soon as this file is loaded.
if (!env.KEY_A) throw new Error("KEY_A is not set");
const options = (): RelayOptions => ({
  upstream: { baseURL: env.UPSTREAM_URL + "/v1", dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: env.KEY_A }],
  authorize: () => true,
  // A storage that is made when the server starts.
  ...(env.OWN ? { storage: createStorage({ driver: redis({ base: env.OWN, db: ${REDIS_DB} }) }) } : {}),
});
export default (): RelayOptions | Promise<RelayOptions> =>
  env.ASYNC ? new Promise((resolve) => setTimeout(resolve, 50, options())) : options();
`;
const EARLY = `
import { useRelay } from "h3-relay/runtime";
export default () => {
  if (import.meta.prerender) return;
  const relay = useRelay();
  relay.on("end", (event) => console.log("END " + JSON.stringify(event)));
  if (!process.env.ASYNC) console.log("EARLY " + relay.status().credentials[0].id);
};
`;
const STATUS = `
import { useRelay } from "h3-relay/runtime";
export default () => useRelay().status();
`;

export function describeModule(nitro: NitroVersion): void {
  const shared = { driver: "redis", base: uniqueMounts().shared, db: REDIS_DB };
  const storage = noRedis ? { driver: "fs-lite", base: ".data/relay" } : shared;
  let app: NitroApp;

  describe("the module", () => {
    beforeAll(async () => {
      app = await createApp(nitro, {
        "nitro.config.mjs": configOf(JSON.stringify(storage)),
        "server/relay.config.ts": RELAY_CONFIG,
        "early.ts": EARLY,
        "status.ts": STATUS,
        "static.ts": `export default () => "prerendered";`,
      });
    }, 120_000);
    afterAll(async () => {
      await app?.close();
      if (!noRedis) await forget(shared.base);
    });

    it("L13 builds and prerenders without a key", () => {
      expect(app.built).toContain("/static");
      expect(app.built).not.toMatch(/error|KEY_A/i);
    });

    it(
      "L12 L14 streams to the byte, and gives the relay to a plugin before the first request",
      async () => {
        const { upstream } = app;
        upstream.script({ then: {} });
        const host = await app.start();
        expect(host.lines.join("\n")).toContain("EARLY team-a");
        const body = await ask(`${host.url}/ai`, "m").rest();
        expect(body.toString()).toBe(upstream.ledger.last()!.sent!.toString());
        expect(upstream.ledger.last()).toMatchObject({ path: "/v1/chat/completions", secret: KEY });
        expect(await host.ended(({ model }) => model === "m")).toMatchObject({
          reason: "completed",
        });
        const status = (await (await fetch(`${host.url}/status`)).json()) as { storage: object };
        expect(status).toMatchObject({ credentials: [{ id: "team-a" }] });
      },
      LIMIT,
    );

    it(
      "L12 closes the upstream when the client leaves, before the head and in the middle of the body",
      async () => {
        const { upstream } = app;
        const host = await app.start();
        for (const stall of ["before-headers", { afterEvents: 2 }] as const) {
          upstream.script({ then: { stall } });
          const times: number[] = [];
          for (let round = 0; round < 3; round++) {
            const asking = ask(`${host.url}/ai`, "m");
            if (typeof stall === "object") await asking.until((text) => text.includes("data:"));
            else await upstream.ledger.next((call) => call.stalled && call.open);
            const left = asking.leave();
            await upstream.ledger.until(({ inFlight }) => inFlight === 0);
            times.push(performance.now() - left);
          }
          // The median of three, because other processes share the cores.
          expect(times.toSorted((a, b) => a - b)[1]).toBeLessThan(soon(100));
        }
      },
      LIMIT,
    );

    it(
      "L13 waits for a configuration that is a promise, also at the first request",
      async () => {
        app.upstream.script({ then: {} });
        const host = await app.start({ ASYNC: "1" });
        expect((await ask(`${host.url}/ai`, "m").head).statusCode).toBe(200);
        expect(await host.ended(({ model }) => model === "m")).toMatchObject({
          reason: "completed",
        });
      },
      LIMIT,
    );

    it(
      "L12 ends at SIGTERM within the grace time, after requests and with a stream open",
      async () => {
        const { upstream } = app;
        upstream.script({ then: {} });
        const idle = await app.start();
        await ask(`${idle.url}/ai`, "m").rest();
        expect(await endOf(idle)).toBeLessThan(GRACE);
        if (!noRedis) {
          const own = await app.start({ OWN: shared.base });
          await ask(`${own.url}/ai`, "m").rest();
          expect(await endOf(own)).toBeLessThan(GRACE);
        }
        upstream.script({ then: { stall: { afterEvents: 2 } } });
        const busy = await app.start();
        const asking = ask(`${busy.url}/ai`, "m");
        await asking.until((text) => text.includes("data:"));
        const ended = endOf(busy);
        const { data } = parse((await asking.rest()).toString()).at(-1)!;
        expect(JSON.parse(data)).toMatchObject({ error: { code: "ERR_RELAY_SHUTDOWN" } });
        expect(await ended).toBeLessThan(GRACE + 3_000);
      },
      LIMIT,
    );

    async function endOf(host: Awaited<ReturnType<NitroApp["start"]>>): Promise<number> {
      const since = performance.now();
      host.signal("SIGTERM");
      expect(await host.gone).toBe(0);
      return performance.now() - since;
    }

    it(
      "L12 works in the development server",
      async () => {
        const { upstream } = app;
        upstream.script({ then: {} });
        const host = await app.dev();
        const body = await untilServed(host.url);
        expect(body).toBe(upstream.ledger.last()!.sent!.toString());
        upstream.script({ then: { stall: { afterEvents: 2 } } });
        const asking = ask(`${host.url}/ai`, "m");
        await asking.until((text) => text.includes("data:"));
        asking.leave();
        await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      },
      LIMIT,
    );
  });
}

async function forget(prefix: string): Promise<void> {
  const redis = new Redis({ db: REDIS_DB });
  const left = await redis.keys(`${prefix}*`);
  if (left.length > 0) await redis.del(...left);
  redis.disconnect();
}

/** A development server listens before its app is ready. */
async function untilServed(url: string): Promise<string> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    const asking = ask(`${url}/ai`, "m");
    if ((await asking.head).statusCode === 200) return (await asking.rest()).toString();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the development server does not answer");
}
