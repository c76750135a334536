/** The few methods of an unstorage `Storage` (1 or 2) that the state uses. */
export interface StateStorage {
  getKeys(base?: string): Promise<string[]>;
  getItem(key: string): Promise<unknown>;
  /** The result may be in any order, and incomplete. */
  getItems(keys: string[]): Promise<{ key: string; value: unknown }[]>;
  setItem(key: string, value: StoredValue): Promise<void>;
  removeItem(key: string): Promise<void>;
  getItemRaw?(key: string): Promise<unknown>;
  setItemRaw?(key: string, value: unknown): Promise<void>;
  getMount?(key: string): { base?: string; driver: StateDriver };
  getMounts?(base: string): { base: string; driver: StateDriver }[];
  mount?(base: string, driver: never): unknown;
  unmount?(base: string, dispose?: boolean): unknown;
}

/** A stored value: always an object, because drivers guess the type of anything else. */
export interface StoredValue {
  [field: string]: StoredField;
}

export type StoredField =
  | string
  | number
  | boolean
  | readonly StoredField[]
  | { [field: string]: StoredField };

export interface StateDriver {
  name?: string;
  options?: unknown;
  /** The driver's client; a promise if it is loaded on demand. */
  getInstance?: () => unknown;
}

/** The driver behind `base`; `undefined` if the storage does not name it, or is prefixed. */
export function driverOf(storage: StateStorage, base: string): StateDriver | undefined {
  return isPrefixed(storage) ? undefined : storage.getMount?.(base).driver;
}

/** What makes a store forget its records: the name of a driver, or a TTL of the driver in s. */
export interface Forgets {
  driver: string;
  ttl: number | undefined;
}

const VOLATILE: ReadonlySet<string> = new Set(["memory", "lru-cache", "null"]);

/** Returns why the store loses records, at a restart or after a time; `undefined` if it is not known to. Sees behind a prefix, too. */
export function forgetsOf(storage: StateStorage | undefined, base: string): Forgets | undefined {
  if (!storage) return { driver: "memory", ttl: undefined };
  const prefix = isPrefixed(storage) ? prefixOf(storage) : "";
  const driver = storage.getMount?.(prefix + base).driver;
  const { ttl } = (driver?.options ?? {}) as { ttl?: unknown };
  if (!driver?.name) return undefined;
  if (typeof ttl === "number" && ttl > 0) return { driver: driver.name, ttl };
  return VOLATILE.has(driver.name) ? { driver: driver.name, ttl: undefined } : undefined;
}

/** Names of the drivers of other mounts inside `base`: some records go there. */
export function innerMounts(storage: StateStorage, base: string): string[] {
  if (isPrefixed(storage)) return [];
  const inside = storage.getMounts?.(base) ?? [];
  return inside
    .filter((mount) => mount.base.startsWith(`${base}:`) && mount.base !== `${base}:`)
    .map((mount) => `${mount.driver.name ?? "unknown"} at ${mount.base.replace(/:$/, "")}`);
}

/** Name of the driver behind `base`, or `unknown`. */
export function driverName(storage: StateStorage, base: string): string {
  return driverOf(storage, base)?.name ?? "unknown";
}

/** True when a process that dies in mid-write can leave half a value in place of a complete one. */
export function writesInPlace(storage: StateStorage, base: string): boolean {
  const driver = driverOf(storage, base);
  // A prefixed storage may be one of files: `useStorage("data")` is.
  if (!driver) return isPrefixed(storage);
  if (driver.name !== "fs" && driver.name !== "fs-lite") return false;
  const options = driver.options;
  const atomic = typeof options === "object" && options !== null && "atomic" in options;
  return !(atomic && options.atomic === true);
}

const PROBE = "h3-relay-probe";
const prefixes = new WeakMap<StateStorage, string>();

/**
 * A prefixed storage adds its prefix to the keys it mounts, but not to the key that `getMount` looks up: that returns the
 * driver of another mount, whose leases would exclude no other instance. The probe is removed in the same turn.
 */
function isPrefixed(storage: StateStorage): boolean {
  return prefixOf(storage) !== "";
}

/** The prefix of a prefixed storage, with a colon at its end; empty for any other. */
function prefixOf(storage: StateStorage): string {
  const { mount, unmount, getMounts } = storage;
  if (!mount || !unmount || !getMounts) return "";
  const known = prefixes.get(storage);
  if (known !== undefined) return known;
  const probe = { name: PROBE };
  storage.mount!(PROBE, probe as never);
  const place = storage.getMounts!("").find(({ driver }) => driver === probe);
  void storage.unmount!(PROBE, false);
  const prefix = (place?.base ?? `?:${PROBE}:`).slice(0, -`${PROBE}:`.length);
  prefixes.set(storage, prefix);
  return prefix;
}

/** Reads one value. The fs drivers resolve with an `Error` when reading failed: here it is thrown. */
export async function readItem(storage: StateStorage, key: string): Promise<unknown> {
  return assertRead(await storage.getItem(key));
}

export async function readItems(
  storage: StateStorage,
  keys: string[],
): Promise<{ key: string; value: unknown }[]> {
  const items = await storage.getItems(keys);
  for (const item of items) assertRead(item.value);
  return items;
}

/** Throws an error that a driver returned instead of throwing it. */
export function assertRead(value: unknown): unknown {
  if (value instanceof Error) throw value;
  return value;
}
