import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, it, vi } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import { oauth } from "../../src/index.ts";
import { createSystemClock } from "../../src/wiring/system-clock.ts";
import { createRealClock } from "../support/real-clock.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";

const HOUR = 3_600_000;
const JUMPS = [HOUR, -HOUR];
/** So long that the relay's clock has compared itself with the wall clock. */
const LOOKED = 1_100;

const realNow = Date.now;
let relay: RelayUnderTest;
afterEach(async () => {
  vi.restoreAllMocks();
  await relay.close();
});

/** The clock that a relay has by default, with what the support functions of the tests need. */
const createClock = (): VirtualClock => {
  const { advance, settle, pending } = createRealClock();
  return Object.assign(createSystemClock(), { advance, settle, pending });
};
const start = async (options: UnderTestOptions): Promise<void> => {
  const clock = createClock();
  relay = await startRelay({
    count: 1,
    clock,
    ...options,
    simulator: { clock: createClock(), ...options.simulator },
  });
};
const jump = (by: number): void =>
  void vi.spyOn(Date, "now").mockImplementation(() => realNow() + by);

it.each(JUMPS)("K12 a wall clock that jumps by %i ms cuts no stream", async (by) => {
  await start({
    streaming: { idleTimeout: 1_500, heartbeat: 100, firstByteTimeout: 2_000 },
  });
  relay.upstream.script({ then: { events: 4, interval: 600 } });
  const response = await relay.chat();
  await sleep(300);
  jump(by);
  expect(await response.text()).toContain("[DONE]");
  expect(await relay.ended()).toMatchObject({ reason: "completed" });
});

it.each(JUMPS)("K12 a wall clock that jumps by %i ms locks no key", async (by) => {
  await start({ limits: { maxWait: 0 } });
  const status = async (): Promise<number> => {
    const response = await relay.chat();
    await response.arrayBuffer();
    return response.status;
  };
  relay.upstream.script({
    when: { nth: 1 },
    then: {
      reply: {
        status: 429,
        headers: { "content-type": "application/json", "retry-after": "3" },
        body: JSON.stringify({ error: { message: "The quota of this model is exhausted." } }),
      },
    },
  });
  expect(await status()).toBe(429);
  jump(by);
  await sleep(LOOKED);
  if (by < 0) expect(await status()).toBe(429);
  await sleep(3_000 - LOOKED + 200);
  expect(await status()).toBe(200);
});

it.each(JUMPS)("K12 a wall clock that jumps by %i ms spoils no token", async (by) => {
  const lifetime = 3_000;
  const upstream = await createSimulator({
    clock: createClock(),
    tokens: { grants: { a: "refresh-a" }, lifetime },
  });
  try {
    const token = oauth({
      tokenURL: `${upstream.url}/oauth/token`,
      clientId: "client",
      refreshToken: "refresh-a",
    });
    await start({ keep: upstream, credentials: [{ id: "a", token }] });
    const status = async (): Promise<number> => {
      const response = await relay.chat();
      await response.arrayBuffer();
      return response.status;
    };
    expect(await status()).toBe(200);
    jump(by);
    // Past the token's lifetime, by the upstream's clock: a token of an hour ago would be refused.
    await sleep(lifetime + 300);
    expect(await status()).toBe(200);
    const refused = upstream.ledger.calls.filter(({ status: code }) => code === 401);
    expect(refused).toEqual([]);
  } finally {
    await upstream.close();
  }
});
