import { describeHost } from "./suite.ts";
import { describeLasting } from "./suite-lasting.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { buildWith, copyExample, uniqueMounts } from "./support/nitro.ts";

const mounts = uniqueMounts();

describeHost(
  "nitro-2",
  {
    isMissing: () => isNotInstalled("nitro2", "nitropack"),
    mount: "/deep/ai",
    prepare(app) {
      app.linkFrom("nitro2", "nitropack", "h3", "ioredis");
      copyExample(app, "nitro-2", mounts);
      return buildWith(app, installedAt("nitro2", "nitropack/dist/cli/index.mjs"));
    },
  },
  (stage) =>
    describeLasting(stage, { ...mounts, prefix: "NITRO", requestId: "x-relay-request-id" }),
);
