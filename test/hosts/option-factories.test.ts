import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defineRelay as onCloudflare } from "../../adapters/cloudflare.ts";
import { defineRelay as onNode } from "../../adapters/node.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { createLazyRelay } from "../../src/hosts/lazy-relay.ts";
import {
  createRelay,
  type OneUpstream,
  type Relay,
  RelayError,
  type RelayOptions,
} from "../../src/index.ts";
import { type Entry, ENTRIES } from "../support/entries.ts";
import { makeCredentials } from "../support/relay.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

let upstream: Simulator;
let entry: Entry | undefined;
let told: string[];

beforeEach(async () => {
  upstream = await createSimulator();
  told = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void told.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await entry?.close();
  entry = undefined;
  await upstream.close();
});

function options(more: Partial<OneUpstream> = {}): RelayOptions {
  return {
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
    authorize: () => true,
    log: false,
    ...more,
  };
}

/** A promise that a test settles, and how often it was asked for. */
function later<T>(): { ask(): Promise<T>; resolve(value: T): void; asked: number } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => (resolve = done));
  const it = { asked: 0, ask: () => (it.asked++, promise), resolve };
  return it;
}

const missing = (): RelayOptions => {
  throw new TypeError("KEY_A is missing");
};
const request = (path = "/ai/models"): Request => new Request(`http://host.test${path}`);
const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error?: { code?: unknown } }).error?.code;

const kinds = Object.entries(ENTRIES);

describe("options as a function, on every entry", () => {
  it.each(kinds)("L13 runs once, at the first request: %s", async (_name, kind) => {
    const factory = vi.fn(() => options());
    entry = await kind.open(factory);
    expect(factory).not.toHaveBeenCalled();
    const answers = await Promise.all([1, 2, 3].map(() => entry!.ask("/ai/models")));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(factory).toHaveBeenCalledTimes(1);
  });

  it.each(kinds)("L13 may be asynchronous, and still runs once: %s", async (_name, kind) => {
    const vault = later<RelayOptions>();
    entry = await kind.open(vault.ask);
    const asking = [1, 2, 3].map(() => entry!.ask("/ai/models"));
    await vi.waitFor(() => expect(vault.asked).toBe(1));
    vault.resolve(options());
    const answers = await Promise.all(asking);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(vault.asked).toBe(1);
  });

  it.each(kinds)("L13 keeps the body of a request that waits for it: %s", async (_name, kind) => {
    const vault = later<RelayOptions>();
    entry = await kind.open(vault.ask);
    const body = JSON.stringify({ model: "m", messages: [], padding: "x".repeat(100_000) });
    const headers = { "content-type": "application/json" };
    const asking = entry.ask("/ai/chat/completions", { method: "POST", headers, body });
    await vi.waitFor(() => expect(vault.asked).toBe(1));
    vault.resolve(options());
    expect((await asking).status).toBe(200);
    expect(JSON.parse(upstream.ledger.last()!.body.toString())).toEqual(JSON.parse(body));
  });

  it.each(kinds)("L13 tells the log in full and the client nothing: %s", async (_name, kind) => {
    entry = await kind.open(missing);
    const response = await entry.ask("/ai/models");
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code: "ERR_RELAY_START" } });
    expect(text).not.toContain("KEY_A");
    await entry.ask("/ai/models");
    expect(told).toEqual([
      expect.stringMatching(/^\[relay\] .*: TypeError: KEY_A is missing at .*factories\.test\.ts/),
    ]);
  });

  it.each(kinds)("L13 tells the client in development: %s", async (_name, kind) => {
    vi.stubEnv("NODE_ENV", "development");
    entry = await kind.open(missing);
    expect(await (await entry.ask("/ai/models")).text()).toContain("KEY_A is missing");
  });

  it.each(kinds)("L13 K13 throws at once for a wrong plain object: %s", async (name, kind) => {
    const wrong = options({ credentials: [{ id: "a", apiKey: undefined }] });
    const define = async (): Promise<Entry> => (entry = await kind.open(wrong));
    // A Worker cannot start before its first request.
    if (name === "Workers") expect((await (await define()).ask("/ai/models")).status).toBe(500);
    else await expect(define).rejects.toThrow(/credentials\[0\].*apiKey/);
  });

  it.each(kinds)("L14 gives its relay, the same before and after: %s", async (_name, kind) => {
    const ends: string[] = [];
    entry = await kind.open(() => options());
    const { relay } = entry;
    const off = relay.on("end", ({ reason }) => void ends.push(reason));
    await entry.ask("/ai/models");
    expect(relay.status().credentials.map(({ id }) => id)).toEqual(["c1"]);
    expect(relay.mount).toBe("/ai");
    off();
    await entry.ask("/ai/models");
    expect(ends).toEqual(["completed"]);
  });
});

