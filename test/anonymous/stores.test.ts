/** Real stores, real time: many instances, one limit. */
import type { StorePlace } from "../state/storages.ts";
import { afterEach, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { systemClock } from "../../src/wiring/system-clock.ts";
import { silentLog } from "../../src/observe/reporter.ts";
import { createState } from "../../src/state/create-state.ts";
import {
  filesPlace,
  noPostgres,
  noRedis,
  postgresPlace,
  redisPlace,
  noSqlite,
  sqlitePlace,
} from "../state/stores.ts";
import { createInstance, type Instance, makeAcquirer, TARGET } from "./instance.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

const LIMITS = { perHour: 3, perDay: 50, spacing: 20 };
const INSTANCES = 6;

let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function startOn(place: StorePlace, provider: Simulator): Promise<Instance> {
  const state = createState({
    storage: place.open(),
    base: "relay",
    clock: systemClock,
    random: Math.random,
    log: silentLog(),
  });
  expect(state.leases.tier).toBe("atomic");
  const { credentials } = await state.load();
  const source = firebaseAnonymous({ apiKey: "k", endpoint: provider.url });
  const instance = createInstance({
    clock: systemClock,
    connection: state,
    fetch,
    acquirers: [makeAcquirer({ source, limits: LIMITS })],
  });
  await instance.acquirers.restore(credentials);
  closing.push(async () => (await instance.acquirers.close(), await state.close()));
  return instance;
}

/** Requests tokens on all instances, and uses each up at once, until all know that the limit is reached for long. */
async function exhaust(instances: readonly Instance[]): Promise<void> {
  const isShut = ({ acquirers }: Instance): boolean => {
    const outlook = acquirers.forecast(TARGET);
    return outlook?.kind === "later" && outlook.at > Date.now() + 60_000;
  };
  while (!instances.every(isShut)) {
    for (const one of instances) {
      const chosen = one.ask();
      const mark = { cause: "exhausted" as const, reason: "", at: 0 };
      if (chosen) for (const { health } of instances) health.disable(chosen.id, mark);
    }
    await turn();
  }
}

describe.each<[string, boolean, () => StorePlace | Promise<StorePlace>]>([
  ["Redis", noRedis, redisPlace],
  ["PostgreSQL", noPostgres, postgresPlace],
  ["SQLite", noSqlite, sqlitePlace],
  ["files", false, filesPlace],
])("on %s", (_, isMissing, open) => {
  it.skipIf(isMissing)(
    "H2 instances make as many attempts as one may, no more after a restart, and share the tokens",
    { timeout: 60_000 },
    async () => {
      const provider = await createSimulator({ creations: LIMITS });
      closing.push(() => provider.close());
      const place = await open();
      closing.push(async () => place.dispose?.());
      // The first instance creates the tables: on PostgreSQL two that do so at once fail.
      const first = await startOn(place, provider);
      const others = Array.from({ length: INSTANCES - 1 }, () => startOn(place, provider));
      const instances = [first, ...(await Promise.all(others))];
      await exhaust(instances);
      expect(provider.ledger.creations).toEqual({ attempts: 3, created: 3, refused: 0 });
      const again = await Promise.all([startOn(place, provider), startOn(place, provider)]);
      expect(again[0]!.pool.credentials).toHaveLength(3);
      await exhaust(again);
      expect(provider.ledger.creations.attempts).toBe(3);
    },
  );
});
