import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage } from "unstorage";
import { createStorage as createStorage2 } from "unstorage2";
import fsLite from "unstorage/drivers/fs-lite";
import lruCache from "unstorage/drivers/lru-cache";
import memory from "unstorage/drivers/memory";
import { afterAll, describe, expect, it } from "vitest";
import { toOptions } from "../../adapters/runtime/nitro.ts";

const folder = mkdtempSync(join(tmpdir(), "h3-relay-storage-"));
afterAll(() => rmSync(folder, { recursive: true }));

const disk = (): unknown => fsLite({ base: folder });
/** A store that is no disk, and no memory either. */
const remote = (): unknown => ({ ...memory(), name: "redis" });
const unnamed = (): unknown => ({ ...memory(), name: undefined });

interface App {
  mounts: Record<string, unknown>;
  data?: Record<string, unknown>;
  code?: Record<string, unknown>;
}

/** The relay's storage and log lines in an app with these mounts, `""` for the root. */
function open(
  create: typeof createStorage,
  { mounts, data = {}, code = {} }: App,
): { isApps: boolean; storage: unknown; lines: string[] } {
  const { "": root, ...rest } = mounts;
  const app = create(root ? { driver: root as never } : {});
  for (const [name, driver] of Object.entries(rest)) app.mount(name, driver as never);
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = { debug: write, info: write, warn: write, error: write };
  const { storage } = toOptions(data, { upstream: {}, log, ...code } as never, app) as {
    storage: unknown;
  };
  return { isApps: storage === app, storage, lines };
}

describe.each([
  ["1", createStorage],
  ["2", createStorage2 as unknown as typeof createStorage],
])("N1 L2 the default storage, on unstorage %s", (_, create) => {
  it.each<[string, App]>([
    ["the root is memory", { mounts: {} }],
    ["the root is an LRU cache", { mounts: { "": lruCache({}) } }],
    ["the mount `relay` is on the disk", { mounts: { relay: disk() } }],
    [
      "the mount `relay` is remote, the root on the disk",
      { mounts: { "": disk(), relay: remote() } },
    ],
    [
      "`base` names a mount of the operator's",
      { mounts: { ai: disk() }, data: { base: "ai:relay" } },
    ],
    [
      "`data` is remote and `base` names it",
      { mounts: { data: remote() }, code: { base: "data" } },
    ],
    [
      "the root is on the disk and `secret` is set",
      { mounts: { "": disk() }, code: { secret: "0123456789abcdef" } },
    ],
    [
      "the root is remote and `secret` is set",
      { mounts: { "": remote() }, data: { secret: ["0123456789abcdef"] } },
    ],
  ])("is the app's when %s", (_, app) => {
    expect(open(create, app)).toMatchObject({ isApps: true, lines: [] });
  });

  it.each<[string, App, string]>([
    [
      "the root is on the disk",
      { mounts: { "": disk() } },
      "the root mount of the app's storage (driver fs-lite)",
    ],
    [
      "the root is remote",
      { mounts: { "": remote() } },
      "the root mount of the app's storage (driver redis)",
    ],
    ["the root does not name its driver", { mounts: { "": unnamed() } }, "(driver unknown)"],
    [
      "`base` names Nitro's own `data`",
      { mounts: { data: disk() }, code: { base: "data:relay" } },
      'the mount "data" of the app\'s storage (driver fs-lite)',
    ],
    [
      "`base` names Nitro's own `cache`",
      { mounts: { cache: disk() }, data: { base: "cache" } },
      'the mount "cache"',
    ],
  ])("is memory when %s, with one warning", (_, app, words) => {
    const { storage, lines } = open(create, app);
    expect(storage).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(words);
    expect(lines[0]).toMatch(/^state is kept in memory .* Set `secret` to use it, or mount /);
  });

  it("is not used when the options name a storage, or none", () => {
    const own = create({ driver: disk() as never });
    const mounts = { "": disk() };
    expect(open(create, { mounts, code: { storage: own } })).toMatchObject({
      storage: own,
      lines: [],
    });
    expect(open(create, { mounts, code: { storage: undefined } }).lines).toEqual([]);
  });

  it("is chosen without a log line when `log` is false, and with a logger that fails", () => {
    const mounts = { "": disk() };
    expect(open(create, { mounts, code: { log: false } }).storage).toBeUndefined();
    const failing = {
      warn() {
        throw new Error("the log is full");
      },
    };
    expect(open(create, { mounts, code: { log: failing } }).storage).toBeUndefined();
  });
});
