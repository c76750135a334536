import { describeHost } from "./suite.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { buildWith, copyExample } from "./support/nitro.ts";

describeHost("nitro-2", {
  isMissing: () => isNotInstalled("nitro2", "nitropack"),
  mount: "/deep/ai",
  prepare(app) {
    app.linkFrom("nitro2", "nitropack", "h3");
    copyExample(app, "nitro-2");
    return buildWith(app, installedAt("nitro2", "nitropack/dist/cli/index.mjs"));
  },
});
