/** Relays with tokens of the Firebase emulator, on one clock with it. The simulated upstream checks the `exp` of the tokens. */
import { createSimulator, type Simulator } from "../../../simulator/index.ts";
import type { RelayOptions } from "../../../src/options/types.ts";
import { EMULATOR_START, type FirebaseEmulator, startFirebase } from "../../support/firebase.ts";
import { type RelayUnderTest, startRelay } from "../../support/relay.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { loadOfetch } from "../../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

/** The web API key, which must appear only in calls of the emulator. */
export const KEY = "AIzaSyOnlyForTheEmulator0123456789abcde";

/** A Redis database that no other test uses. */
export const REDIS_DB = 9;

/** A `fetch` behind a proxy that removes the key. */
export const withoutKey: typeof fetch = (url, init) => fetch(String(url).replace(KEY, ""), init);

export interface FirebaseWorld {
  emulator: FirebaseEmulator;
  clock: VirtualClock;
  upstream: Simulator;
  start(options: Partial<RelayOptions>): Promise<RelayUnderTest>;
  /** Sets the difference of the issuer's and the upstream's clock to the relay's, in ms. */
  part(off: number): Promise<void>;
  /** Advances all clocks, in ms, and runs the relay's timers. */
  advance(ms: number): Promise<void>;
  /** Advances the relay's clock, slower than calls to other processes, until something has ended that waits for both. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Access tokens in the order in which the upstream saw them. */
  tokens(): string[];
}

/** Starts one emulator for the file, and everything else for each test. */
export function useFirebaseWorld(): FirebaseWorld {
  const world = {} as FirebaseWorld;
  const relays: RelayUnderTest[] = [];
  let off = 0;

  beforeAll(async () => {
    world.emulator = await startFirebase();
  }, EMULATOR_START);
  afterAll(() => world.emulator?.stop());
  beforeEach(async () => {
    const clock = (world.clock = createVirtualClock());
    off = 0;
    const upstreamClock = { now: () => clock.now() + off, after: clock.after };
    world.upstream = await createSimulator({ clock: upstreamClock });
    await world.emulator.reset(world.clock.now());
  });
  afterEach(async () => {
    await world.emulator.hold(false);
    for (const relay of relays.splice(0)) await relay.close();
    await world.upstream.close();
  });

  world.start = async (options) => {
    const { clock, upstream: keep } = world;
    const relay = await startRelay({
      keep,
      clock,
      limits: { perCaller: { concurrent: false }, maxWait: 30_000 },
      ...(options as object),
    });
    relays.push(relay);
    return relay;
  };
  world.part = (by) => {
    off = by;
    return world.emulator.setTime(world.clock.now() + off);
  };
  world.advance = async (ms) => {
    await world.emulator.setTime(world.clock.now() + ms + off);
    await world.clock.advance(ms);
  };
  world.during = async (work) => {
    let isOver = false;
    void work.finally(() => (isOver = true)).catch(() => {});
    while (!isOver) {
      // On a slow machine, a call to another process takes about as long as this one.
      await world.emulator.calls("none");
      await world.clock.advance(20);
    }
    return work;
  };
  world.tokens = () => world.upstream.ledger.calls.map(({ secret }) => secret);
  return world;
}

export function times<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, work));
}

/** Polls until another process has done something. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = performance.now() + 8_000; !(await isSo());) {
    if (performance.now() > end) throw new Error("it never was so");
    await new Promise<void>((go) => setImmediate(go));
  }
}

/** Sends a request and returns the status of a complete answer. Throws when the answer is cut off or ends with an error. */
export async function ask(relay: RelayUnderTest): Promise<number> {
  const response = await relay.chat();
  const text = await response.text();
  if (response.ok && !text.includes("[DONE]")) throw new Error(`no whole answer: ${text}`);
  return response.status;
}