describe("a factory that fails", () => {
  it("L13 is run again by the next request, then once a second at most", async () => {
    const clock = createVirtualClock();
    const factory = vi.fn(missing);
    const { relay } = createLazyRelay(factory, { clock });
    const ask = async (): Promise<number> => (await relay.fetch(request())).status;
    for (let at = 0; at < 5; at++) expect(await ask()).toBe(500);
    expect(factory).toHaveBeenCalledTimes(2);
    await clock.advance(1_000);
    for (let at = 0; at < 5; at++) await ask();
    expect(factory).toHaveBeenCalledTimes(3);
    factory.mockImplementation(() => options());
    await clock.advance(1_000);
    expect(await ask()).toBe(200);
    await relay.close();
  });

  it("L13 does not run a thousand times at once, however slow it is", async () => {
    let reject!: (error: Error) => void;
    const factory = vi.fn(() => new Promise<RelayOptions>((_, no) => (reject = no)));
    const { relay } = createLazyRelay(factory);
    const asking = Array.from({ length: 1_000 }, () => relay.fetch(request()));
    reject(new Error("vault is down"));
    const statuses = (await Promise.all(asking)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([500]));
    expect(factory).toHaveBeenCalledTimes(1);
    expect(told).toEqual([expect.stringContaining("Error: vault is down at")]);
  });

  it("L13 has failed when it has not settled after 30 s, and is run again", async () => {
    const clock = createVirtualClock();
    const factory = vi.fn((): Promise<RelayOptions> => new Promise(() => {}));
    const { relay } = createLazyRelay(factory, { clock });
    const asking = relay.fetch(request());
    await clock.advance(29_999);
    const joining = relay.fetch(request());
    await clock.advance(1);
    expect([(await asking).status, (await joining).status]).toEqual([500, 500]);
    expect(told).toEqual([expect.stringContaining("did not settle within 30000 ms")]);
    factory.mockImplementation(() => Promise.resolve(options()));
    expect((await relay.fetch(request())).status).toBe(200);
    expect(factory).toHaveBeenCalledTimes(2);
    await relay.close();
  });

  it("L13 tells the log that its options name", async () => {
    const lines: string[] = [];
    const log = {
      debug() {},
      info() {},
      warn() {},
      error: (line: string) => void lines.push(line),
    };
    const relay = createRelay(() => options({ log, credentials: [] }));
    expect((await relay.fetch(request())).status).toBe(500);
    expect(lines).toEqual([expect.stringContaining("credentials")]);
    expect(told).toEqual([]);
  });

  it("L13 tells each new fault, and never quotes what could not be read as JSON", async () => {
    let fault: Error = new Error("one");
    const relay = createRelay(() => {
      throw fault;
    });
    await relay.fetch(request());
    fault = new Error("two");
    await relay.ready().catch(() => {});
    try {
      JSON.parse("sk-planted-secret");
    } catch (error) {
      fault = error as Error;
    }
    await relay.ready().catch(() => {});
    expect(told.map((line) => /: (\w*Error): (.*?)(?: at |,)/.exec(line)?.slice(1))).toEqual([
      ["Error", "one"],
      ["Error", "two"],
      ["SyntaxError", expect.any(String)],
    ]);
    expect(told.join()).not.toContain("planted");
  });

  it("L13 outlives a log that fails", async () => {
    const error = (): never => {
      throw new Error("disk full");
    };
    const log = { debug() {}, info() {}, warn() {}, error };
    const relay = createRelay(() => options({ log, credentials: [] }));
    expect((await relay.fetch(request())).status).toBe(500);
  });
});

