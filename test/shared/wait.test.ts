import { describe, expect, it } from "vitest";
import { pause, settledWithin } from "../../src/shared/wait.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

/** True when `promise` has settled by now. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Promise.resolve().then(() => false)]);
}

describe("a pause", () => {
  it("resolves after its time", async () => {
    const clock = createVirtualClock();
    const { promise } = pause(1_000, clock);
    await clock.advance(999);
    expect(await hasSettled(promise)).toBe(false);
    await clock.advance(1);
    await promise;
  });

  it("resolves at once when it is ended, and leaves no timer", async () => {
    const clock = createVirtualClock();
    const { promise, end } = pause(1_000, clock);
    end();
    await promise;
    expect(clock.pending()).toBe(0);
  });
});

describe("waiting for work", () => {
  it.each([() => Promise.resolve(1), () => Promise.reject(new Error("failed"))])(
    "ends with the work, whether it resolves or rejects, and leaves no timer",
    async (work) => {
      const clock = createVirtualClock();
      await settledWithin(work(), 1_000, clock);
      expect(clock.pending()).toBe(0);
    },
  );

  it("ends after the limit when the work does not settle", async () => {
    const clock = createVirtualClock();
    const waiting = settledWithin(new Promise(() => {}), 1_000, clock);
    await clock.advance(1_000);
    await waiting;
  });
});
