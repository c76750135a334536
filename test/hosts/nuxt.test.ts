import { fileURLToPath } from "node:url";
import { describeHost } from "./suite.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { buildWith, copyExample } from "./support/nitro.ts";

describeHost("nuxt", {
  isMissing: () => isNotInstalled("nuxt", "nuxt"),
  // Nuxt looks for what it needs in the folders above the app.
  parent: fileURLToPath(new URL("nuxt/.apps", import.meta.url)),
  mount: "/deep/ai",
  prepare(app) {
    copyExample(app, "nuxt");
    return buildWith(app, installedAt("nuxt", "nuxt/bin/nuxt.mjs"));
  },
});
