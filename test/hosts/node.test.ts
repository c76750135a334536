import { describeHost } from "./suite.ts";
import { copyApp } from "./support/apps.ts";

describeHost("node", {
  mount: "/deep/ai",
  prepare: (app) => ({
    command: process.execPath,
    args: () => [copyApp(app, "node.mjs")],
    cwd: app.app,
  }),
});
