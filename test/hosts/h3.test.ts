import { describeProtocols } from "./suite-protocols.ts";
import { describeHost } from "./suite.ts";
import { copyApp } from "./support/apps.ts";

describeHost(
  "h3",
  {
    mount: "/deep/ai",
    prepare(app) {
      app.link("h3", "srvx");
      return { command: process.execPath, args: () => [copyApp(app, "h3.mjs")], cwd: app.app };
    },
  },
  (stage) => {
    describeProtocols(stage, 1);
    describeProtocols(stage, 2, ({ cert, key }) => ({ CERT: cert, KEY: key }));
  },
);
