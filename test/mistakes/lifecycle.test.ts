/** Calls in the wrong order: what the newcomer's own code gets. */
import { afterEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import { createRelay, type Relay, type RelayOptions } from "../../src/index.ts";
import { closeAll, KEY, later } from "./bench.ts";

afterEach(closeAll);

async function options(): Promise<RelayOptions> {
  const upstream = await createSimulator({ keys: { a: KEY } });
  later(() => upstream.close());
  return {
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: [{ id: "team-a", apiKey: KEY }],
    authorize: () => true,
    log: false,
  };
}

function made(from: () => RelayOptions | Promise<RelayOptions>): Relay {
  const relay = createRelay(from);
  later(() => relay.close());
  return relay;
}

const request = (): Request => new Request("http://app.test/ai/models");
const errorOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error: unknown }).error;

it("L13 status() before an async factory has settled names the call to await", async () => {
  const relay = made(options);
  expect(() => relay.status()).toThrow(
    "The relay has not started: the function that returns its options is asynchronous; call `await relay.ready()` first.",
  );
  await relay.ready();
  expect(relay.status().credentials).toHaveLength(1);
});

it("L13 `await relay.ready` without the call does not compile where its result is used, and starts nothing", async () => {
  const relay = made(options);
  // @ts-expect-error It is a method: what it is awaited for is not there.
  const nothing: void = await relay.ready;
  expect(nothing).toBeTypeOf("function");
  expect(() => relay.status()).toThrow("call `await relay.ready()` first");
});

it("K16 closing twice is closing once", async () => {
  const relay = made(options);
  await relay.ready();
  await Promise.all([relay.close(), relay.close()]);
  await expect(relay.close()).resolves.toBeUndefined();
});

it.each(["one that has started", "one that has not"])(
  "K16 %s reports that it is closed",
  async (which) => {
    const relay = made(options);
    if (which === "one that has started") await relay.ready();
    await relay.close();
    const response = await relay.fetch(request());
    expect(response.status).toBe(503);
    expect(await errorOf(response)).toMatchObject({
      code: "ERR_RELAY_CLOSED",
      message: "The relay is shutting down and accepts no new requests.",
    });
  },
);

it("N10 too many requests from one address name the limit", async () => {
  const given = await options();
  const relay = made(() => ({
    ...given,
    authorize: undefined,
    limits: { perCaller: { concurrent: 1 } },
  }));
  const where = { address: "203.0.113.1" };
  const [first, second] = await Promise.all([
    relay.fetch(request(), where),
    relay.fetch(request(), where),
  ]);
  expect(first!.status).toBe(200);
  expect([second!.status, second!.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await errorOf(second!)).toMatchObject({
    code: "ERR_RELAY_CALLER_BUSY",
    message:
      "Too many concurrent requests: the limit is 1 for this address; retry when a request has ended.",
  });
});
