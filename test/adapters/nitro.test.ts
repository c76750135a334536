import { EventEmitter } from "node:events";
import { expect, it, vi } from "vitest";
import { defineRelay } from "../../adapters/node.ts";
import { closeWithApp, toOptions } from "../../adapters/runtime/nitro.ts";

const storage = { is: "the app's" };

it("K14 L2 takes data from runtimeConfig and puts the config file's code over it, group by group", () => {
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

it("L2 takes either alone, and a storage of the file's own", () => {
  expect(toOptions(undefined, { storage: undefined, tiers: ["a"] }, storage)).toEqual({
    storage: undefined,
    tiers: ["a"],
  });
  expect(toOptions({ base: "x" }, undefined, storage)).toEqual({ base: "x", storage });
});

interface FakeApp {
  process: EventEmitter;
  killed: unknown[][];
  close(): unknown;
}

/** An app in a process of its own, as far as signals go. */
function startApp(env: Record<string, string> = {}): FakeApp {
  const killed: unknown[][] = [];
  const kill = (...call: unknown[]): unknown => killed.push(call);
  const process = Object.assign(new EventEmitter(), { env, pid: 7, kill });
  let close = (): unknown => undefined;
  vi.stubGlobal("process", process);
  closeWithApp({ hooks: { hook: (_, run) => (close = run) } });
  vi.unstubAllGlobals();
  return { process, killed, close: () => close() };
}

function startRelay(): { isClosed(): Promise<boolean> } {
  const relay = defineRelay({
    mount: "/ai",
    upstream: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
    credentials: [{ id: "a", apiKey: "sk-planted" }],
    log: false,
  });
  const request = new Request("http://host/ai/models");
  return {
    async isClosed() {
      const response = await relay.relay.fetch(request.clone());
      return (await response.text()).includes("ERR_RELAY_CLOSED");
    },
  };
}

it("K16 closes every relay of the process at the signal, or with the app", async () => {
  const signalled = startApp();
  const one = startRelay();
  signalled.process.on("SIGTERM", () => {});
  signalled.process.emit("SIGTERM", "SIGTERM");
  expect(await one.isClosed()).toBe(true);
  const closed = startApp();
  const two = startRelay();
  await closed.close();
  expect(await two.isClosed()).toBe(true);
  expect(closed.process.listenerCount("SIGTERM")).toBe(0);
  expect([signalled.killed, closed.killed]).toEqual([[], []]);
});

it("K16 leaves to the signal what it does where nobody else listens, once the relays are closed", async () => {
  const { process, killed } = startApp({ NITRO_SHUTDOWN_SIGNALS: "SIGHUP" });
  const relay = startRelay();
  process.emit("SIGHUP", "SIGHUP");
  expect(killed).toEqual([]);
  await vi.waitFor(() => expect(killed).toEqual([[7, "SIGHUP"]]));
  expect(await relay.isClosed()).toBe(true);
});

it("K16 does not listen where the app shall end at once", () => {
  const { process } = startApp({ NITRO_SHUTDOWN_DISABLED: "1" });
  expect(process.eventNames()).toEqual([]);
});
