import { createStorage, prefixStorage } from "unstorage";
import { afterEach, expect, it } from "vitest";
import type { OneUpstream, RelayOptions } from "../../src/options/types.ts";
import { DEFAULTS } from "../../src/options/defaults.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import { type RelayUnderTest, startRelay } from "../support/relay.ts";

let relay: RelayUnderTest | undefined;
afterEach(async () => {
  await relay?.close();
  relay = undefined;
});

const good: RelayOptions = {
  upstream: { baseURL: "https://api.example.com/v1/", dialect: "openai" },
  credentials: [{ id: "a", apiKey: "sk-a" }],
};

it("K14 applies a default if an option is absent or `undefined`", () => {
  const nothing = Object.fromEntries(Object.keys(DEFAULTS.limits).map((name) => [name, undefined]));
  for (const options of [good, { ...good, limits: nothing, base: undefined, cors: undefined }]) {
    const config = resolveOptions(options);
    const { limits, streaming, scheduling, tokens, responseHeaders, base, cors } = config;
    expect({ limits, streaming, scheduling, tokens, responseHeaders, base, cors }).toEqual(
      DEFAULTS,
    );
  }
});

it("K14 prefers an option to its default, also if it is 0, false or empty", () => {
  const { limits, streaming, responseHeaders, scheduling } = resolveOptions({
    ...good,
    limits: {
      maxWait: 0,
      perCaller: { concurrent: false },
      switchOnFirstRateLimit: false,
      disableOn: [],
      queue: 0,
    },
    streaming: { heartbeat: 0, commitAfter: false, totalTimeout: 5 },
    responseHeaders: { model: false, credential: "x-who" },
    scheduling: { rotateEvery: 7 },
  });
  expect(limits).toEqual({
    ...DEFAULTS.limits,
    maxWait: 0,
    perCaller: { concurrent: false },
    switchOnFirstRateLimit: false,
    disableOn: [],
    queue: 0,
  });
  expect(streaming).toEqual({
    ...DEFAULTS.streaming,
    heartbeat: 0,
    commitAfter: false,
    totalTimeout: 5,
  });
  expect(responseHeaders).toEqual({
    ...DEFAULTS.responseHeaders,
    model: false,
    credential: "x-who",
  });
  expect(scheduling).toEqual({ ...DEFAULTS.scheduling, rotateEvery: 7 });
});

it("K14 changes neither the options nor the defaults", () => {
  const before = JSON.stringify([good, DEFAULTS]);
  const { limits } = resolveOptions(good);
  limits.disableOn.push("UNKNOWN");
  expect(JSON.stringify([good, DEFAULTS])).toBe(before);
});

it("L7 parses a base URL", () => {
  const cases: [string, string, string][] = [
    ["https://api.example.com", "https://api.example.com", ""],
    ["https://api.example.com/", "https://api.example.com", ""],
    ["HTTPS://API.example.com:443/v1/", "https://api.example.com", "/v1"],
    ["http://127.0.0.1:8080/a%20b/v1", "http://127.0.0.1:8080", "/a%20b/v1"],
    ["http://[::1]:99/v1beta", "http://[::1]:99", "/v1beta"],
  ];
  for (const [baseURL, origin, basePath] of cases) {
    const { upstreams } = resolveOptions({ ...good, upstream: { baseURL, dialect: "openai" } });
    expect(upstreams.get("default")!.pools[0]!.endpoints).toEqual([{ origin, basePath }]);
  }
});

it("A3 ranks tiers by number, or by name in their order", () => {
  const tiersOf = (options: Partial<OneUpstream>): number[] =>
    resolveOptions({ ...good, ...options }).credentials.map(({ tier }) => tier);
  const keys = (tiers: (string | number | undefined)[]): Partial<OneUpstream> => ({
    credentials: tiers.map((tier, at) => ({ id: `c${at}`, apiKey: "sk", tier })),
  });
  expect(tiersOf(keys([2, undefined, -1, 0.5]))).toEqual([2, 1, -1, 0.5]);
  expect(tiersOf({ ...keys(["b", "a", undefined]), tiers: ["a", "b"] })).toEqual([1, 0, 0]);
});

it("J7 keeps secrets separate from the shown fields of credentials", () => {
  const config = resolveOptions(good);
  expect(config.secrets.get("a")).toBe("sk-a");
  expect(JSON.stringify(config.credentials)).not.toContain("sk-a");
});

it("K13 accepts a storage with a prefix, whose driver is hidden", async () => {
  const storage = createStorage();
  relay = await startRelay({ count: 1, storage: prefixStorage(storage, "app") });
  relay.upstream.script({ then: { refuse: { kind: "rate-limit", wait: 60_000 } } });
  expect((await relay.chat()).status).toBe(429);
  const { store, cooldowns } = relay.relay.status();
  expect([store.fault, cooldowns.length]).toEqual([undefined, 1]);
  await relay.clock.settle();
  expect((await storage.getKeys()).every((key) => key.startsWith("app:relay:"))).toBe(true);
  expect((await storage.getKeys()).length).toBeGreaterThan(0);
});

it("N10 resolves which proxies are trusted", () => {
  const resolved = (trustProxy: RelayOptions["trustProxy"]): unknown =>
    resolveOptions({ ...good, trustProxy }).trustProxy;
  expect([resolved(undefined), resolved(0), resolved(2), resolved([])]).toEqual([
    undefined,
    0,
    2,
    [],
  ]);
  const texts = (resolved(["loopback", "10.0.0.0/8", "2001:db8::1"]) as { text: string }[]).map(
    ({ text }) => text,
  );
  expect(texts).toEqual(["127.0.0.0/8", "::1", "10.0.0.0/8", "2001:db8::1"]);
  expect(resolved(["private"])).toHaveLength(8);
});
