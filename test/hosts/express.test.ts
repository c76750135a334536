import { describeProtocols } from "./suite-protocols.ts";
import { describeHost } from "./suite.ts";
import { copyApp, isNotInstalled } from "./support/apps.ts";

describeHost(
  "express",
  {
    isMissing: () => isNotInstalled("frameworks", "express"),
    mount: "/deep/ai",
    prepare(app) {
      app.linkFrom("frameworks", "express");
      return { command: process.execPath, args: () => [copyApp(app, "express.mjs")], cwd: app.app };
    },
  },
  (stage) => describeProtocols(stage, 1),
);
