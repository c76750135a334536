import { describeHost } from "./suite.ts";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";

describeHost("bun", {
  isMissing: () => isNotInstalled("bun", ".bin/bun"),
  mount: "/deep/ai",
  prepare: (app) => ({
    command: installedAt("bun", ".bin/bun"),
    args: () => ["run", copyApp(app, "bun.mjs")],
    cwd: app.app,
  }),
});
