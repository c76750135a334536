/** A Redis that is killed under load and restarted empty: judged by the upstream's ledger (M5, K1, K6, G7, H2). */
import { afterEach, describe, expect, it } from "vitest";
import type { CredentialOptions } from "../../src/options/credential-types.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { firebaseAnonymous, oauth } from "../../src/index.ts";
import { noRedisServer, type OwnRedis, startRedis } from "../support/own-redis.ts";
import { createRealClock } from "../support/real-clock.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";
import { untilSo } from "../support/until.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

const closing: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const LIMIT = { perHour: 2, perDay: 2, spacing: 1 };
const ADDED = "sk-added-and-removed";

async function startUpstream(): Promise<Simulator> {
  const keys = Object.fromEntries(makeCredentials(3).map(({ id, apiKey }) => [id, apiKey!]));
  const upstream = await createSimulator({
    keys: { ...keys, added: ADDED },
    tokens: { grants: { t: "refresh-t-planted" } },
    creations: { perHour: 2, perDay: 2, spacing: 1 },
  });
  closing.push(() => upstream.close());
  return upstream;
}

function credentialsOf({ url }: Simulator): CredentialOptions[] {
  const forModel = (allow: string) => ({ models: { allow: [allow] } });
  return [
    ...makeCredentials(3).map((one) => ({ ...one, ...forModel("gpt-*") })),
    {
      id: "t",
      ...forModel("by-token"),
      token: oauth({
        tokenURL: `${url}/oauth/token`,
        clientId: "client",
        refreshToken: "refresh-t-planted",
      }),
    },
    {
      id: "guests",
      ...forModel("by-guest"),
      anonymous: firebaseAnonymous({ apiKey: "k", endpoint: url, tokenEndpoint: url }),
      maxLive: 1,
      createLimit: LIMIT,
    },
  ];
}

async function start(upstream: Simulator, redis: OwnRedis): Promise<RelayUnderTest> {
  const relay = await startRelay({
    keep: upstream,
    clock: createRealClock(),
    credentials: credentialsOf(upstream),
    storage: redis.open() as never,
    secret: "a secret of at least sixteen characters",
    limits: { perCaller: { concurrent: false } },
    streaming: { shutdownGrace: 0 },
  });
  closing.push(() => relay.close());
  return relay;
}

async function ask(relay: RelayUnderTest, model: string): Promise<number> {
  const answer = await relay.chat({ model });
  await answer.arrayBuffer();
  return answer.status;
}

function guestsOf({ relay }: RelayUnderTest): string[] {
  const { credentials } = relay.status();
  return credentials.flatMap(({ id, disabled }) =>
    id.startsWith("guests-") && !disabled ? [id] : [],
  );
}

const knows = ({ relay }: RelayUnderTest, id: string): boolean =>
  relay.status().cooldowns.some(({ credential }) => credential === id);

/** Gives `relay` state of every kind. Returns the id of a credential that was added and removed. */
async function learn(relay: RelayUnderTest, others: RelayUnderTest[]): Promise<string> {
  relay.upstream.script({
    when: { credential: "c1" },
    then: { refuse: { kind: "quota", wait: 3_600_000, hints: ["retry-after"] } },
  });
  expect(await ask(relay, "gpt-4o")).toBe(200);
  const { credentials } = relay.relay;
  expect(credentials.disable("c2", "an operator says so")).toBe(true);
  const added = credentials.add({ apiKey: ADDED, models: { allow: ["gpt-*"] } });
  await untilSo(
    () => others.every((one) => one.relay.status().credentials.some(({ id }) => id === added)),
    5_000,
  );
  credentials.remove(added);
  expect(await ask(relay, "by-token")).toBe(200);
  expect(await ask(relay, "by-guest")).toBe(200);
  // The second, and last, that may be created.
  credentials.disable(guestsOf(relay)[0]!, "an operator says so");
  expect(await ask(relay, "by-guest")).toBe(200);
  await untilSo(() => others.every((one) => knows(one, "c1") && guestsOf(one).length === 1), 5_000);
  await untilSo(() => relay.relay.status().store.pendingWrites === 0, 5_000);
  return added;
}

function expectNothingLost({ ledger }: Simulator): void {
  expect(ledger.refreshes).toMatchObject({ attempts: 1, reused: 0, revokedGrants: 0 });
  expect(ledger.creations).toMatchObject({ attempts: 2, refused: 0 });
}

describe.skipIf(noRedisServer)("a Redis that is killed under load and restarted empty", () => {
  it("M5 K1 K6 G7 H2 is refilled, and instances that start then have the complete state", async () => {
    const [redis, upstream] = [await startRedis({ keeps: false }), await startUpstream()];
    closing.push(redis.dispose);
    const [a, b] = [await start(upstream, redis), await start(upstream, redis)];
    const added = await learn(a, [b]);
    expectNothingLost(upstream);
    const statuses: number[] = [];
    let isLoaded = true;
    const load = (async () => {
      while (isLoaded)
        statuses.push(...(await Promise.all([a, b].map((one) => ask(one, "gpt-4o")))));
    })();
    await redis.kill();
    await untilSo(() => a.relay.status().store.fault !== undefined, 10_000);
    const served = statuses.length;
    await untilSo(() => statuses.length > served + 20, 20_000);
    await redis.start();
    // At once: an instance with state may not have noticed yet.
    const late = await start(upstream, redis);
    const [byToken, byGuest] = await Promise.all([ask(late, "by-token"), ask(late, "by-guest")]);
    expect([byToken, byGuest]).toEqual([200, 200]);
    await untilSo(() => knows(late, "c1"), 10_000);
    isLoaded = false;
    await load;
    expect(new Set(statuses)).toEqual(new Set([200]));
    upstream.ledger.calls = [];
    const before = { ...upstream.ledger.byCredential("gpt-4o") };
    for (let n = 0; n < 6; n++) expect(await ask(late, "gpt-4o")).toBe(200);
    const after = upstream.ledger.byCredential("gpt-4o");
    expect([after["c1"], after["c2"], after["added"]]).toEqual([
      before["c1"],
      before["c2"],
      before["added"],
    ]);
    expect(late.relay.status().credentials.map(({ id }) => id)).not.toContain(added);
    expectNothingLost(upstream);
    // All creations are counted: after the last token is gone, no other is created.
    expect(guestsOf(late)).toHaveLength(1);
    late.relay.credentials.disable(guestsOf(late)[0]!, "an operator says so");
    expect(await ask(late, "by-guest")).not.toBe(200);
    expectNothingLost(upstream);
    // And it is in the store: for an instance that starts when all others have ended.
    await Promise.all([a, b, late].map((one) => one.close()));
    const last = await start(upstream, redis);
    expect(knows(last, "c1")).toBe(true);
    expect(await ask(last, "by-token")).toBe(200);
    expect(await ask(last, "by-guest")).not.toBe(200);
    expectNothingLost(upstream);
    for (const { lines } of [a, b, late, last])
      expect(JSON.stringify(lines)).not.toContain("planted");
  }, 90_000);
});
