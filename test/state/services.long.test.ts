/** One suite over storage drivers with their real clients, before local servers of their services (K1, K2, K18, M1, M2). */
import { afterEach, describe, expect, it } from "vitest";
import type { State } from "../../src/contract/state.ts";
import { createState } from "../../src/state/create-state.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { createRealClock } from "../support/real-clock.ts";
import { isMissing } from "../support/needs.ts";
import { untilSo } from "../support/until.ts";
import { cooldown, HOUR, made, mark } from "./fixtures.ts";
import { areServicesInstalled, SERVICES, type ServicePlace } from "./services.ts";

const clock = createRealClock();
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function placeOf(name: string): Promise<ServicePlace> {
  const place = await SERVICES[name]!();
  closing.push(() => place.dispose());
  return place;
}

interface Opened {
  state: State;
  lines: string[];
  heard: Set<string>;
}

async function openOn(place: ServicePlace): Promise<Opened> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const storage = (await place.open()) as unknown as StateStorage;
  const state = createState({
    storage,
    base: "relay",
    clock,
    random: Math.random,
    log: { debug() {}, info: say, warn: say, error: say },
    secrets: ["a secret that is long enough to be one"],
    credentials: () => ["leaked"],
  });
  const heard = new Set<string>();
  state.follow(({ marks }) => void marks.forEach(({ credential }) => heard.add(credential)));
  closing.push(() => state.close());
  return { state, lines, heard };
}

const until = Date.now() + HOUR;
const one = cooldown("a", { until, writtenAt: Date.now() });

const noServices = isMissing(
  "the packages of storage drivers",
  areServicesInstalled,
  "npm ci --prefix test/state/services",
);

describe.skipIf(noServices).each(Object.keys(SERVICES))("%s", (name) => {
  it("K1 K2 K18 a restart finds everything, or is told what it may lack", async () => {
    const place = await placeOf(name);
    const before = await openOn(place);
    await before.state.load();
    before.state.putCooldown(one);
    before.state.putMark(mark("leaked"));
    before.state.putCredential(made("added"));
    await before.state.flush();
    expect(before.state.health(), before.lines.join("\n")).toMatchObject({
      fault: undefined,
      pendingWrites: 0,
      proven: { keeps: true },
    });
    await before.state.close();

    const after = await openOn(place);
    const loaded = await after.state.load();
    expect(loaded.cooldowns).toEqual([one]);
    expect(loaded.marks).toEqual([mark("leaked")]);
    expect(loaded.credentials).toEqual([made("added")]);
    const { proven, leases, sync } = after.state.health();
    process.stdout.write(`| ${name} | ${JSON.stringify({ leases, sync, ...proven })} |\n`);
  });

  it("M1 M2 two instances hear of each other, and one lease has one holder", async () => {
    const place = await placeOf(name);
    const [a, b] = [await openOn(place), await openOn(place)];
    await a.state.load();
    await b.state.load();
    a.state.putMark(mark("leaked"));
    await a.state.flush();
    await untilSo(() => b.heard.has("leaked"), 20_000);
    const asked = [a, b].map(({ state }) => state.leases.acquire("job", 60_000));
    expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
    expect(a.state.health().fault).toBeUndefined();
  });
});
