import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AnonymousCredential, CredentialOptions } from "../../src/options/credential-types.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { firebaseAnonymous } from "../../src/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

const MINUTE = 60_000;

let clock: VirtualClock;
let upstream: Simulator;
let running: RelayUnderTest[];

beforeEach(async () => {
  clock = createVirtualClock();
  running = [];
  upstream = await createSimulator({ clock, creations: { requestsEach: 3 } });
});
afterEach(async () => {
  for (const one of running) await one.close();
  await upstream.close();
});

const guests = (more: Partial<AnonymousCredential> = {}): CredentialOptions => ({
  id: "guests",
  anonymous: firebaseAnonymous({
    apiKey: "k",
    endpoint: upstream.url,
    tokenEndpoint: upstream.url,
  }),
  ...more,
});

async function start(options: UnderTestOptions = {}): Promise<RelayUnderTest> {
  const relay = await startRelay({
    clock,
    keep: upstream,
    credentials: [guests()],
    storage: createStorage({ driver: memoryDriver() }),
    ...options,
  });
  running.push(relay);
  return relay;
}

async function ask({ chat }: RelayUnderTest): Promise<number> {
  const response = await chat();
  await response.arrayBuffer();
  return response.status;
}

/** The credentials that answered, in order. */
const carriers = (): string[] =>
  upstream.ledger.calls.flatMap(({ operation, credential }) =>
    operation === "chat" ? [credential] : [],
  );
/** Resolves when a token that is created in the background exists. */
async function joined({ relay }: RelayUnderTest): Promise<void> {
  for (let turn = 0; relay.status().acquirers[0]!.live === 0; turn++) {
    if (turn > 2_000) throw new Error("no token has joined");
    await clock.settle();
  }
}
const created = (): number => upstream.ledger.creations.attempts;

