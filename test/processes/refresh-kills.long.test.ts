/**
 * SIGKILL at every step of a refresh, a hundred times; the provider's ledger shows whether anything was lost (M4, G7, G8).
 * Leases and refreshes have the real times: they pass by advancing the clocks of all processes.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CredentialStatus } from "../../src/index.ts";
import { expectDocumented } from "./documented.ts";
import { prepare, type Step } from "./killing.ts";
import { STORES, type StoreName } from "./messages.ts";
import { createProgram, type Process, type Program } from "./program.ts";
import { createWorld, MISSING, type Resident, type World } from "./world.ts";

const HOUR = 3_600_000;
/** How long a request waits for its token (G11), and more than a lease lasts. */
const TOKEN_WAIT = 6_000;
const LEASE = 46_000;
/** A store with a new identity grants no lease for an irreversible action. */
const NAMED = 5_000;

/** Outside the window that M4 names: the next process continues, and nothing is lost. */
const outside = (store: StoreName): Step[] => [
  { name: "the lease is taken", death: { at: "before", method: "getItems", key: ":t:", nth: 2 } },
  {
    name: "the intent is being written",
    death: { at: store === "files" ? "torn" : "before", method: "setItem", key: ":n:" },
  },
  { name: "the intent is written", death: { at: "after", method: "setItem", key: ":n:" } },
  {
    name: "the request is sent, and the provider has done nothing",
    operation: "oauth-token",
    hasActed: false,
  },
  { name: "the token is written", death: { at: "after", method: "setItem", key: ":t:" } },
  { name: "the lease is given back", death: { at: "after", method: "refresh" } },
];

/** Between the provider's response and the relay's write. */
const inside = (store: StoreName): Step[] => [
  {
    name: "the provider has answered, and nothing has come back",
    operation: "oauth-token",
    hasActed: true,
  },
  { name: "the answer is here", death: { at: "after", method: "fetch", url: "/oauth/token" } },
  {
    name: "the token is being written",
    death: { at: store === "files" ? "torn" : "before", method: "setItem", key: ":t:" },
  },
];

const LINES = ["a", "b", "c"];
const ROUNDS = 6;
/** One for each round: the window costs the grant. */
const WINDOWS = Array.from({ length: ROUNDS }, (_, round) => `w${round}`);
const grantOf = (name: string): string => `refresh-${name}-planted`;

let program: Program;
let survivor: Process;
beforeAll(async () => {
  program = await createProgram();
  survivor = await program.start();
}, 60_000);
afterAll(() => program.dispose());

/** Starts a process that requests the token of `name`, and dies at `step`. */
async function kill(world: World, name: string, step: Step): Promise<void> {
  const victim = await world.enter(await program.start());
  await prepare(world, victim.process, step, { credential: name });
  const asked = victim.ask(name).catch(() => 0);
  expect(await victim.process.ended, step.name).toBe("SIGKILL");
  expect(await asked, step.name).toBe(0);
}

/** Requests until there is a result. Time is advanced where the relay says that it waits, and not during a refresh. */
async function askUntil(
  world: World,
  resident: Resident,
  name: string,
  isDone: (status: number, credential: CredentialStatus) => boolean,
): Promise<void> {
  const seen: unknown[] = [];
  for (let tries = 1; tries <= 20; tries++) {
    const status = await resident.ask(name);
    const credential = await resident.credential(name);
    seen.push([status, credential.disabled, credential.token]);
    if (isDone(status, credential)) return;
    if (credential.token!.retryAt !== undefined) await world.pass(TOKEN_WAIT);
  }
  throw new Error(`nothing comes of ${name}: ${JSON.stringify([seen.slice(0, 3), seen.at(-1)])}`);
}

describe.concurrent.each(STORES)("a lease holder that dies, on %s", (store) => {
  it.skipIf(MISSING[store])(
    `M4 G7 G8 25 times: outside the window nothing is lost on ${store}, inside it the old token is sent once more`,
    async () => {
      const grants = Object.fromEntries([...LINES, ...WINDOWS].map((one) => [one, grantOf(one)]));
      const world = await createWorld(store, { grants });
      const { refreshes } = world.upstream.ledger;
      const next = await world.enter(survivor);
      await world.pass(NAMED);
      const [steps, windows] = [outside(store), inside(store)];
      let kills = 0;

      /** The old token, if it is sent at all, is refused as used; after that no process sends it. */
      async function expectLost(name: string, sentAgain: number, error: string): Promise<void> {
        const { attempts, reused } = refreshes;
        await askUntil(world, next, name, (_, { disabled }) => disabled !== undefined);
        for (let tries = 0; tries < 2; tries++) {
          await world.pass(TOKEN_WAIT);
          expect(await next.ask(name)).toBe(503);
        }
        const seen = {
          sentAgain: refreshes.attempts - attempts,
          reused: refreshes.reused - reused,
        };
        expect(seen, name).toEqual({ sentAgain, reused: sentAgain });
        expect(await next.credential(name)).toMatchObject({
          disabled: { cause: "relogin" },
          token: { needsRelogin: expect.stringContaining(error) as string, unsure: sentAgain },
        });
      }

      for (let round = 0; round < ROUNDS; round++) {
        const window = WINDOWS[round]!;
        const stepOf = (line: number): Step => steps[(round + 2 * line) % steps.length]!;
        await Promise.all([
          ...LINES.map((name, line) => kill(world, name, stepOf(line))),
          kill(world, window, windows[round % windows.length]!),
        ]);
        kills += LINES.length + 1;

        // Until the lease of the dead process expires, no other process calls the provider.
        const { attempts } = refreshes;
        const waiting = LINES.map((name) => next.ask(name));
        await world.pass(TOKEN_WAIT);
        await Promise.all(waiting);
        expect(refreshes.attempts).toBe(attempts);

        await world.pass(LEASE);
        for (const name of LINES) await askUntil(world, next, name, (status) => status === 200);
        if (round < ROUNDS - 1) await expectLost(window, 1, "UNAUTHENTICATED");
        await world.pass(HOUR);
      }

      // The process that sends it once more dies, too: no process sends it a third time.
      await kill(world, WINDOWS.at(-1)!, inside(store)[0]!);
      await world.pass(LEASE);
      await expectLost(WINDOWS.at(-1)!, 0, "UNSURE");

      expectDocumented("a holder dies in a refresh", store, kills + 1, world.upstream);
      const served = LINES.length * ROUNDS;
      expect(refreshes).toEqual({
        attempts: served + 2 * ROUNDS,
        refreshed: served + ROUNDS,
        reused: ROUNDS,
        revokedGrants: ROUNDS,
      });
      for (const name of LINES) {
        expect(world.upstream.grants.get(name)).toMatchObject({ revoked: false });
        // Whether it was sent is unknown where its sender died with the intent written.
        const { token } = await next.credential(name);
        expect(token).toMatchObject({ unsure: 2 });
        expect(token).not.toHaveProperty("needsRelogin");
      }
      await world.dispose();
    },
    120_000,
  );
});