describe("ready()", () => {
  it("L13 runs the factory, and a request uses what it gave", async () => {
    const factory = vi.fn(() => options());
    const relay = createRelay(factory);
    await relay.ready();
    await relay.ready();
    await relay.fetch(request());
    expect(factory).toHaveBeenCalledTimes(1);
    await relay.close();
  });

  it("L13 rejects with the fault of the options, or with the factory's own error", async () => {
    const wrong = createRelay(() => options({ credentials: [{ id: "a", apiKey: undefined }] }));
    await expect(wrong.ready()).rejects.toMatchObject({ code: "ERR_RELAY_OPTIONS" });
    const fault = new Error("vault is down");
    await expect(createRelay(() => Promise.reject(fault)).ready()).rejects.toBe(fault);
  });

  it("L13 resolves at once for a plain object that is loaded", async () => {
    const relay = createRelay(options());
    await relay.ready();
    await relay.close();
  });

  it("L13 is never an unhandled rejection", async () => {
    const seen: unknown[] = [];
    const onRejection = (error: unknown): void => void seen.push(error);
    process.on("unhandledRejection", onRejection);
    void createRelay(missing).ready();
    const relay = createRelay(() => Promise.reject(new Error("no vault")));
    void relay.ready();
    expect(() => relay.status()).toThrow(RelayError);
    await new Promise((resolve) => setTimeout(resolve, 0));
    process.removeListener("unhandledRejection", onRejection);
    expect(seen).toEqual([]);
  });
});

describe("the relay before its first request", () => {
  const USES: [string, (relay: Relay) => unknown, unknown][] = [
    ["status", (relay) => relay.status().credentials.length, 1],
    ["explain", (relay) => relay.explain({ path: "/models", method: "GET" }).length, 1],
    ["stop", (relay) => relay.stop("none"), false],
    ["mount", (relay) => relay.mount, "/ai"],
    ["credentials.disable", (relay) => relay.credentials.disable("c1"), true],
    ["credentials.enable", (relay) => relay.credentials.enable("nobody"), false],
    ["credentials.clear", (relay) => relay.credentials.clear("c1"), true],
    [
      "credentials.add",
      (relay) => typeof relay.credentials.add({ id: "c2", apiKey: "sk-added-0123456789" }),
      "string",
    ],
    ["credentials.remove", (relay) => relay.credentials.remove("nobody"), false],
    ["credentials.export", (relay) => relay.credentials.export(), []],
    ["credentials.import", (relay) => relay.credentials.import([]), 0],
  ];

  it.each(USES)("L14 answers %s with a synchronous factory", async (_name, use, expected) => {
    const relay = createRelay(() => options());
    expect(use(relay)).toEqual(expected);
    await relay.close();
  });

  it.each(USES)("L14 throws the fault of the options from %s", (_name, use) => {
    const relay = createRelay(() => options({ credentials: [] }));
    expect(() => use(relay)).toThrow(expect.objectContaining({ code: "ERR_RELAY_OPTIONS" }));
  });

  it.each(USES)(
    "L14 says to wait for ready() from %s with an asynchronous one",
    async (_, use, is) => {
      const vault = later<RelayOptions>();
      const relay = createRelay(vault.ask);
      expect(() => use(relay)).toThrow(
        expect.objectContaining({
          code: "ERR_RELAY_NOT_READY",
          message: expect.stringContaining("call `await relay.ready()` first") as string,
        }),
      );
      vault.resolve(options());
      await relay.ready();
      expect(use(relay)).toEqual(is);
      expect(vault.asked).toBe(1);
      await relay.close();
    },
  );

  it("L14 takes listeners, and takes them off again", async () => {
    const seen: string[] = [];
    const relay = createRelay(() => options());
    relay.on("end", () => void seen.push("kept"));
    relay.on("end", () => void seen.push("taken off"))();
    const off = relay.on("end", () => void seen.push("until ready"));
    await relay.ready();
    off();
    off();
    await (await relay.fetch(request())).text();
    expect(seen).toEqual(["kept"]);
    await relay.close();
  });

  it("L14 tells a factory that uses its own relay", async () => {
    const relay: Relay = createRelay(() => options({ base: String(relay.status().requests) }));
    expect(() => relay.status()).toThrow(/its options are being read/);
  });

  it("L14 on Workers has no environment, and says what gives it", async () => {
    const factory = vi.fn((env: { KEY: string }) =>
      options({ credentials: [{ id: "a", apiKey: env.KEY }] }),
    );
    const worker = onCloudflare(factory);
    expect(() => worker.relay.status()).toThrow(/first request.*worker\.ready\(env\)/);
    await expect(worker.relay.ready()).rejects.toMatchObject({ code: "ERR_RELAY_NOT_READY" });
    expect((await worker.relay.fetch(request())).status).toBe(503);
    expect([factory.mock.calls.length, told]).toEqual([0, []]);
    await worker.ready({ KEY: "sk-of-the-env" });
    expect(worker.relay.status().credentials).toHaveLength(1);
    await worker.close();
  });
});

