/** Eight processes and one rotating refresh token: it is used once, whichever process needs it (G5, G6, G7). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDocumented } from "./documented.ts";
import { STORES } from "./messages.ts";
import { createProgram, type Process, type Program } from "./program.ts";
import { createWorld, MISSING } from "./world.ts";

const PROCESSES = 8;
const REQUESTS = 5;
const ROUNDS = 4;
const HOUR = 3_600_000;

let program: Program;
let processes: Process[];
beforeAll(async () => {
  program = await createProgram();
  processes = await Promise.all(Array.from({ length: PROCESSES }, () => program.start()));
}, 60_000);
afterAll(() => program.dispose());

describe.each(STORES)("eight processes on %s", (store) => {
  it.skipIf(MISSING[store])(
    `G5 G6 G7 refresh once for each expiry on ${store}, and every request is served`,
    async () => {
      const world = await createWorld(store, { grants: { a: "refresh-a-planted" } });
      const all = await Promise.all(processes.map((one) => world.enter(one)));
      for (let round = 1; round <= ROUNDS; round++) {
        const asked = all.flatMap((one) => Array.from({ length: REQUESTS }, () => one.ask("a")));
        expect(new Set(await Promise.all(asked))).toEqual(new Set([200]));
        expect(world.upstream.ledger.refreshes).toEqual({
          attempts: round,
          refreshed: round,
          reused: 0,
          revokedGrants: 0,
        });
        await world.pass(HOUR);
      }
      expect(world.upstream.ledger.totals("a", "a").statuses).toEqual({
        200: ROUNDS * PROCESSES * REQUESTS,
      });
      expectDocumented("eight processes, four expiries, 160 requests", store, 0, world.upstream);
      await world.dispose();
    },
    30_000,
  );
});
