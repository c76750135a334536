import { createVirtualClock } from "../support/virtual-clock.ts";
import { H3 } from "h3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { createRelay, defineRelay, type RelayOptions } from "../../src/index.ts";
import { cutMount, isOptionDecisive, placeUnder, toMount } from "../../src/http/mount.ts";
import { type Entry, ENTRIES, type EntryKind } from "../support/entries.ts";
import { makeCredentials } from "../support/relay.ts";

let upstream: Simulator;
let entry: Entry | undefined;
let asked: number;
let lines: string[];

beforeEach(async () => {
  upstream = await createSimulator();
  asked = 0;
  lines = [];
});
afterEach(async () => {
  await entry?.close();
  entry = undefined;
  await upstream.close();
});

function options(mount?: string): RelayOptions {
  const say = (line: string): void => void lines.push(line);
  return {
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: makeCredentials(1),
    authorize: () => (asked++, true),
    log: { debug() {}, info() {}, warn() {}, error: say },
    ...(mount !== undefined && { mount }),
  };
}

const open = async (kind: EntryKind, mount?: string): Promise<Entry> =>
  (entry = await kind.open(() => options(mount ?? (kind.isByOption ? "/ai" : undefined))));

const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error?: { code?: unknown } }).error?.code;

const all = Object.entries(ENTRIES);
const byOption = all.filter(([, { isByOption }]) => isByOption);
const OUTSIDE = [
  "/",
  "/favicon.ico",
  "/aix/models",
  "/ai%2fmodels",
  "/AI/models",
  "/ai;x/models",
  "/x/ai/models",
  "/ai/../models",
  "/_relay/health",
];

describe("a path outside the mount", () => {
  it.each(all)("L15 is a 404 without an upstream call or authorize: %s", async (_name, kind) => {
    const { ask } = await open(kind);
    const statuses: Record<string, number> = {};
    for (const path of kind.isDecoded ? OUTSIDE : [...OUTSIDE, "/%61i/models"])
      statuses[path] = (await ask(path)).status;
    expect(statuses).toEqual(Object.fromEntries(Object.keys(statuses).map((path) => [path, 404])));
    expect([upstream.ledger.total, asked]).toEqual([0, 0]);
    expect((await ask("/ai/models")).status).toBe(200);
    expect(upstream.ledger.last()!.path).toBe("/v1/models");
  });

  it.each(byOption)("L15 names the mount path: %s", async (_name, kind) => {
    const { ask } = await open(kind);
    const response = await ask("/other", { method: "POST", body: "{}" });
    const { error } = (await response.json()) as { error: object };
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([404, "false"]);
    expect(error).toEqual({
      type: "invalid_request_error",
      code: "ERR_RELAY_MOUNT",
      message: expect.stringMatching(
        /^Nothing is relayed at \/[^ ?]*; the relay is mounted on \/ai\.$/,
      ),
    });
    expect([upstream.ledger.total, asked]).toEqual([0, 0]);
  });
});

describe("a relay without a mount", () => {
  it.each(byOption)("L15 relays nothing and logs the reason once: %s", async (_name, kind) => {
    entry = await kind.open(() => options());
    for (const path of ["/", "/ai/models", "/favicon.ico"]) {
      const response = await entry.ask(path);
      expect([response.status, await codeOf(response)]).toEqual([500, "ERR_RELAY_MOUNT_MISSING"]);
    }
    expect([upstream.ledger.total, asked]).toEqual([0, 0]);
    expect(lines).toEqual([expect.stringContaining("relay.fetch(request, { mount })")]);
    expect(lines[0]).toContain("set the option `mount`");
    expect(lines[0]).toContain('app.use("/ai/**", relay)');
  });

  it("L15 logs the reason once, also for requests minutes later", async () => {
    const clock = createVirtualClock();
    const relay = createRelay({ ...options(), clock });
    for (let minute = 0; minute < 3; minute++) {
      await relay.fetch(new Request("http://host.test/models"));
      await clock.advance(61_000);
    }
    expect(lines).toEqual([expect.stringContaining("set the option `mount`")]);
    await relay.close();
  });

  it.each(byOption)('L15 relays every path with `mount: "/"`: %s', async (_name, kind) => {
    const { ask } = await open(kind, "/");
    for (const path of ["/models", "/models/a/b"]) await ask(path);
    expect(upstream.ledger.calls.map(({ path }) => path)).toEqual(["/v1/models", "/v1/models/a/b"]);
  });

  it('L15 relays every path of a call with `mount: "/"`', async () => {
    const relay = createRelay(options("/ai"));
    await relay.fetch(new Request("http://host.test/models"), { mount: "/" });
    expect(upstream.ledger.last()!.path).toBe("/v1/models");
    await relay.close();
  });
});

