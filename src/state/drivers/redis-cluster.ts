// Redis Cluster through unstorage's driver, which lists the keys of one node and reads several keys in one command, though they are on
// several nodes. Here every master is listed, and keys are read one by one; ioredis sends the commands of one turn together.
import { driverOf, type StateStorage } from "../store/storage.ts";

/** The few methods of ioredis' cluster client that are used. */
interface ClusterClient {
  isCluster?: boolean;
  time(): Promise<unknown>;
  nodes(role: "master"): ClusterNode[];
}

interface ClusterNode {
  scan(
    cursor: string,
    match: "MATCH",
    pattern: string,
    count: "COUNT",
    size: number,
  ): Promise<[cursor: string, keys: string[]]>;
}

/** Keys per round trip of a listing. */
const PAGE = 1_000;

/** Returns the storage with complete listings where the driver behind `base` is one of a cluster; otherwise the storage itself. */
export function withWholeCluster(storage: StateStorage, base: string): StateStorage {
  if (!isCluster(storage, base)) return storage;
  return {
    getKeys: (prefix = base) => listCluster(storage, base, prefix),
    getItem: (key) => storage.getItem(key),
    getItems: (keys) =>
      Promise.all(keys.map(async (key) => ({ key, value: await storage.getItem(key) }))),
    setItem: (key, value) => storage.setItem(key, value),
    removeItem: (key) => storage.removeItem(key),
    ...(storage.getItemRaw && { getItemRaw: (key: string) => storage.getItemRaw!(key) }),
    ...(storage.setItemRaw && {
      setItemRaw: (key: string, value: unknown) => storage.setItemRaw!(key, value),
    }),
  };
}

/** True if the driver behind `base` is one of a Redis cluster. */
export function isCluster(storage: StateStorage, base: string): boolean {
  const driver = driverOf(storage, base);
  const { cluster } = (driver?.options ?? {}) as { cluster?: unknown };
  return driver?.name === "redis" && cluster !== undefined && driver.getInstance !== undefined;
}

async function listCluster(storage: StateStorage, base: string, prefix: string): Promise<string[]> {
  const driver = driverOf(storage, base)!;
  const client = (await driver.getInstance!()) as ClusterClient;
  // The masters are known once a command has been answered.
  await client.time();
  const { base: given = "" } = driver.options as { base?: string };
  const ownBase = given.replace(/:$/, "");
  const mount = storage.getMount!(base).base ?? "";
  const before = ownBase === "" ? "" : `${ownBase}:`;
  const pattern = `${escapeGlob(before + `${prefix}:`.slice(mount.length))}*`;
  const listed = await Promise.all(client.nodes("master").map((node) => scan(node, pattern)));
  // While a slot moves, a key may be listed on two nodes.
  return [...new Set(listed.flat())].map((key) => mount + key.slice(before.length));
}

async function scan(node: ClusterNode, pattern: string): Promise<string[]> {
  const keys: string[] = [];
  let cursor = "0";
  do {
    const [next, page] = await node.scan(cursor, "MATCH", pattern, "COUNT", PAGE);
    cursor = next;
    keys.push(...page);
  } while (cursor !== "0");
  return keys;
}

function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]]/g, "\\$&");
}
