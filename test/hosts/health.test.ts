import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { type CommonOptions, createRelay, type RelayOptions } from "../../src/index.ts";
import { type Entry, ENTRIES } from "../support/entries.ts";
import { makeCredentials } from "../support/relay.ts";

const HEALTH = "/ai/_relay/health";

let upstream: Simulator;
let entry: Entry | undefined;
const authorize = vi.fn(() => false);
const onEnd = vi.fn();

beforeEach(async () => {
  upstream = await createSimulator();
  authorize.mockClear();
  onEnd.mockClear();
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(async () => {
  vi.restoreAllMocks();
  await entry?.close();
  entry = undefined;
  await upstream.close();
});

function options(more: Partial<CommonOptions> = {}): RelayOptions {
  return {
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
    authorize,
    hooks: { end: onEnd },
    log: false,
    ...more,
  };
}

describe.each(Object.entries(ENTRIES))("the health of a relay: %s", (_name, kind) => {
  it("J12 is 200 without authorize, an upstream call or an end event", async () => {
    entry = await kind.open(() => options());
    const response = await entry.ask(HEALTH);
    expect([response.status, await response.text()]).toEqual([200, '{"ok":true}']);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect((await entry.ask(`${HEALTH}?probe=1`)).status).toBe(200);
    expect([authorize, onEnd].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
    expect(upstream.ledger.total).toBe(0);
  });

  it("J12 answers HEAD, and no other method", async () => {
    entry = await kind.open(() => options());
    const head = await entry.ask(HEALTH, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      const response = await entry.ask(HEALTH, { method });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
      expect(await response.text()).toContain("ERR_RELAY_METHOD");
    }
  });

  it("J12 is 503 while the options are wrong, and 200 once they are correct", async () => {
    const env: { KEY?: string } = {};
    entry = await kind.open(() => options({ credentials: [{ id: "a", apiKey: env.KEY }] }));
    const response = await entry.ask(HEALTH);
    expect([response.status, await response.text()]).toEqual([503, '{"ok":false}']);
    env.KEY = "sk-right-0123456789";
    expect((await entry.ask(HEALTH)).status).toBe(200);
  });

  it("J12 is 503 once the relay closes", async () => {
    entry = await kind.open(() => options());
    expect((await entry.ask(HEALTH)).status).toBe(200);
    const closing = entry.relay.close();
    const response = await entry.ask(HEALTH);
    expect([response.status, await response.text()]).toEqual([503, '{"ok":false}']);
    await closing;
    expect((await entry.ask(HEALTH)).status).toBe(503);
  });
});

it("J12 is 503 where the relay was closed before it started", async () => {
  const relay = createRelay(() => options());
  await relay.close();
  expect((await relay.fetch(new Request(`http://host.test${HEALTH}`))).status).toBe(503);
});

it("J12 does not wait for the store, and does not report it", async () => {
  const hang = (): Promise<never> => new Promise(() => {});
  const storage = { getItem: hang, setItem: hang, getItems: hang, removeItem: hang, getKeys: hang };
  const relay = createRelay(() => options({ storage }));
  const response = await relay.fetch(new Request(`http://host.test${HEALTH}`));
  expect(response.status).toBe(200);
});

it("J12 J10 is served at its own path only", async () => {
  const relay = createRelay(() => options({ authorize: () => true }));
  const paths = ["/ai/_relay", "/ai/_relay/health/", "/ai/_relay/healthy", "/ai/_RELAY/health"];
  for (const path of paths) {
    const response = await relay.fetch(new Request(`http://host.test${path}`));
    expect([path, response.status]).toEqual([path, 404]);
  }
  expect(upstream.ledger.total).toBe(0);
  await relay.close();
});