describe("mounts that disagree", () => {
  it("L15 the call has priority over the option", async () => {
    const relay = createRelay(options("/ai"));
    const ask = (path: string): Promise<Response> =>
      relay.fetch(new Request(`http://host.test${path}`), { mount: "/llm/" });
    expect((await ask("/ai/models")).status).toBe(404);
    expect((await ask("/llm/models")).status).toBe(200);
    await relay.close();
  });

  it("L15 the option decides where a router gives the relay more paths", async () => {
    const handler = defineRelay(options("/api/ai"));
    const app = new H3().all("/api/**", handler as never);
    expect((await app.fetch(new Request("http://host.test/api/models"))).status).toBe(404);
    expect((await app.fetch(new Request("http://host.test/api/ai/models"))).status).toBe(200);
    await handler.close();
  });

  it("L15 the router decides where the option names another path", async () => {
    const handler = defineRelay(options("/ai"));
    const app = new H3().all("/base/ai/**", handler as never);
    expect((await app.fetch(new Request("http://host.test/base/ai/models"))).status).toBe(200);
    expect(upstream.ledger.last()!.path).toBe("/v1/models");
    await handler.close();
  });

  it("L15 `app.mount` of h3 is recognised also where the app itself is mounted, and by `authorize`", async () => {
    const seen: string[] = [];
    const handler = defineRelay({
      ...options(),
      authorize: ({ url }) => (seen.push(new URL(url).pathname), true),
    });
    const inner = new H3().mount("/ai", handler);
    const app = new H3().mount("/api", { fetch: inner.fetch });
    expect((await app.fetch(new Request("http://host.test/api/ai/models"))).status).toBe(200);
    expect(upstream.ledger.last()!.path).toBe("/v1/models");
    expect(seen).toEqual(["/api/ai/models"]);
    await handler.close();
  });
});

describe("forms of a mount path", () => {
  it.each([
    ["/", ""],
    ["", ""],
    ["/ai", "/ai"],
    ["ai", "/ai"],
    ["/ai/", "/ai"],
    ["/ai//", "/ai"],
    ["//ai", "/ai"],
    ["/a b", "/a%20b"],
    ["/kü", "/k%C3%BC"],
    ["/%61i", "/%61i"],
    ["/v1.2/~x", "/v1.2/~x"],
  ])("L15 reads %j as %j", (written, mount) => expect(toMount(written)).toBe(mount));

  it.each([
    ["/ai/x?y", "/ai", "/ai", "/x?y"],
    ["/ai", "/ai", "/ai", ""],
    ["/ai?x", "/ai", "/ai", "?x"],
    ["/aix", "/ai", undefined, "/aix"],
    ["/x", "", "", "/x"],
    ["/x", undefined, undefined, "/x"],
    ["http://host/ai", "", undefined, "http://host/ai"],
  ])("L15 cuts %j at %j", (raw, mount, at, target) =>
    expect(cutMount(raw, mount)).toEqual({ mount: at, target }),
  );

  it.each([
    [undefined, undefined, true],
    ["", undefined, true],
    ["", "/ai", true],
    ["/ai", undefined, false],
    ["/ai", "/ai", true],
    ["/api", "/api/ai", true],
    ["/base/ai", "/ai", false],
    ["/ai", "/aix", false],
    ["/ai", "", false],
  ])("L15 the option decides between router %j and option %j: %j", (router, option, is) =>
    expect(isOptionDecisive(router, option)).toBe(is),
  );

  it("L15 leaves a backslash, which routers treat as a slash, to be rejected", () => {
    expect(placeUnder("/ai/a\\b", 2, undefined)).toEqual({ mount: "", target: "/ai/a\\b" });
    expect(placeUnder("/a?\\", 1, undefined)).toEqual({ mount: undefined, target: "/a?\\" });
  });
});
