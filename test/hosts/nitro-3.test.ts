import { join } from "node:path";
import { describeHost } from "./suite.ts";
import { describeLasting } from "./suite-lasting.ts";
import { buildWith, copyExample, uniqueMounts } from "./support/nitro.ts";

const mounts = uniqueMounts();

describeHost(
  "nitro-3",
  {
    mount: "/deep/ai",
    prepare(app) {
      app.link("nitro", "h3", "srvx", "ioredis");
      copyExample(app, "nitro-3", mounts);
      return buildWith(app, join(app.app, "node_modules/nitro/dist/cli/index.mjs"));
    },
  },
  (stage) =>
    describeLasting(stage, { ...mounts, prefix: "NITRO", requestId: "x-relay-request-id" }),
);
