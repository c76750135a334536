import { describe, expect, it } from "vitest";
import { CALL_TIME, MAX_COUNT_TO_CALL } from "../../src/anonymous/creation-window.ts";
import {
  createCreationLimiter,
  type CreationLimiter,
} from "../../src/anonymous/creation-limiter.ts";
import { createSharedStore, type SharedStore } from "../support/shared-store.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const LIMITS = { perHour: 10, perDay: 50, spacing: 60_000 };
const wanted = (): Promise<boolean> => Promise.resolve(true);

function start(ahead = 0) {
  const clock = createVirtualClock();
  const store = createSharedStore(clock, { ahead });
  let pause = 0;
  const step = (): Promise<void> =>
    pause === 0 ? Promise.resolve() : new Promise((resolve) => void clock.after(pause, resolve));
  const connect = (instance: string): CreationLimiter =>
    createCreationLimiter({ key: "k", ...store.connect(step), clock, instance, isOnly: false });
  return { clock, store, connect, slow: (ms: number) => void (pause = ms) };
}

const recordsOf = ({ creations }: SharedStore) => [...creations.values()];

describe("an attempt", () => {
  it("H2 is stored before its call, and gets its end afterwards", async () => {
    const { clock, store, connect } = start(5_000);
    const seen: unknown[] = [];
    const create = async (): Promise<string> => {
      seen.push(...recordsOf(store));
      await new Promise<void>((resolve) => void clock.after(2_000, resolve));
      return "token";
    };
    const at = clock.now() + 5_000;
    const came = connect("a").attempt(LIMITS, wanted, create);
    await clock.advance(2_000);
    expect(await came).toEqual({ kind: "made", value: "token" });
    expect(seen).toEqual([{ limiter: "k", id: "a-1", at, endedAt: undefined }]);
    expect(recordsOf(store)).toEqual([{ limiter: "k", id: "a-1", at, endedAt: at + 2_000 }]);
  });

  it("H2 is not made when counting took too long, and stays counted", async () => {
    const { clock, store, connect, slow } = start();
    let calls = 0;
    slow(MAX_COUNT_TO_CALL / 4);
    const limiter = connect("a");
    const came = limiter.attempt(LIMITS, wanted, async () => void calls++);
    await clock.advance(60_000);
    expect(await came).toMatchObject({ kind: "later" });
    expect(calls).toBe(0);
    expect(recordsOf(store)).toHaveLength(1);
    expect(limiter.counts()).toEqual({ hour: 1, day: 1 });
  });

  it("H2 reports the next attempt by our own clock, whatever the store's clock says", async () => {
    const { clock, connect } = start(3_600_000);
    const first = connect("a");
    await first.attempt(LIMITS, wanted, async () => 1);
    const second = connect("b");
    const at = clock.now() + 60_000;
    expect(await second.attempt(LIMITS, wanted, async () => 2)).toEqual({ kind: "later", at });
    expect(second.nextAt(LIMITS)).toBe(at);
  });

  it("H2 counts from the last moment of its call when its process died", async () => {
    const { clock, store, connect } = start();
    store.creations.set("dead-1", {
      limiter: "k",
      id: "dead-1",
      at: clock.now(),
      endedAt: undefined,
    });
    const came = await connect("a").attempt(LIMITS, wanted, async () => 1);
    expect(came).toEqual({
      kind: "later",
      at: clock.now() + CALL_TIME + MAX_COUNT_TO_CALL + 60_000,
    });
  });

  it("H2 is neither counted nor made when it is not wanted any more", async () => {
    const { store, connect } = start();
    const came = await connect("a").attempt(
      LIMITS,
      async () => false,
      async () => 1,
    );
    expect(came).toEqual({ kind: "unwanted" });
    expect(store.creations.size).toBe(0);
  });
});
