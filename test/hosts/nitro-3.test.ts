import { join } from "node:path";
import { describeHost } from "./suite.ts";
import { buildWith, copyExample } from "./support/nitro.ts";

describeHost("nitro-3", {
  mount: "/deep/ai",
  prepare(app) {
    app.link("nitro", "h3", "srvx");
    copyExample(app, "nitro-3");
    return buildWith(app, join(app.app, "node_modules/nitro/dist/cli/index.mjs"));
  },
});
