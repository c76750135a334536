import { describe, expect, it } from "vitest";
import { TokenError } from "../../src/tokens/token-error.ts";
import { type Bench, createBench, createSource, type Instance } from "./bench.ts";

const HOUR = 3_600_000;
const outage = (): TokenError => new TokenError({ step: "refresh", code: "NETWORK" });

/** Advances the clock while a token is awaited. Returns whether there is one. */
async function prepared({ clock }: Bench, { keeper }: Instance, ms = 0): Promise<string> {
  let outcome = "waiting";
  void keeper.ensure("a").then((ok) => (outcome = ok ? "ready" : "none"));
  await clock.advance(ms);
  return outcome;
}

describe("a refresh token that rotates", () => {
  it("G9 M4 survives an outage of its server, however often it is sent in vain", async () => {
    const bench = createBench();
    const source = createSource();
    source.answers = Array.from({ length: 6 }, outage);
    const one = bench.start({ a: source });
    for (let times = 0; times < 6; times++) {
      expect(await prepared(bench, one)).toBe("none");
      await bench.clock.advance(HOUR);
    }
    expect(one.lost).toEqual([]);
    expect(await prepared(bench, one)).toBe("ready");
    expect(one.keeper.status("a")!.unsure).toBe(0);
  });

  it("G9 M4 survives the outage on an instance that starts during it, too", async () => {
    const bench = createBench();
    const source = createSource();
    source.answers = Array.from({ length: 3 }, outage);
    for (let times = 0; times < 3; times++)
      expect(await prepared(bench, bench.start({ a: source }), 1_000)).toBe("none");
    expect(await prepared(bench, bench.start({ a: source }))).toBe("ready");
  });

  it("M4 is not sent a third time after two processes were killed, whatever outage lies between them", async () => {
    const bench = createBench();
    const source = createSource();
    const dies = async (): Promise<void> => {
      const death = { isDead: false };
      source.answers = [() => new Promise<never>(() => {})];
      expect(await prepared(bench, bench.start({ a: source }, { death }))).toBe("waiting");
      death.isDead = true;
      await bench.clock.advance(HOUR);
    };
    await dies();
    const lives = bench.start({ a: source });
    source.answers = Array.from({ length: 6 }, outage);
    for (let times = 0; times < 6; times++) {
      expect(await prepared(bench, lives)).toBe("none");
      await bench.clock.advance(HOUR);
    }
    expect([lives.lost, lives.keeper.status("a")!.unsure]).toEqual([[], 6]);
    await dies();
    const { length } = source.asked;
    const last = bench.start({ a: source });
    expect(await prepared(bench, last)).toBe("none");
    expect(last.lost).toEqual([{ credential: "a", code: "UNSURE" }]);
    expect(source.asked).toHaveLength(length);
  });

  it("G7 is replaced by the one that came with an unusable access token", async () => {
    const bench = createBench();
    const source = createSource();
    source.answers = [{ expiresIn: 0 }];
    const one = bench.start({ a: source });
    expect(await prepared(bench, one)).toBe("none");
    await bench.clock.advance(10_000);
    expect(await prepared(bench, one)).toBe("ready");
    expect(source.asked).toEqual(["refresh-0", "refresh-1"]);
  });

  it("K15 G7 is not sent before the store has been read, not even by the only instance", async () => {
    const bench = createBench();
    const [early, blind] = [createSource(), createSource()];
    const notLoaded = bench.start({ a: early }, { instances: 1, isLoaded: false });
    expect(await prepared(bench, notLoaded)).toBe("none");
    bench.store.isDown = true;
    expect(await prepared(bench, bench.start({ a: blind }, { instances: 1 }))).toBe("none");
    expect([early.asked, blind.asked]).toEqual([[], []]);
  });

  it("G7 K4 is stored as soon as the store is back, when it was received during an outage of the store", async () => {
    const bench = createBench();
    const source = createSource();
    const one = bench.start({ a: source }, { instances: 1 });
    expect(await prepared(bench, one)).toBe("ready");
    bench.store.isDown = true;
    await bench.clock.advance(HOUR);
    expect(await prepared(bench, one)).toBe("ready");
    expect(one.unsaved).toEqual(["a"]);
    bench.store.isDown = false;
    await bench.clock.advance(60_000);
    const two = bench.start({ a: source }, { instances: 1 });
    expect(await prepared(bench, two)).toBe("ready");
    expect(source.asked).toEqual(["refresh-0", "refresh-1"]);
  });
});

describe("a refresh", () => {
  it("G10 ends after 30 s, whether or not its source listens to the signal", async () => {
    const bench = createBench();
    const source = createSource({ rotates: false });
    source.answers = [() => new Promise(() => {})];
    const one = bench.start({ a: source });
    expect(await prepared(bench, one, 30_000)).toBe("none");
    await bench.clock.advance(10_000);
    expect(await prepared(bench, one)).toBe("ready");
  });

  it("M3 ends when a newer lease has replaced its own, and uses the token of the other instance", async () => {
    const bench = createBench();
    const source = createSource();
    // Its process is suspended between the answer and the store for longer than its lease.
    let answer = (): void => {};
    source.answers = [() => new Promise((resolve) => (answer = () => resolve({})))];
    const death = { isDead: false };
    const slow = bench.start({ a: source }, { death });
    void slow.keeper.ensure("a");
    await bench.clock.advance(1_000);
    death.isDead = true;
    await bench.clock.advance(60_000);
    expect(await prepared(bench, bench.start({ a: source }))).toBe("ready");
    death.isDead = false;
    answer();
    await bench.clock.advance(120_000);
    await bench.clock.advance(HOUR);
    expect(await prepared(bench, slow, 1_000)).toBe("ready");
    expect(source.asked).toEqual(["refresh-0", "refresh-0", "refresh-1"]);
  });
});
