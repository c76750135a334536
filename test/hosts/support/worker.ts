/** A Worker as wrangler would upload it: one bundled module, with a configuration for workerd only. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** As in wrangler: the defaults of a new project, and the flag that lets a Worker notice a client that leaves. */
export const COMPATIBILITY_DATE = "2026-04-01";
const FLAGS = ["enable_request_signal"];

/** Bundles a module into a folder and returns the path of its configuration. */
export async function bundleWorker(
  folder: string,
  path: string,
  env: Record<string, string>,
): Promise<string> {
  const bundle = await rolldown({
    input: path,
    platform: "browser",
    resolve: { conditionNames: ["workerd", "worker", "browser", "import"] },
  });
  // One module, as wrangler makes it: packages that are loaded at their first use are in it too.
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
  await bundle.close();
  writeFileSync(join(folder, "bundle.mjs"), output[0].code);
  const config = join(folder, "config.capnp");
  writeFileSync(config, configOf(env));
  return config;
}

function configOf(env: Record<string, string>): string {
  const bindings = Object.entries(env).map(
    ([key, value]) => `(name = ${JSON.stringify(key)}, text = ${JSON.stringify(value)})`,
  );
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "bundle.mjs")],
  bindings = [${bindings.join(", ")}],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  compatibilityFlags = ${JSON.stringify(FLAGS)},
);
`;
}
