// The app's storage as the default for the relay's state. Unsealed tokens are written only where the operator has configured it (N1).
import { createLog } from "#log";
import type { Log } from "../../src/contract/log.ts";
import { DEFAULTS } from "../../src/options/defaults.ts";
import { VOLATILE } from "../../src/wiring/startup-line.ts";

/** The method of an unstorage `Storage` that this file uses. */
interface MountedStorage {
  getMount?(key: string): Mount;
}

interface Mount {
  /** `""` for the root, else with a colon at its end. */
  base: string;
  driver: { name?: string };
}

const DISK: ReadonlySet<string | undefined> = new Set(["fs", "fs-lite"]);
/** Mounts that Nitro creates on the disk by default, some of them only in development. */
const NITRO_MOUNTS: ReadonlySet<string> = new Set(["build:", "cache:", "data:", "root:", "src:"]);

/** Options that decide about the default. They have not been validated. */
export interface StorageOptions {
  base?: unknown;
  secret?: unknown;
  log?: unknown;
}

/**
 * Returns the app's storage, or `undefined` (memory) when tokens would be written unsealed to a store that the operator has not
 * configured for the relay. A warning is logged then.
 */
export function defaultStorage(
  storage: unknown,
  { base, secret, log }: StorageOptions = {},
): unknown {
  const prefix = typeof base === "string" ? base : DEFAULTS.base;
  const mount = (storage as MountedStorage | undefined)?.getMount?.(prefix);
  if (!mount || secret !== undefined || isAllowed(mount)) return storage;
  const place = mount.base === "" ? "the root mount" : `the mount "${mount.base.slice(0, -1)}"`;
  const driver = mount.driver.name ?? "unknown";
  warn(
    log,
    `state is kept in memory and is lost at restart: ${place} of the app's storage (driver ${driver}) is not configured for the relay, and tokens would be stored there unsealed. Set \`secret\` to use it, or mount \`storage: { ${DEFAULTS.base}: … }\` in the Nitro options.`,
  );
  return undefined;
}

function isAllowed({ base, driver }: Mount): boolean {
  if (VOLATILE.has(driver.name ?? "")) return true;
  return base !== "" && !(NITRO_MOUNTS.has(base) && DISK.has(driver.name));
}

function warn(log: unknown, line: string): void {
  if (log === false) return;
  try {
    ((log ?? createLog()) as Log).warn(line);
  } catch {
    // A logger that fails must not fail the start.
  }
}
