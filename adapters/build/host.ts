// Detects the version of Nitro by its features: its version field is missing in 3.0.0 and wrong in nightly builds.
import { createRequire } from "node:module";
import { join } from "node:path";

/** Imports of the code that is added to a server. */
export interface HostImports {
  /** Exports `defineRelay` for the h3 of this Nitro. */
  relay: string;
  /** Path of the runtime code of the plugin and the relay. */
  runtime: string;
  /** Exports `useStorage`. */
  storage: string;
  /** Exports `useRuntimeConfig`. */
  runtimeConfig: string;
}

/** Determines the imports for a Nitro. `entry` is a file of it, `rootDir` the app's folder. */
export function findImports(
  nitro: object,
  { entry, rootDir }: { entry?: string; rootDir: string },
): Omit<HostImports, "runtime"> {
  // Nitro 3 has its own router in front of h3 2; Nitro 2 leaves routing to h3 1.
  if (!("routing" in nitro)) {
    const runtime = "nitropack/runtime";
    return { relay: "h3-relay/h3-v1", storage: runtime, runtimeConfig: runtime };
  }
  const places = [entry, join(rootDir, "package.json")].filter((place) => place !== undefined);
  const pick = (name: string): string =>
    places.some((place) => isExported(name, place)) ? name : "nitro/runtime";
  return {
    relay: "h3-relay",
    storage: pick("nitro/storage"),
    runtimeConfig: pick("nitro/runtime-config"),
  };
}

function isExported(specifier: string, from: string): boolean {
  try {
    return createRequire(from).resolve(specifier) !== "";
  } catch {
    return false;
  }
}

/** True when the server is a process of its own, which wrong options may end; a function or a Worker is not. */
export function isServer(entry: string | undefined): boolean {
  return /[\\/](?:node|bun|deno|iis|_nitro|vite)[\\/]/.test(entry ?? "");
}
