import { describeHost } from "./suite.ts";
import { copyApp, isNotInstalled } from "./support/apps.ts";

describeHost("h3-v1", {
  isMissing: () => isNotInstalled("frameworks", "h3"),
  mount: "/deep/ai",
  prepare(app) {
    app.linkFrom("frameworks", "h3");
    return { command: process.execPath, args: () => [copyApp(app, "h3-v1.mjs")], cwd: app.app };
  },
});