describe("anonymous tokens", () => {
  it("H5 50 requests that need a token wait for one creation and share its token", async () => {
    await upstream.close();
    upstream = await createSimulator({ clock });
    const relay = await start();
    const statuses = await Promise.all(Array.from({ length: 50 }, () => ask(relay)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(created()).toBe(1);
    expect(new Set(carriers())).toEqual(new Set(["anonymous-1"]));
  });

  it("H6 falls back to the next tier at once and creates in the background", async () => {
    const relay = await start({
      credentials: [guests({ tier: 1 }), { ...makeCredentials(1)[0]!, tier: 2 }],
    });
    expect(await ask(relay)).toBe(200);
    expect(carriers()).toEqual(["c1"]);
    await joined(relay);
    expect(await ask(relay)).toBe(200);
    expect(carriers().at(-1)).toBe("anonymous-1");
  });

  it("H4 B7 an exhausted token is never used again: the request continues with another, and no call is made with it", async () => {
    const relay = await start({
      credentials: [guests({ tier: 1 }), { ...makeCredentials(1)[0]!, tier: 2 }],
    });
    await ask(relay);
    await joined(relay);
    for (let nth = 0; nth < 6; nth++) await ask(relay);
    const byGuest = carriers().filter((name) => name === "anonymous-1");
    // Three were valid, the fourth was refused.
    expect(byGuest).toHaveLength(4);
    expect(upstream.ledger.totals("anonymous-1", "gpt-4o").statuses).toEqual({ 200: 3, 429: 1 });
    const status = relay.relay.status();
    expect(status.credentials.find(({ id }) => id.startsWith("guests-"))?.disabled?.cause).toBe(
      "exhausted",
    );
    await clock.advance(2 * MINUTE);
    await ask(relay);
    await upstream.ledger.until(({ creations }) => creations.created === 2);
    expect(relay.relay.status().acquirers[0]!.attempts.hour).toBe(2);
  });

  it("H4 H7 after a restart a valid token serves on, and an exhausted one makes no call", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    const first = await start({ storage });
    await ask(first);
    await first.close();
    running = [];
    const second = await start({ storage });
    for (let nth = 0; nth < 2; nth++) expect(await ask(second)).toBe(200);
    expect(created()).toBe(1);
    expect(await ask(second)).toBe(429);
    await second.close();
    running = [];
    const calls = carriers().length;
    const third = await start({ storage });
    expect(await ask(third)).toBe(429);
    expect(carriers()).toHaveLength(calls);
    expect(created()).toBe(1);
  });

  it("H2 H3 E3 while none may be created and no other credential exists: 429 with the true wait, at once", async () => {
    const relay = await start();
    upstream.script({ when: { operation: "sign-up" }, then: { refuse: "html-429" } });
    const response = await relay.chat();
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("300");
    expect(await response.text()).toContain("CREATE_LIMITED");
    expect(await ask(relay)).toBe(429);
    expect(created()).toBe(0);
    expect(upstream.ledger.total).toBe(1);
    const { acquirers, cooldowns } = relay.relay.status();
    expect(acquirers).toMatchObject([{ id: "guests", live: 0, blocked: "CREATE_LIMITED" }]);
    expect(cooldowns).toMatchObject([{ credential: "guests", reason: "CREATE_LIMITED" }]);
  });

  it("A14 H3 a failed creation is reported as such, and with the wait of a limit as a limit", async () => {
    const relay = await start();
    upstream.script({ when: { operation: "sign-up" }, then: { refuse: "server-error" } });
    const response = await relay.chat();
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("60");
    const text = await response.text();
    expect(text).toContain("ERR_RELAY_TOKEN");
    expect(text).toContain("(create: SERVER_ERROR); retry in 1 min (60 s).");
    relay.relay.credentials.disable("guests");
    expect(await (await relay.chat()).text()).toContain("ERR_RELAY_NO_CREDENTIAL");
  });

  it("H2 on a store without a lock nothing is created, unless `instances` is 1", async () => {
    const storage = createStorage({ driver: { ...memoryDriver(), name: "elsewhere" } });
    const relay = await start({ storage });
    const refused = await relay.chat();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, null]);
    const text = await refused.text();
    expect(text).toContain("ERR_RELAY_TOKEN");
    expect(text).toContain("create: the state store has no atomic lock");
    expect(relay.lines.map(({ message }) => message).join()).toContain("no anonymous token");
    const alone = await start({ storage, instances: 1 });
    // Best-effort leases take time to be certain.
    let status: number | undefined;
    void ask(alone).then((answered) => (status = answered));
    for (let nth = 0; status === undefined && nth < 500; nth++) {
      await clock.advance(10);
      // Sockets take real time, the leases the clock's.
      for (let turn = 0; turn < 20; turn++)
        await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(status).toBe(200);
  });

  it("H8 H10 a token is retired after the expected requests, and its count survives a restart", async () => {
    const storage = createStorage({ driver: memoryDriver() });
    const credentials = [guests({ expectedRequests: 3 })];
    const first = await start({ storage, credentials, random: Math.random });
    await ask(first);
    await ask(first);
    await first.close();
    running = [];
    const second = await start({ storage, credentials, random: Math.random });
    await ask(second);
    expect(second.relay.status().acquirers[0]!.live).toBe(0);
    await clock.advance(2 * MINUTE);
    expect(await ask(second)).toBe(200);
    expect(upstream.ledger.totals("anonymous-1", "gpt-4o").statuses).toEqual({ 200: 3 });
    expect(created()).toBe(2);
  });

  it("H1 a token is refreshed before it expires, and no new one is created", async () => {
    const relay = await start();
    await ask(relay);
    const first = upstream.ledger.calls.at(-1)!.secret;
    await clock.advance(61 * MINUTE);
    expect(await ask(relay)).toBe(200);
    expect(upstream.ledger.calls.at(-1)).toMatchObject({ credential: "anonymous-1" });
    expect(upstream.ledger.calls.at(-1)!.secret).not.toBe(first);
    expect(upstream.ledger.refreshes.refreshed).toBe(1);
    expect(created()).toBe(1);
  });

  it("H1 H6 a token that cannot be refreshed is retired when it expires, and the next is created", async () => {
    let made = 0;
    const anonymous = (): Promise<{ accessToken: string; expiresIn: number }> =>
      Promise.resolve({ accessToken: `guest-token-number-${++made}`, expiresIn: 600 });
    const relay = await start({ credentials: [guests({ anonymous })] });
    expect(await ask(relay)).toBe(200);
    // The end of the attempt is written after the request: its time must not be eleven minutes late.
    for (let turn = 0; turn < 50; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
    await clock.advance(11 * MINUTE);
    expect(await ask(relay)).toBe(200);
    expect(made).toBe(2);
    expect(upstream.ledger.calls.map(({ secret }) => secret)).toEqual([
      "guest-token-number-1",
      "guest-token-number-2",
    ]);
  });

  it("J7 H7 shows no token in status, log or hooks", async () => {
    const events: unknown[] = [];
    const relay = await start({ hooks: { creation: (event) => void events.push(event) } });
    await ask(relay);
    const { secret } = upstream.ledger.calls.at(-1)!;
    expect(secret).toMatch(/^eyJ/);
    const shown = JSON.stringify([relay.relay.status(), relay.lines, events]);
    expect(shown).toContain("guests-");
    expect(shown).not.toContain(secret.slice(0, 20));
    expect(shown).not.toContain("refresh.");
  });
});
