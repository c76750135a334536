/**
 * SIGKILL at every step of the creation of an anonymous token: every attempt stays counted, and none is repeated (H2, H5, M4).
 * The provider's ledger is the reference: its own limit is the one that the relay keeps.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { expectDocumented } from "./documented.ts";
import { prepare, type Step } from "./killing.ts";
import { STORES, type StoreName } from "./messages.ts";
import { createProgram, type Process, type Program } from "./program.ts";
import { createWorld, MISSING, type Resident, type World } from "./world.ts";

const LIMITS = { perHour: 10, perDay: 50, spacing: 60_000 };
const HOUR = 3_600_000;
/** The clocks are advanced by this much, and by more than a lease lasts. */
const SECONDS = 8_000;
const LEASE = 71_000;

interface Kill {
  step: Step;
  /** Counted, and never seen by the provider. */
  isUnsent?: boolean;
  /** The token is stored: the next process serves with it. */
  isKept?: boolean;
}

function writing(
  store: StoreName,
  key: string,
  nth = 1,
): Extract<Step, { death: unknown }>["death"] {
  return { at: store === "files" ? "torn" : "before", method: "setItem", key, nth };
}

const firebase = (store: StoreName): Kill[] => [
  { step: { name: "the lease is taken", death: { at: "before", method: "getKeys", key: ":a" } } },
  {
    step: { name: "the attempt is being written", death: writing(store, ":a:") },
    isUnsent: store === "files",
  },
  {
    step: { name: "the attempt is written", death: { at: "after", method: "setItem", key: ":a:" } },
    isUnsent: true,
  },
  { step: { name: "it is sent, and nothing is done", operation: "sign-up", hasActed: false } },
  { step: { name: "it is done, and nothing has come back", operation: "sign-up", hasActed: true } },
  { step: { name: "the answer is here", death: { at: "after", method: "fetch", url: "signUp" } } },
  { step: { name: "its end is being written", death: writing(store, ":a:", 2) } },
  { step: { name: "the token is being written", death: writing(store, ":t:") } },
  { step: { name: "the token is written", death: { at: "after", method: "setItem", key: ":t:" } } },
  {
    step: {
      name: "the credential is written",
      death: { at: "after", method: "setItem", key: ":k:" },
    },
    isKept: true,
  },
];

const graphql = (): Kill[] => [
  { step: { name: "it is done, and nothing has come back", operation: "graphql", hasActed: true } },
  {
    step: {
      name: "the custom token is here",
      death: { at: "after", method: "fetch", url: "/graphql" },
    },
  },
  {
    step: {
      name: "the exchange is sent, and nothing is done",
      operation: "exchange",
      hasActed: false,
    },
  },
  {
    step: {
      name: "the exchange is done, and nothing has come back",
      operation: "exchange",
      hasActed: true,
    },
  },
  {
    step: {
      name: "the exchange has answered",
      death: { at: "after", method: "fetch", url: "CustomToken" },
    },
  },
];

let program: Program;
let survivor: Process;
beforeAll(async () => {
  program = await createProgram();
  survivor = await program.start();
}, 60_000);
afterAll(() => program.dispose());

const attemptsAt = ({ upstream }: World): number[] =>
  upstream.ledger.calls.flatMap(({ operation, at }) =>
    operation === "sign-up" || operation === "graphql" ? [at] : [],
  );

/** The maximum number of attempts in any sliding window. */
const mostIn = (window: number, times: readonly number[]): number =>
  Math.max(0, ...times.map((at) => times.filter((t) => t >= at && t < at + window).length));

/** Starts a process that creates a token as soon as the limiter allows it, and dies at `step`. */
async function kill(world: World, name: string, { step }: Kill): Promise<void> {
  const victim = await world.enter(await program.start());
  await prepare(world, victim.process, step);
  let isOver = false;
  const ended = victim.process.ended.then((signal) => ((isOver = true), signal));
  await untilOpen(world, victim, async () => {
    // After the response the last write may still be in progress.
    const status = await victim.ask(name).catch(() => 0);
    return isOver || status !== 429;
  });
  expect(await ended, step.name).toBe("SIGKILL");
}

