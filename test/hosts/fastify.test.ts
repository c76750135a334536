import { describeProtocols } from "./suite-protocols.ts";
import { describeHost } from "./suite.ts";
import { copyApp, isNotInstalled } from "./support/apps.ts";

describeHost(
  "fastify",
  {
    isMissing: () => isNotInstalled("frameworks", "fastify"),
    mount: "/deep/ai",
    prepare(app) {
      app.linkFrom("frameworks", "fastify");
      return { command: process.execPath, args: () => [copyApp(app, "fastify.mjs")], cwd: app.app };
    },
  },
  (stage) => {
    describeProtocols(stage, 1);
    describeProtocols(stage, 2, ({ cert, key }) => ({ CERT: cert, KEY: key }));
  },
);
