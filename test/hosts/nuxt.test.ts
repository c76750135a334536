import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { ask } from "./support/client.ts";
import { describeHost } from "./suite.ts";
import { describeLasting } from "./suite-lasting.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { buildWith, copyExample, uniqueMounts } from "./support/nitro.ts";

const mounts = uniqueMounts();
const TSC = createRequire(import.meta.url).resolve("typescript/bin/tsc");

describeHost(
  "nuxt",
  {
    isMissing: () => isNotInstalled("nuxt", "nuxt"),
    // Nuxt searches the folders above the app for its dependencies.
    parent: fileURLToPath(new URL("nuxt/.apps", import.meta.url)),
    mount: "/deep/ai",
    prepare(app) {
      copyExample(app, "nuxt", mounts, "nuxt");
      return buildWith(app, installedAt("nuxt", "nuxt/bin/nuxt.mjs"));
    },
  },
  (stage) => {
    describeLasting(stage, { ...mounts, prefix: "NUXT", requestId: "x-own-id" });

    it("L14 gives useRelay() to the server's code, also before the first request", async () => {
      const host = await stage().start({});
      const answer = await fetch(`${host.url}/deep/status`);
      expect(await answer.json()).toMatchObject({ credentials: [{ id: "c1" }, { id: "c2" }] });
      await host.stop();
    }, 30_000);

    it("L13 ends at the start where the options are wrong, after one line", async () => {
      const failed = await stage()
        .start({ MISTAKE: "1" })
        .catch((error: Error) => error.message);
      expect(failed).toContain(
        "did not start:\n[relay] The relay's options are wrong: credentials",
      );
      expect(failed).not.toMatch(/^\s+at /m);
    }, 30_000);

    it("N1 keeps unsealed tokens in memory where `base` names the mount on the disk that Nuxt makes itself", async () => {
      const host = await stage().start({ BASE: "data:relay" });
      const { upstream } = stage();
      upstream.script({ then: {} });
      await ask(`${host.url}/deep/ai`, "m").rest();
      expect(upstream.ledger.last()).toMatchObject({ secret: "sk-hosts-c1-0123456789" });
      const status = (await (await fetch(`${host.url}/deep/status`)).json()) as object;
      expect(status).toMatchObject({ store: { driver: "memory" } });
      await host.stop();
      const lines = host.lines.filter((line) => line.includes("state is kept in memory"));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('the mount "data" of the app\'s storage (driver fs-lite)');
      expect(existsSync(join(stage().app, ".data/kv"))).toBe(false);
    }, 30_000);

    it("L2 L14 gives what is auto-imported its types", () => {
      const project = join(stage().app, ".nuxt/tsconfig.server.json");
      const { stdout } = spawnSync(process.execPath, [TSC, "-p", project], { encoding: "utf8" });
      expect(stdout).toBe("");
    }, 60_000);
  },
);
