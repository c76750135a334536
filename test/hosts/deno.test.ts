import { describeHost } from "./suite.ts";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";

describeHost("deno", {
  isMissing: () => isNotInstalled("deno", "deno/bin.cjs"),
  mount: "/deep/ai",
  prepare: (app) => ({
    command: installedAt("deno", ".bin/deno"),
    args: () => ["run", "-A", "--node-modules-dir=manual", copyApp(app, "deno.mjs")],
    cwd: app.app,
  }),
});
