/** Processes whose clocks differ by an hour: one refresh per expiry, one creation limit, cooldowns of the intended length (G3, H2, K12). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDocumented } from "./documented.ts";
import { STORES, type StoreName } from "./messages.ts";
import { createProgram, type Process, type Program } from "./program.ts";
import { createWorld, MISSING, type Resident, type World } from "./world.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const LIMITS = { perHour: 10, perDay: 50, spacing: MINUTE };
const OFF = [HOUR, 0, -HOUR];
/** Stores with a clock of their own, which all processes use. */
const CLOCKED: readonly StoreName[] = STORES.filter((store) => store !== "files");

let program: Program;
let processes: Process[];
beforeAll(async () => {
  program = await createProgram();
  processes = await Promise.all(OFF.map(() => program.start()));
}, 60_000);
afterAll(() => program.dispose());

const enterAll = (world: World): Promise<Resident[]> =>
  Promise.all(processes.map((one, at) => world.enter(one, OFF[at])));

describe.concurrent.each(CLOCKED)("clocks an hour apart, on %s", (store) => {
  it.skipIf(MISSING[store])(
    `G3 G6 K12 a token is refreshed once for each expiry on ${store}`,
    async () => {
      const world = await createWorld(store, { grants: { a: "refresh-a-planted" } });
      const all = await enterAll(world);
      const { refreshes } = world.upstream.ledger;
      for (let expiry = 1; expiry <= 4; expiry++) {
        // The process with another clock is the first to refresh each time.
        const first = all[expiry % all.length]!;
        expect(await first.ask("a")).toBe(200);
        for (let minutes = 0; minutes < 50; minutes += 10) {
          const statuses = await Promise.all(all.map((one) => one.ask("a")));
          expect(statuses, `${minutes} minutes after refresh ${expiry}`).toEqual([200, 200, 200]);
          expect(refreshes.attempts, `${minutes} minutes after refresh ${expiry}`).toBe(expiry);
          await world.pass(10 * MINUTE);
        }
        await world.pass(15 * MINUTE);
      }
      expect(refreshes).toMatchObject({ refreshed: 4, reused: 0, revokedGrants: 0 });
      const { statuses } = world.upstream.ledger.totals("a", "a");
      expect(statuses).toEqual({ 200: 4 * (1 + 5 * all.length) });
      expectDocumented("three clocks an hour apart, four expiries", store, 0, world.upstream);
      await world.dispose();
    },
    60_000,
  );

  it.skipIf(MISSING[store])(
    `H2 K12 the creation limit holds on ${store}, whichever process creates`,
    async () => {
      const world = await createWorld(store, {
        guests: { guests: "firebase" },
        simulator: { creations: LIMITS },
      });
      const all = await enterAll(world);
      const { creations } = world.upstream.ledger;
      for (let minute = 0; minute < 75; minute++) {
        const statuses = await Promise.all(all.map((one) => one.ask("guests")));
        expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
        await world.pass(MINUTE + 1_000);
      }
      expect(creations.refused).toBe(0);
      // Ten in each hour that was begun: no process's clock prevents the others from creating.
      expect(creations.created).toBeGreaterThanOrEqual(15);
      expect(creations.created).toBeLessThanOrEqual(20);
      await world.dispose();
    },
    60_000,
  );

  it.skipIf(MISSING[store])(
    `K12 M1 a cooldown ends for all processes at the same moment on ${store}, whichever caused it`,
    async () => {
      const keys = { left: "sk-left-0123456789", right: "sk-right-0123456789" };
      for (const [name, who] of [
        ["left", 0],
        ["right", 2],
      ] as const) {
        const world = await createWorld(store, { keys });
        const all = await enterAll(world);
        const hints = ["retry-after"] as const;
        world.upstream.script({
          when: { credential: name, first: 1 },
          then: { refuse: { kind: "quota", wait: 20 * MINUTE, hints } },
        });
        expect(await all[who]!.ask(name)).toBe(429);
        for (const one of all) await untilKnown(one, name);
        await world.pass(19 * MINUTE);
        for (const one of all) expect(await one.ask(name)).toBe(429);
        expect(world.upstream.ledger.byCredential()[name]).toBe(1);
        await world.pass(2 * MINUTE);
        for (const one of all) expect(await one.ask(name)).toBe(200);
        await world.dispose();
      }
    },
    60_000,
  );
});

/** A change reaches the other processes within a second or two. */
async function untilKnown(resident: Resident, credential: string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const { cooldowns } = await resident.status();
    if (cooldowns.some((it) => it.credential === credential)) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it never hears of the cooldown");
}
