import { EventEmitter } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findConfigFile } from "../../adapters/build/config-file.ts";
import { findImports, isServer } from "../../adapters/build/host.ts";
import { defineRelay } from "../../adapters/node.ts";
import { giveRelay, useRelay } from "../../adapters/runtime/module-relay.ts";
import { closeWithApp, toOptions } from "../../adapters/runtime/nitro.ts";
import { startRelay } from "../../adapters/runtime/start.ts";
import { createRelay } from "../../src/index.ts";

const storage = { is: "the app's" };

describe("options of data and code", () => {
  it("L2 merges the config file over the data of runtimeConfig, group by group", () => {
    const options = toOptions(
      { route: "/ai", upstream: { baseURL: "https://a", dialect: "openai" }, limits: { queue: 5 } },
      () => ({ credentials: [{ id: "a", apiKey: "k" }], limits: { maxWait: 1 } }),
      storage,
    );
    expect(options).toEqual({
      storage,
      upstream: { baseURL: "https://a", dialect: "openai" },
      limits: { queue: 5, maxWait: 1 },
      credentials: [{ id: "a", apiKey: "k" }],
    });
  });

  it("L2 accepts either alone, and a storage of the file's own", () => {
    expect(toOptions(undefined, { storage: undefined, tiers: ["a"] }, storage)).toEqual({
      storage: undefined,
      tiers: ["a"],
    });
    const data = { base: "x", upstream: {} };
    expect(toOptions(data, undefined, storage, { searched: "file" })).toEqual({ ...data, storage });
  });

  it("L13 returns a promise only when the file does, and merges its result", async () => {
    const given = toOptions({ base: "x" }, () => Promise.resolve({ tiers: ["a"] }), storage);
    expect(given).toBeInstanceOf(Promise);
    expect(await given).toEqual({ storage, base: "x", tiers: ["a"] });
  });

  it.each([
    ["nothing", () => undefined],
    ["a list", [{ id: "a" }]],
    ["a string", "sk-planted"],
    ["a relay", defineRelay(() => ({}) as never)],
  ])("L13 refuses a file that exports %s", (_, file) => {
    const take = (): unknown => toOptions({}, file as never, storage);
    expect(take).toThrow(/^The relay's options are wrong: relay\.config: .*export/);
    expect(take).not.toThrow(/sk-planted/);
  });

  it("L13 names the folders that were searched when there is neither file nor upstream", () => {
    const place = { searched: "relay.config.{ts} in server/ and ./" };
    expect(() => toOptions({ route: "/ai" }, undefined, storage, place)).toThrow(
      /upstream: is missing; .* no relay\.config\.\{ts\} in server\/ and \.\/$/,
    );
  });
});

describe("what a build finds", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "h3-relay-nitro-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(path: string, text: string): string {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
    return join(folder, path);
  }

  /** A `nitro` with these entries; returns a file of it. */
  function installNitro(...entries: string[]): string {
    const exported = entries.map((name) => [name, "./file.mjs"]);
    const manifest = { name: "nitro", version: "9.9.9", exports: Object.fromEntries(exported) };
    write("node_modules/nitro/package.json", JSON.stringify(manifest));
    return write("node_modules/nitro/file.mjs", "");
  }

  it.each([
    ["Nitro 3.0.0", ["./runtime"], "nitro/runtime", "nitro/runtime"],
    ["a beta", ["./storage", "./runtime-config"], "nitro/storage", "nitro/runtime-config"],
    ["one between them", ["./storage", "./runtime"], "nitro/storage", "nitro/runtime"],
  ])("L12 imports from %s what it exports", (_, entries, from, runtimeConfig) => {
    const entry = installNitro(...entries);
    const found = { relay: "h3-relay", storage: from, runtimeConfig };
    expect(findImports({ routing: {} }, { entry, rootDir: folder })).toEqual(found);
    // An entry of the app's own is no file of Nitro; the app's folder leads to it.
    expect(findImports({ routing: {} }, { rootDir: folder })).toEqual(found);
  });

  it("L12 uses the Nitro that builds, not another one that is installed", () => {
    const entry = installNitro("./storage", "./runtime-config");
    expect(findImports({ meta: { majorVersion: 3 } }, { entry, rootDir: folder })).toEqual({
      relay: "h3-relay/h3-v1",
      storage: "nitropack/runtime",
      runtimeConfig: "nitropack/runtime",
    });
  });

  it("L13 finds relay.config in the server's folder, then in the app's, and names both", () => {
    const app = { rootDir: folder, srcDir: join(folder, "server"), serverDir: false as const };
    expect(findConfigFile(app)).toEqual({
      path: undefined,
      searched: "relay.config.{ts,mts,js,mjs} in server/ and ./",
    });
    const outside = write("relay.config.mjs", "");
    expect(findConfigFile(app).path).toBe(outside);
    const inside = write("server/relay.config.ts", "");
    expect(findConfigFile(app).path).toBe(inside);
    const elsewhere = { rootDir: folder, serverDir: join(folder, "backend") };
    expect(findConfigFile(elsewhere).searched).toContain("in backend/ and server/ and ./");
  });

  it.each([
    ["/app/node_modules/nitro/dist/presets/node/runtime/node-server.mjs", true],
    ["/app/node_modules/nitropack/dist/presets/bun/runtime/bun", true],
    ["C:\\app\\nitropack\\dist\\presets\\_nitro\\runtime\\nitro-dev", true],
    ["/app/node_modules/nitropack/dist/presets/aws-lambda/runtime/aws-lambda", false],
    ["/app/node_modules/nitro/dist/presets/cloudflare/runtime/cloudflare-module", false],
    ["/app/node_modules/nitropack/dist/presets/vercel/runtime/vercel", false],
    [undefined, false],
  ])("L13 detects from the entry %s whether a server starts: %s", (entry, is) => {
    expect(isServer(entry)).toBe(is);
  });
});