describe("close()", () => {
  it.each(kinds)("L14 before the first request: nothing is created: %s", async (_name, kind) => {
    const factory = vi.fn(() => options());
    entry = await kind.open(factory);
    await entry.relay.close();
    const response = await entry.ask("/ai/models");
    expect([response.status, await codeOf(response)]).toEqual([503, "ERR_RELAY_CLOSED"]);
    await expect(entry.relay.ready()).rejects.toMatchObject({ code: "ERR_RELAY_CLOSED" });
    expect(() => entry!.relay.status()).toThrow(
      expect.objectContaining({ code: "ERR_RELAY_CLOSED" }),
    );
    expect(factory).not.toHaveBeenCalled();
  });

  it("L14 while the factory runs: who waits is told, and nothing is created", async () => {
    const vault = later<RelayOptions>();
    const authorize = vi.fn(() => true);
    const relay = createRelay(vault.ask);
    const asking = relay.fetch(request());
    const ready = relay.ready();
    await relay.close();
    expect(await codeOf(await asking)).toBe("ERR_RELAY_CLOSED");
    await expect(ready).rejects.toMatchObject({ code: "ERR_RELAY_CLOSED" });
    vault.resolve(options({ authorize }));
    await Promise.resolve();
    expect(await codeOf(await relay.fetch(request()))).toBe("ERR_RELAY_CLOSED");
    expect([authorize.mock.calls.length, told]).toEqual([0, []]);
  });
});

describe("a server of node:http whose listener is a relay", () => {
  const listen = async (relay: ReturnType<typeof onNode>): Promise<() => void> => {
    const server = createServer(relay);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return () => void server.close();
  };

  it("L13 runs the factory when it starts to listen, and not before", async () => {
    const factory = vi.fn(() => options());
    const relay = onNode(factory);
    createServer(() => {}).listen(0, function (this: { close(): void }) {
      this.close();
    });
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(factory).not.toHaveBeenCalled();
    const close = await listen(relay);
    expect(factory).toHaveBeenCalledTimes(1);
    close();
    await relay.close();
  });

  it("L13 leaves a failure to the operator who has seen it at ready()", async () => {
    const relay = onNode(missing);
    await expect(relay.relay.ready()).rejects.toThrow("KEY_A is missing");
    const close = await listen(relay);
    close();
    expect(told).toHaveLength(1);
  });
});
