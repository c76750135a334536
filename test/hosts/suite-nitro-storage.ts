/** Where the module keeps state when the options name no storage: unsealed tokens never reach a disk that was not configured for it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "./support/client.ts";
import type { NitroVersion } from "./support/nitro.ts";
import { createApp, KEY, type NitroApp } from "./support/nitro-app.ts";
import type { HostProcess } from "./support/process.ts";

const LIMIT = 60_000;
const SECRET = "a secret of a test, long enough";
const ROOT = ".data/root";
/** Nitro's own mount of the production server. */
const DATA = ".data/kv";
const RELAY = ".data/relay";
const IN_MEMORY = "[relay] state is kept in memory";

const GRANT = "refresh-nitro-planted";

const RELAY_CONFIG = `
import { oauth } from "h3-relay";
const { env } = process;
const byGrant = () =>
  oauth({ tokenURL: env.UPSTREAM_URL + "/oauth/token", clientId: "app", refreshToken: env.GRANT, rotates: false });
const byFunction = () => ({ accessToken: env.KEY_A, expiresIn: 3_600 });
export default () => ({
  upstream: { baseURL: env.UPSTREAM_URL + "/v1", dialect: "openai" },
  credentials: [{ id: "team-a", token: env.GRANT ? byGrant() : byFunction }],
  authorize: () => true,
  ...(env.BASE ? { base: env.BASE } : {}),
  ...(env.SECRET ? { secret: env.SECRET } : {}),
});
`;
const STATUS = `
import { useRelay } from "h3-relay/runtime";
export default () => useRelay().status();
`;

export function describeStorage(nitro: NitroVersion): void {
  const configOf = (storage: Record<string, string>): string => {
    const mounts = Object.entries(storage).map(([name, base]) => [
      name,
      { driver: "fs-lite", base },
    ]);
    return `export default {
      modules: ["h3-relay/nitro"],
      storage: ${JSON.stringify(Object.fromEntries(mounts))},
      handlers: [{ route: "/status", handler: "./status.ts" }],
    };`;
  };

  async function createWith(storage: Record<string, string>): Promise<NitroApp> {
    return createApp(nitro, {
      "nitro.config.mjs": configOf(storage),
      "server/relay.config.ts": RELAY_CONFIG,
      "status.ts": STATUS,
    });
  }

  /** Lets the relay get a token and use it, and ends it; returns what it has printed and the files below a folder. */
  async function use(
    { upstream, app }: NitroApp,
    folder: string,
    starting: Promise<HostProcess>,
  ): Promise<{ driver: string; lines: string; files: string[] }> {
    const host = await starting;
    upstream.script({ then: {} });
    await untilServed(host.url);
    expect(upstream.ledger.last()).toMatchObject({ secret: KEY });
    const status = (await (await fetch(`${host.url}/status`)).json()) as {
      store: { driver: string };
    };
    host.signal("SIGTERM");
    await host.gone;
    const lines = host.lines.filter((line) => line.includes("[relay]")).join("\n");
    return { driver: status.store.driver, lines, files: textsIn(join(app.app, folder)) };
  }

  describe("the storage of an app that mounts none for the relay", () => {
    let app: NitroApp;
    beforeAll(async () => void (app = await createWith({})), 120_000);
    afterAll(() => app?.close());

    it(
      "N1 L2 is memory, in the built server and in the development server",
      async () => {
        for (const start of [app.start, app.dev]) {
          const { driver, files } = await use(app, ".data", start());
          expect([driver, files.join("\n")]).toEqual(["memory", expect.not.stringContaining(KEY)]);
        }
      },
      LIMIT,
    );

    it(
      "G2 serves a token that is requested with ofetch, which is in what was built",
      async () => {
        app.upstream.grants.create("grant", GRANT);
        app.upstream.script({ then: {} });
        const host = await app.start({ GRANT });
        await untilServed(host.url);
        expect(app.upstream.ledger.refreshes).toMatchObject({ refreshed: 1 });
        await host.stop();
      },
      LIMIT,
    );

    if (!nitro.mountsData) return;
    it(
      "N1 L2 is memory where `base` names the mount on the disk that Nitro makes itself, and one line says so",
      async () => {
        for (const start of [app.start, app.dev]) {
          const starting = start({ BASE: "data:relay" });
          const { driver, lines, files } = await use(app, DATA, starting);
          expect(lines.split(IN_MEMORY)).toHaveLength(2);
          expect(lines).toContain('the mount "data" of the app\'s storage (driver fs');
          expect([driver, files.join("\n")]).toEqual(["memory", expect.not.stringContaining(KEY)]);
        }
      },
      LIMIT,
    );

    it(
      "N1 L2 is that mount with `secret`, which seals",
      async () => {
        const { driver, lines, files } = await use(
          app,
          DATA,
          app.start({ BASE: "data:relay", SECRET }),
        );
        expect(lines).not.toContain(IN_MEMORY);
        expect(driver).toBe("fs-lite");
        expect(files.length).toBeGreaterThan(0);
        expect(files.join("\n")).not.toContain(KEY);
      },
      LIMIT,
    );
  });

  describe("the storage of an app whose root and whose mount `relay` are on the disk", () => {
    let app: NitroApp;
    beforeAll(async () => void (app = await createWith({ "/": ROOT, relay: RELAY })), 120_000);
    afterAll(() => app?.close());

    it(
      "N1 L2 is the mount `relay`, as configured, with a warning that tokens are not sealed",
      async () => {
        const { driver, lines, files } = await use(app, RELAY, app.start());
        expect(driver).toBe("fs-lite");
        expect(lines).not.toContain(IN_MEMORY);
        expect(lines).toContain("set `secret`");
        expect(files.join("\n")).toContain(KEY);
      },
      LIMIT,
    );

    it(
      "N1 L2 is memory where `base` leads to the root, and one line says so",
      async () => {
        const { driver, lines, files } = await use(app, ROOT, app.start({ BASE: "mine" }));
        expect(lines.split(IN_MEMORY)).toHaveLength(2);
        expect(lines).toContain("the root mount of the app's storage (driver fs-lite)");
        expect([driver, files]).toEqual(["memory", []]);
      },
      LIMIT,
    );

    it(
      "N1 L2 is the root with `secret`, which seals",
      async () => {
        const { driver, files } = await use(app, ROOT, app.start({ BASE: "mine", SECRET }));
        expect(driver).toBe("fs-lite");
        expect(files.length).toBeGreaterThan(0);
        expect(files.join("\n")).not.toContain(KEY);
      },
      LIMIT,
    );
  });
}

function textsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
}

/** A development server listens before its app is there, and closes connections until then. */
async function untilServed(url: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if ((await statusOf(url)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the server does not answer");
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const asking = ask(`${url}/ai`, "m");
    const { statusCode } = await asking.head;
    await asking.rest();
    return statusCode;
  } catch {
    return undefined;
  }
}
