/** The few methods of an unstorage `Storage` (1 or 2) that the relay's memory uses. */
export interface StateStorage {
  getKeys(base?: string): Promise<string[]>;
  getItem(key: string): Promise<unknown>;
  /** Order and completeness of the answer are not relied on. */
  getItems(keys: string[]): Promise<{ key: string; value: unknown }[]>;
  setItem(key: string, value: StoredValue): Promise<void>;
  removeItem(key: string): Promise<void>;
  getItemRaw?(key: string): Promise<unknown>;
  setItemRaw?(key: string, value: unknown): Promise<void>;
  getMount?(key: string): { driver: StateDriver };
  getMounts?(base: string): { base: string; driver: StateDriver }[];
  mount?(base: string, driver: never): unknown;
  unmount?(base: string, dispose?: boolean): unknown;
}

/** What is stored: always an object, because drivers guess at the type of anything else. */
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
  /** The driver's own client; a promise where it is loaded on demand. */
  getInstance?: () => unknown;
}

/** The driver behind `base`; `undefined` where the storage does not tell, or stands behind a prefix. */
export function driverOf(storage: StateStorage, base: string): StateDriver | undefined {
  return isPrefixed(storage) ? undefined : storage.getMount?.(base).driver;
}

/** Names the driver behind `base`, as far as the storage tells. */
export function driverName(storage: StateStorage, base: string): string {
  return driverOf(storage, base)?.name ?? "unknown";
}

/** Tells whether a kill in mid-write can leave half a value where a whole one stood. */
export function writesInPlace(storage: StateStorage, base: string): boolean {
  const driver = driverOf(storage, base);
  // Files may well stand behind a prefix: `useStorage("data")` is one.
  if (!driver) return isPrefixed(storage);
  if (driver.name !== "fs" && driver.name !== "fs-lite") return false;
  const options = driver.options;
  const atomic = typeof options === "object" && options !== null && "atomic" in options;
  return !(atomic && options.atomic === true);
}

const PROBE = "h3-relay-probe";
const prefixed = new WeakMap<StateStorage, boolean>();

/**
 * A prefixed storage puts its prefix before what it mounts, and not before what `getMount` looks for: that names the driver of
 * some other place, whose leases would bind nobody. The probe is gone before anybody else has a turn.
 */
function isPrefixed(storage: StateStorage): boolean {
  const { mount, unmount, getMounts } = storage;
  if (!mount || !unmount || !getMounts) return false;
  const known = prefixed.get(storage);
  if (known !== undefined) return known;
  const probe = { name: PROBE };
  storage.mount!(PROBE, probe as never);
  const place = storage.getMounts!("").find(({ driver }) => driver === probe);
  void storage.unmount!(PROBE, false);
  const isBehind = place?.base !== `${PROBE}:`;
  prefixed.set(storage, isBehind);
  return isBehind;
}

/** Reads one value. The fs drivers resolve with an `Error` where reading failed: here that throws. */
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

/** Throws what a driver returned in place of throwing it. */
export function assertRead(value: unknown): unknown {
  if (value instanceof Error) throw value;
  return value;
}
