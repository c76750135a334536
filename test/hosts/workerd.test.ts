import { describeHost } from "./suite.ts";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";
import { bundleWorker } from "./support/worker.ts";

describeHost("workerd", {
  isMissing: () => isNotInstalled("workerd", ".bin/workerd"),
  mount: "/deep/ai",
  async prepare(app, env) {
    const config = await bundleWorker(app.app, copyApp(app, "worker.mjs"), env);
    return {
      command: installedAt("workerd", ".bin/workerd"),
      args: (port) => ["serve", config, `-shttp=127.0.0.1:${port}`],
      cwd: app.app,
    };
  },
});
