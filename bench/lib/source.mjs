// Bundles modules of the relay that the package does not export, for a bench.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/** Imports `src/<name>.ts`. The bundle is written inside the package, so that its dependencies are found. */
export async function loadSource(name) {
  const results = fileURLToPath(new URL("../results/", import.meta.url));
  const folder = mkdtempSync(join(results, "source-"));
  const file = join(folder, "source.mjs");
  try {
    const input = fileURLToPath(new URL(`../../src/${name}.ts`, import.meta.url));
    const bundle = await rolldown({ input, external: /^[^./]/ });
    await bundle.write({ file, format: "esm" });
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