interface FakeApp {
  process: EventEmitter;
  killed: unknown[][];
  /** Names of what was closed, in order. */
  closed: string[];
  close(): Promise<void>;
}

/** An app with its own `process`, for signals. */
function startApp(env: Record<string, string> = {}): FakeApp {
  const killed: unknown[][] = [];
  const closed: string[] = [];
  const kill = (...call: unknown[]): unknown => killed.push(call);
  const process = Object.assign(new EventEmitter(), { env, pid: 7, kill });
  const hooks: (() => unknown)[] = [];
  const hook = (_: string, run: () => unknown): unknown => hooks.push(run);
  vi.stubGlobal("process", process);
  closeWithApp({ hooks: { hook } }, () => ({ dispose: () => closed.push("storage") }));
  vi.unstubAllGlobals();
  // A plugin that follows.
  hook("close", () => closed.push("the app's"));
  const close = async (): Promise<void> => {
    for (const run of hooks) await run();
  };
  return { process, killed, closed, close };
}

const options = {
  mount: "/ai",
  upstream: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
  credentials: [{ id: "a", apiKey: "sk-planted" }],
  log: false,
} as const;

function openRelay(): { isClosed(): Promise<boolean> } {
  const { relay } = defineRelay({ ...options, credentials: [...options.credentials] });
  const request = new Request("http://host/ai/models");
  return {
    async isClosed() {
      const response = await relay.fetch(request.clone());
      return (await response.text()).includes("ERR_RELAY_CLOSED");
    },
  };
}

describe("the end of the app", () => {
  it("K16 closes every relay of the process at the signal, or with the app", async () => {
    const signalled = startApp();
    const one = openRelay();
    signalled.process.on("SIGTERM", () => {});
    signalled.process.emit("SIGTERM", "SIGTERM");
    expect(await one.isClosed()).toBe(true);
    const closed = startApp();
    const two = openRelay();
    await closed.close();
    expect(await two.isClosed()).toBe(true);
    expect(closed.process.listenerCount("SIGTERM")).toBe(0);
    expect([signalled.killed, closed.killed]).toEqual([[], []]);
  });

  it("L12 closes the storage last, after the hooks of the plugins that follow", async () => {
    const app = startApp();
    await Promise.resolve();
    await app.close();
    expect(app.closed).toEqual(["the app's", "storage"]);
  });

  it("L12 closes a storage that the config file has made, and the app's own only once", async () => {
    const app = startApp();
    await Promise.resolve();
    const mine = { dispose: () => app.closed.push("mine") };
    await toOptions({ upstream: {} }, { storage: mine } as never, {});
    await app.close();
    expect(app.closed).toEqual(["the app's", "mine", "storage"]);
    const next = startApp();
    await Promise.resolve();
    const root = { dispose: () => next.closed.push("root") };
    await toOptions({ upstream: {} }, { storage: { ...root } } as never, root);
    await next.close();
    expect(next.closed).toEqual(["the app's", "storage"]);
  });

  it("K16 lets the signal end the process when nothing else listens, once the relays are closed", async () => {
    const { process, killed } = startApp({ NITRO_SHUTDOWN_SIGNALS: "SIGHUP" });
    const relay = openRelay();
    process.emit("SIGHUP", "SIGHUP");
    expect(killed).toEqual([]);
    await vi.waitFor(() => expect(killed).toEqual([[7, "SIGHUP"]]));
    expect(await relay.isClosed()).toBe(true);
  });

  it("K16 does not listen when the app is configured to end at once", () => {
    const { process } = startApp({ NITRO_SHUTDOWN_DISABLED: "1" });
    expect(process.eventNames()).toEqual([]);
  });
});

describe("the start of the server", () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  afterEach(() => printed.mockClear());

  async function start(isDev: boolean): Promise<unknown[][]> {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const relay = createRelay(() => ({
      ...options,
      credentials: [{ id: "a", apiKey: undefined }],
    }));
    startRelay(relay, isDev);
    await expect(relay.ready()).rejects.toThrow("credentials[0] (a).apiKey");
    await Promise.resolve();
    const { calls } = exit.mock;
    exit.mockRestore();
    return calls;
  }

  it("L13 ends the process with code 1 when the options are wrong, after one line", async () => {
    expect(await start(false)).toEqual([[1]]);
    expect(printed.mock.calls).toEqual([[expect.stringContaining("[relay] The relay's options")]]);
  });

  it("L13 does not end a development server", async () => {
    expect(await start(true)).toEqual([]);
    expect(printed).toHaveBeenCalledTimes(1);
  });
});

describe("useRelay", () => {
  it("L14 throws an error that names what is missing, without the module and without a relay of the module", () => {
    expect(() => useRelay()).toThrow(/found no relay: add "h3-relay\/nitro"/);
    giveRelay(undefined);
    expect(() => useRelay()).toThrow(/found no relay: the module has `route: false`/);
  });

  it("L14 returns the module's relay, of several", () => {
    const relay = createRelay({ ...options, credentials: [...options.credentials] });
    createRelay({ ...options, credentials: [...options.credentials] });
    giveRelay(relay);
    expect(useRelay()).toBe(relay);
  });
});
