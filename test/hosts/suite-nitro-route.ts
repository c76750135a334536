/** A route in the app's own code, without the module: `server/routes/ai/[...path].ts`. */
import { soon } from "../support/load.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask } from "./support/client.ts";
import { importsOf, type NitroVersion } from "./support/nitro.ts";
import { createApp, KEY, type NitroApp } from "./support/nitro-app.ts";

const LIMIT = 60_000;

const ROUTE = `
export default defineRelay(() => ({
  upstream: { baseURL: process.env.UPSTREAM_URL + "/v1", dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true,
  storage: useStorage(),
}));
`;
const LOST = `
import { useRelay } from "h3-relay/runtime";
export default () => {
  try {
    return useRelay().status();
  } catch (error) {
    return { code: error.code, message: error.message };
  }
};
`;

export function describeRoute(nitro: NitroVersion): void {
  let app: NitroApp;

  describe("a route of the app's own", () => {
    beforeAll(async () => {
      app = await createApp(nitro, {
        "nitro.config.mjs": `export default { ${nitro.folder}: "server" };`,
        "server/routes/ai/[...path].ts": importsOf(nitro) + ROUTE,
        "server/routes/lost.ts": LOST,
      });
    }, 120_000);
    afterAll(() => app?.close());

    it(
      "L12 streams to the byte, closes the upstream of a client that leaves, and does not delay the process at SIGTERM",
      async () => {
        const { upstream } = app;
        upstream.script({ then: {} });
        const host = await app.start();
        const body = await ask(`${host.url}/ai`, "m").rest();
        expect(body.toString()).toBe(upstream.ledger.last()!.sent!.toString());
        expect(upstream.ledger.last()).toMatchObject({ path: "/v1/chat/completions", secret: KEY });
        upstream.script({ then: { stall: "before-headers" } });
        const asking = ask(`${host.url}/ai`, "m");
        await upstream.ledger.next((call) => call.stalled);
        const left = asking.leave();
        await upstream.ledger.until(({ inFlight }) => inFlight === 0);
        expect(performance.now() - left).toBeLessThan(soon(100));
        const since = performance.now();
        host.signal("SIGTERM");
        expect(await host.gone).toBe(0);
        expect(performance.now() - since).toBeLessThan(5_000);
      },
      LIMIT,
    );

    it(
      "L14 gets an error from useRelay() that there is no module",
      async () => {
        const host = await app.start();
        const answer = (await (await fetch(`${host.url}/lost`)).json()) as { message: string };
        expect(answer).toMatchObject({ code: "ERR_RELAY_MODULE" });
        expect(answer.message).toContain('add "h3-relay/nitro"');
      },
      LIMIT,
    );
  });
}
