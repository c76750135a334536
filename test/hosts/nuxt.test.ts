import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
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
    // Nuxt looks for what it needs in the folders above the app.
    parent: fileURLToPath(new URL("nuxt/.apps", import.meta.url)),
    mount: "/deep/ai",
    prepare(app) {
      copyExample(app, "nuxt", mounts, "nuxt");
      return buildWith(app, installedAt("nuxt", "nuxt/bin/nuxt.mjs"));
    },
  },
  (stage) => {
    describeLasting(stage, { ...mounts, prefix: "NUXT", requestId: "x-own-id" });

    it("L2 gives the auto-imported defineRelay its types", () => {
      const project = join(stage().app, ".nuxt/tsconfig.server.json");
      const { stdout } = spawnSync(process.execPath, [TSC, "-p", project], { encoding: "utf8" });
      expect(stdout).toBe("");
    }, 60_000);
  },
);