/** Tries, and again when the relay says that the next attempt may be made. */
async function untilOpen(
  world: World,
  resident: Resident,
  isDone: () => Promise<boolean>,
): Promise<void> {
  for (let tries = 1; !(await isDone()); tries++) {
    if (tries > 10) throw new Error("the limiter never opens");
    const { at, acquirers } = await resident.status();
    const next = acquirers[0]!.nextAt ?? at;
    await world.pass(Math.ceil((Date.parse(next) - Date.parse(at)) / 1_000) * 1_000 + 1_000);
  }
}

/** Real time for calls that are really in progress: to a store or to the provider. */
const breathe = (work: Promise<unknown>, longest = 40): Promise<unknown> =>
  Promise.race([work.catch(() => {}), new Promise((resolve) => setTimeout(resolve, longest))]);

/** A process that waits for another, and not for a call, waits by the clock that is advanced. */
async function patiently<T>(world: World, work: Promise<T>): Promise<T> {
  let isOver = false;
  void work.finally(() => (isOver = true)).catch(() => {});
  for (await breathe(work, 1_000); !isOver; await breathe(work, 1_000)) await world.pass(SECONDS);
  return work;
}

/** Requests repeatedly for most of a minute after a kill; returns whether it was served. */
async function askMeanwhile(world: World, next: Resident, name: string): Promise<boolean> {
  const statuses: number[] = [];
  for (let passed = 0; passed < LIMITS.spacing - 2 * SECONDS; passed += SECONDS) {
    const asked = next.ask(name).then((status) => statuses.push(status));
    await breathe(asked);
    await world.pass(SECONDS);
  }
  return statuses.includes(200);
}

describe.concurrent.each(STORES)("a creating process that dies, on %s", (store) => {
  it.skipIf(MISSING[store])(
    `H2 H5 M4 15 times: every attempt stays counted on ${store}, and none is made in answer to a kill`,
    async () => {
      const world = await createWorld(store, {
        guests: { firebase: "firebase", graphql: "graphql" },
        simulator: { creations: LIMITS },
      });
      const next = await world.enter(survivor);
      // A store with a new identity grants no lease for an irreversible action.
      await world.pass(5_000);
      const kills = [
        ...firebase(store).map((one) => ({ name: "firebase", ...one })),
        ...graphql().map((one) => ({ name: "graphql", ...one })),
      ];
      for (const one of kills) {
        const { name, step, isKept = false } = one;
        await kill(world, name, one);
        const before = attemptsAt(world).length;
        expect(await askMeanwhile(world, next, name), step.name).toBe(isKept);
        expect(attemptsAt(world).length, step.name).toBe(before);
        if (isKept) continue;
        await world.pass(LEASE);
        await untilOpen(world, next, async () => (await patiently(world, next.ask(name))) === 200);
        expect(attemptsAt(world).length, step.name).toBe(before + 1);
      }
      const times = attemptsAt(world);
      expect(mostIn(HOUR, times)).toBeLessThanOrEqual(LIMITS.perHour);
      expect(mostIn(24 * HOUR, times)).toBeLessThanOrEqual(LIMITS.perDay);
      expect(mostIn(LIMITS.spacing, times)).toBe(1);
      expect(world.upstream.ledger.creations.refused).toBe(0);
      const unsent = kills.filter(({ isUnsent }) => isUnsent).length;
      const { acquirers } = await next.status();
      // A slow process has counted one more attempt, and not made it.
      expect(acquirers[0]!.attempts.day).toBeGreaterThanOrEqual(times.length + unsent);
      expectDocumented("a creator dies", store, kills.length, world.upstream);
      await world.dispose();
    },
    120_000,
  );
});
