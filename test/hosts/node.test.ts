import { describeProtocols } from "./suite-protocols.ts";
import { describeHost } from "./suite.ts";
import { copyApp } from "./support/apps.ts";

describeHost(
  "node",
  {
    mount: "/deep/ai",
    prepare: (app) => ({
      command: process.execPath,
      args: () => [copyApp(app, "node.mjs")],
      cwd: app.app,
    }),
  },
  (stage) => {
    describeProtocols(stage, 1);
    describeProtocols(stage, 2, ({ cert, key }) => ({ CERT: cert, KEY: key }));
  },
);
