import { expect, it } from "vitest";
import type { LoadedState } from "../../src/contract/state.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import { DisabledCredentials } from "../../src/cooldowns/disabled-credentials.ts";
import { createReporter, silentLog } from "../../src/observe/reporter.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import { StateRestorer } from "../../src/wiring/restore-state.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

/** A restorer over a load that the test controls. `loads`: for each call of `onLoad`, whether the load succeeded. */
function createBench(load: () => Promise<LoadedState>): {
  clock: VirtualClock;
  restorer: StateRestorer;
  loads: boolean[];
} {
  const clock = createVirtualClock();
  const loads: boolean[] = [];
  const restorer = new StateRestorer({
    config: resolveOptions({
      upstream: { baseURL: "http://127.0.0.1:1/v1", dialect: "openai" },
      credentials: [{ id: "c1", apiKey: "sk-c1" }],
    }),
    reporter: createReporter(silentLog(), clock),
    clock,
    cooldowns: new Cooldowns(),
    disabled: new DisabledCredentials(() => {}),
    pools: new Map(),
    state: { load, unread: () => [], follow: () => {}, putMark: () => {} },
    onCredentials: async () => {},
    onMark: () => {},
    onLoad: (isLoaded) => void loads.push(isLoaded),
  });
  return { clock, restorer, loads };
}

async function isSettled(work: Promise<unknown>, clock: VirtualClock): Promise<boolean> {
  let settled = false;
  void work.then(() => (settled = true));
  await clock.settle();
  return settled;
}

it("K15 lets the first requests wait 2 s for a store that does not answer, and the later ones not at all", async () => {
  const { clock, restorer, loads } = createBench(() => new Promise(() => {}));
  const first = restorer.waitForLoad();
  await clock.advance(1_999);
  const second = restorer.waitForLoad();
  expect(await isSettled(first, clock)).toBe(false);
  await clock.advance(1);
  expect(await isSettled(first, clock)).toBe(true);
  expect(loads).toEqual([false]);
  expect(await isSettled(restorer.waitForLoad(), clock)).toBe(true);
  await clock.advance(1_999);
  expect(await isSettled(second, clock)).toBe(true);
});

it("K15 K5 loads again 5 s after a load that failed, and reports both", async () => {
  let count = 0;
  const { clock, restorer, loads } = createBench(() =>
    count++ === 0
      ? Promise.reject(new Error("down"))
      : Promise.resolve({ cooldowns: [], marks: [], credentials: [] } as unknown as LoadedState),
  );
  await restorer.loaded;
  expect(loads).toEqual([false]);
  await clock.advance(4_999);
  expect(count).toBe(1);
  await clock.advance(1);
  await restorer.settled();
  expect([count, loads]).toEqual([2, [false, true]]);
});

it("K16 starts no load after `stop`", async () => {
  let count = 0;
  const { clock, restorer } = createBench(() => {
    count++;
    return Promise.reject(new Error("down"));
  });
  await restorer.loaded;
  await restorer.stop();
  await clock.advance(60_000);
  restorer.retry();
  expect(count).toBe(1);
});
