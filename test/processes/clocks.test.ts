/** Processes whose clocks are an hour apart: one refresh an expiry, one limit on creating, cooldowns as long as they were meant (G3, H2, K12). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STORES, type StoreName } from "./messages.ts";
import { createProgram, type Process, type Program } from "./program.ts";
import { createWorld, MISSING, type Resident, type World } from "./world.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;
const OFF = [HOUR, 0, -HOUR];
/** Stores with a clock of their own, which all go by. */
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
        // Another clock is the first to refresh each time.
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
      await world.dispose();
    },
    60_000,
  );
});
