import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AcquirerConfig } from "../../src/contract/anonymous-source.ts";
import type { Behaviour } from "../../simulator/index.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { firebaseAnonymous } from "../../src/tokens/sources/firebase-identity.ts";
import { graphqlAnonymous } from "../../src/anonymous/graphql-anonymous.ts";
import { TokenError } from "../../src/tokens/token-error.ts";
import { UNSAFE } from "../../src/anonymous/acquirer.ts";
import { DAY, HOUR } from "../../src/anonymous/creation-window.ts";
import { createSharedStore, type SharedStore } from "../support/shared-store.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";
import {
  createInstance,
  type Instance,
  type InstanceOptions,
  makeAcquirer,
  TARGET,
} from "./instance.ts";

const MINUTE = 60_000;

let clock: VirtualClock;
let store: SharedStore;
let provider: Simulator;
let calls: Promise<unknown>[];

beforeEach(async () => {
  clock = createVirtualClock();
  store = createSharedStore(clock);
  provider = await createSimulator({ clock });
  calls = [];
});
afterEach(() => provider.close());

const counted: typeof fetch = (input, init) => {
  const call = fetch(input, init);
  calls.push(call.catch(() => {}));
  return call;
};

function start(
  more: Partial<AcquirerConfig> = {},
  options: Partial<InstanceOptions> = {},
): Instance {
  const source = firebaseAnonymous({ apiKey: "k", endpoint: provider.url });
  return createInstance({
    clock,
    connection: store.connect(),
    fetch: counted,
    acquirers: [makeAcquirer({ source, ...more })],
    ...options,
  });
}

/** Waits until everything under way has ended; the clock does not advance. */
async function settle(): Promise<void> {
  for (let before = -1; before !== calls.length;) {
    before = calls.length;
    await Promise.all(calls);
    for (let turn = 0; turn < 10; turn++) await clock.settle();
  }
}
const pass = async (ms: number): Promise<void> => (await clock.advance(ms), settle());
const created = (): number => provider.ledger.creations.attempts;
const refuse = (then: Behaviour): void => provider.script({ when: { operation: "sign-up" }, then });
/** Requests a credential every `step` ms, and uses each token up at once. */
async function burn(instance: Instance, time: number, step = MINUTE): Promise<void> {
  for (let passed = 0; passed < time; passed += step) {
    const chosen = instance.ask();
    if (chosen) use(instance, chosen.id);
    await pass(step);
  }
}
const use = ({ health }: Instance, id: string): void =>
  health.disable(id, { cause: "exhausted", reason: "no quota", at: clock.now() });

describe("a token is created", () => {
  it("H5 H6 once, when no credential is available, and joins the pool", async () => {
    const instance = start();
    for (let nth = 0; nth < 50; nth++) expect(instance.ask()).toBeUndefined();
    expect(instance.acquirers.forecast(TARGET)).toEqual({ kind: "creating" });
    await settle();
    expect(created()).toBe(1);
    expect(instance.ask()?.id).toMatch(/^guests-[\da-f]{8}$/);
    expect(instance.events).toEqual([
      {
        acquirer: "guests",
        upstream: "acme",
        ok: true,
        duration: 0,
        step: undefined,
        code: undefined,
      },
    ]);
    await burn(instance, 2_000, 1_000);
    expect(created()).toBe(1);
  });

  it("H6 only while no credential of its tier or a better one is eligible, and in the background", async () => {
    const one = { ...makeAcquirer(), id: "paid", tier: 1 };
    const instance = start({ tier: 2 }, { credentials: [one, { ...one, id: "last", tier: 3 }] });
    expect(instance.ask()?.id).toBe("paid");
    await settle();
    expect(created()).toBe(0);
    instance.health.disable("paid", { cause: "operator", reason: "", at: 0 });
    expect(instance.ask()?.id).toBe("last");
    await settle();
    expect(created()).toBe(1);
    expect(instance.ask()?.id).toMatch(/^guests-/);
  });

  it("H6 no more than `maxLive` at a time, including those that cool down", async () => {
    const instance = start({ maxLive: 2 });
    const cool = (id: string): void => {
      const key = { credential: id, upstream: "acme", pool: "*", family: "*" };
      const refused = { key, reason: "QUOTA_EXHAUSTED" as const, hint: 5 * HOUR, ladder: () => 0 };
      instance.cooldowns.refuse({ ...refused, sentAt: clock.now() + 1 }, clock.now());
      instance.pool.changed(key, clock.now());
    };
    for (let nth = 0; nth < 5; nth++) {
      instance.ask();
      await pass(2 * MINUTE);
      const chosen = instance.ask();
      if (chosen) cool(chosen.id);
    }
    expect(created()).toBe(2);
    expect(instance.acquirers.status()[0]).toMatchObject({ live: 2, maxLive: 2 });
  });

  it("H7 with a separate id and records: the operator's credentials do not change, and it exists after a restart", async () => {
    const first = start();
    first.ask();
    await settle();
    const { id } = first.ask()!;
    expect(store.credentials.get(id)).toMatchObject({
      credential: { origin: "guests" },
      revision: 1,
    });
    expect(store.tokens.get(id)).toMatchObject({ generation: 0, refreshToken: expect.any(String) });
    const second = start();
    await second.acquirers.restore([...store.credentials.values()]);
    expect(second.ask()?.id).toBe(id);
    expect(created()).toBe(1);
  });

  it("H5 by one of many instances; the others use its token", async () => {
    const instances = Array.from({ length: 20 }, () => start());
    for (const instance of instances) instance.ask();
    await settle();
    await pass(2_000);
    expect(created()).toBe(1);
    expect(new Set(instances.map((one) => one.ask()?.id)).size).toBe(1);
  });
});

describe("the limiter", () => {
  it("H5 lets one of two instances create, and requests of the other wait while the token is being stored", async () => {
    let arrive = (): void => {};
    const arrival = new Promise<void>((resolve) => (arrive = resolve));
    const slow = store.connect();
    const connection: InstanceOptions["connection"] = {
      ...slow,
      putCredential: (record) => void arrival.then(() => slow.putCredential(record)),
      flush: () => arrival.then(slow.flush),
    };
    const one = start({}, { connection });
    const two = start();
    one.ask();
    await settle();
    expect(one.ask()?.id).toMatch(/^guests-/);
    two.ask();
    await settle();
    expect(two.acquirers.forecast(TARGET)).toEqual({ kind: "creating" });
    arrive();
    await pass(1_000);
    expect(two.ask()?.id).toBe(one.ask()?.id);
    expect(created()).toBe(1);
  });

  it("H5 M5 delays neither the next creation nor the close for a store that hangs", async () => {
    const connection = { ...store.connect(), flush: () => new Promise<void>(() => {}) };
    const instance = start({}, { connection });
    instance.ask();
    await settle();
    use(instance, instance.ask()!.id);
    await pass(MINUTE);
    instance.ask();
    await settle();
    expect(created()).toBe(2);
    let isClosed = false;
    void instance.acquirers.close().then(() => (isClosed = true));
    await settle();
    expect(isClosed).toBe(true);
  });

  it("H2 allows attempts a minute apart, ten an hour, fifty a day", async () => {
    const instance = start();
    await burn(instance, 59 * MINUTE, 30_000);
    expect(created()).toBe(10);
    await burn(instance, DAY - HOUR, 5 * MINUTE);
    expect(created()).toBe(50);
    expect(instance.acquirers.status()[0]!.attempts.day).toBe(50);
  });

  it("H2 counts failed attempts, and a restart resets nothing", async () => {
    refuse({ refuse: "server-error" });
    await burn(start(), 5 * MINUTE);
    await burn(start(), 54 * MINUTE);
    expect(provider.ledger.calls).toHaveLength(10);
    expect(store.creations.size).toBe(10);
  });

  it("H2 acquirers with the same key share one limiter, others have separate ones", async () => {
    const [a, b, c] = [start(), start({ id: "b" }), start({ id: "c", limiter: "mine" })];
    for (const one of [a, b, c]) one.ask();
    await settle();
    await pass(5_000);
    expect(created()).toBe(2);
  });

  it("H2 on a best-effort store nothing is created; log and status say so", async () => {
    const instance = start({}, { isSafe: false });
    await burn(instance, 5 * MINUTE);
    expect(provider.ledger.total).toBe(0);
    expect(instance.lines).toEqual([`no anonymous token is created: ${UNSAFE}`]);
    expect(instance.acquirers.status()[0]!.blocked).toBe(UNSAFE);
    expect(instance.acquirers.forecast(TARGET)).toBeUndefined();
  });

  it("H2 while the store is down nothing is created, and it goes on when it is back", async () => {
    const instance = start();
    store.isDown = true;
    await burn(instance, 5 * MINUTE);
    expect(provider.ledger.total).toBe(0);
    store.isDown = false;
    await burn(instance, MINUTE);
    expect(created()).toBe(1);
  });

  it("H2 a store that cannot be read is tried again after five seconds, not with each request", async () => {
    const connection = store.connect();
    let reads = 0;
    const list = async (): Promise<never> => {
      reads++;
      throw new Error("cannot be read");
    };
    const creations = { ...connection.creations, list };
    const instance = start({}, { connection: { ...connection, creations } });
    for (let nth = 0; nth < 5; nth++) {
      instance.ask();
      await pass(900);
    }
    expect(reads).toBe(1);
    expect(instance.lines).toEqual([
      expect.stringContaining("the state store cannot be read or written"),
    ]);
    await pass(1_000);
    instance.ask();
    await settle();
    expect(reads).toBe(2);
  });

  it("H2 the only instance goes on from memory while the store is down, and stores its attempts later", async () => {
    const instance = start({}, { isOnly: true });
    await burn(instance, MINUTE);
    store.isDown = true;
    await burn(instance, 58 * MINUTE);
    expect(created()).toBe(10);
    store.isDown = false;
    await burn(instance, 2 * MINUTE);
    expect(store.creations.size).toBe(11);
    const cold = start({}, { isOnly: true });
    store.isDown = true;
    await burn(cold, HOUR);
    expect(created()).toBe(11);
  });

  it("H2 K15 before the state is loaded nothing is created", async () => {
    let isLoaded = false;
    const instance = start({}, { isLoaded: () => isLoaded });
    await burn(instance, 2 * MINUTE);
    expect(provider.ledger.total).toBe(0);
    isLoaded = true;
    await burn(instance, MINUTE);
    expect(created()).toBe(1);
  });

  it("H2 a call that never ends is aborted, and counts", async () => {
    provider.script({ when: { operation: "sign-up" }, then: { stall: "before-headers" } });
    const instance = start();
    instance.ask();
    await provider.ledger.next(({ stalled }) => stalled);
    await clock.advance(30_000);
    await settle();
    expect(instance.events).toMatchObject([{ ok: false, step: "create", code: "TIMEOUT" }]);
    expect(instance.acquirers.status()[0]).toMatchObject({
      creating: false,
      attempts: { hour: 1 },
    });
  });
});

describe("creating is refused", () => {
  const page: Behaviour = { refuse: "html-429" };

  it("H3 B7 blocks creating for 300 s, doubled each time up to 4,800 s", async () => {
    refuse(page);
    const instance = start({ limits: { perHour: 1_000, perDay: 1_000, spacing: 1 } });
    const waits: number[] = [];
    for (let nth = 0; nth < 7; nth++) {
      instance.ask();
      await settle();
      const { nextAt: next, blocked } = instance.acquirers.status()[0]!;
      waits.push((Date.parse(next!) - clock.now()) / 1_000);
      expect(blocked).toBe("CREATE_LIMITED");
      await pass(waits.at(-1)! * 1_000);
    }
    expect(waits).toEqual([300, 600, 1_200, 2_400, 4_800, 4_800, 4_800]);
  });

  it("H3 blocks for as long as Retry-After says, and makes no other attempt meanwhile", async () => {
    refuse({
      reply: { status: 429, headers: { "retry-after": "900" }, body: "<html>Too Many Requests" },
    });
    const instance = start();
    await burn(instance, 14 * MINUTE);
    expect(provider.ledger.calls).toHaveLength(1);
    await burn(instance, 2 * MINUTE);
    expect(provider.ledger.calls).toHaveLength(2);
  });

  it("H3 does not affect existing tokens and other credentials", async () => {
    const instance = start({ maxLive: 2 });
    instance.ask();
    await pass(2 * MINUTE);
    refuse(page);
    const { id } = instance.ask()!;
    instance.acquirers.requestToken(TARGET, Infinity);
    instance.pool.setDisabled(id, true);
    instance.ask();
    await settle();
    instance.pool.setDisabled(id, false);
    expect(instance.acquirers.status()[0]!.blocked).toBe("CREATE_LIMITED");
    expect(instance.ask()?.id).toBe(id);
  });

  it("H3 a key without the permission to create is blocked for the longest time", async () => {
    refuse({
      reply: {
        status: 400,
        headers: { "content-type": "application/json" },
        body: '{"error":{"code":400,"message":"ADMIN_ONLY_OPERATION"}}',
      },
    });
    const instance = start();
    await burn(instance, 79 * MINUTE);
    expect(provider.ledger.calls).toHaveLength(1);
    expect(instance.events).toMatchObject([{ step: "create", code: "FORBIDDEN" }]);
  });
});

describe("a token is used up", () => {
  it("H4 is never selected again, also after a restart; the next is created", async () => {
    const instance = start();
    instance.ask();
    await pass(2 * MINUTE);
    const { id } = instance.ask()!;
    use(instance, id);
    expect(instance.ask()).toBeUndefined();
    await settle();
    expect(created()).toBe(2);
    const next = start();
    next.health.restore(instance.health.mark(id)!);
    await next.acquirers.restore([...store.credentials.values()]);
    expect(next.ask()?.id).toBe(instance.ask()?.id);
    expect(next.acquirers.status()[0]!.live).toBe(1);
  });

  it("H4 is removed later: the number of used-up tokens is bounded", async () => {
    const instance = start({ limits: { perHour: 1_000, perDay: 1_000, spacing: 1 } });
    await burn(instance, 40 * MINUTE);
    expect(created()).toBeGreaterThan(15);
    expect(instance.pool.credentials.length).toBeLessThanOrEqual(11);
    expect(store.tokens.size).toBeLessThanOrEqual(11);
    expect(
      [...store.credentials.values()].filter(({ credential }) => credential).length,
    ).toBeLessThanOrEqual(11);
  });

  it("H8 is disabled after the expected requests, before the provider refuses", async () => {
    const instance = start({ expectedRequests: 3 });
    instance.ask();
    await pass(2 * MINUTE);
    const { id } = instance.ask()!;
    for (let nth = 0; nth < 3; nth++) {
      expect(instance.ask()?.id).toBe(id);
      instance.acquirers.recordUse(id);
    }
    expect(instance.health.get(id)?.cause).toBe("exhausted");
    expect(instance.ask()).toBeUndefined();
  });

  it("H10 is followed by the next before the last is used up, within the limiter", async () => {
    const instance = start({ expectedRequests: 10, lowWater: 3, maxLive: 2 });
    instance.ask();
    await settle();
    const { id } = instance.ask()!;
    for (let nth = 0; nth < 7; nth++) instance.acquirers.recordUse(id);
    await settle();
    // Less than a minute has passed since the first.
    expect(created()).toBe(1);
    await pass(MINUTE);
    instance.acquirers.recordUse(id);
    await settle();
    expect(created()).toBe(2);
    expect(instance.acquirers.status()[0]!.live).toBe(2);
  });
});

describe("steps", () => {
  const exchange = (): { apiKey: string; endpoint: string } => ({
    apiKey: "k",
    endpoint: provider.url,
  });
  const graphql = (more: object = {}) =>
    graphqlAnonymous({
      url: `${provider.url}/graphql`,
      query: "mutation { createGuest { customToken } }",
      tokenPath: "data.createGuest.customToken",
      exchange: exchange(),
      ...more,
    });

  it("H1 a GraphQL mutation, then the exchange of its token", async () => {
    const instance = start({ source: graphql() });
    instance.ask();
    await settle();
    expect(provider.ledger.calls.map(({ operation }) => operation)).toEqual([
      "graphql",
      "exchange",
    ]);
    expect([...store.tokens.values()]).toMatchObject([{ refreshToken: expect.any(String) }]);
  });

  it.each<[string, string, Behaviour, string]>([
    ["graphql", "create", { refuse: "server-error" }, "SERVER_ERROR"],
    ["graphql", "create", { reply: { status: 200, body: '{"data":null}' } }, "INVALID_ANSWER"],
    ["graphql", "create", { reply: { status: 200, body: "<html>" } }, "INVALID_ANSWER"],
    ["graphql", "create", { cut: "before-headers" }, "NETWORK"],
    ["exchange", "exchange", { reply: { status: 200, body: "{" } }, "INVALID_ANSWER"],
    ["exchange", "exchange", { refuse: "html-502" }, "SERVER_ERROR"],
    ["exchange", "exchange", { refuse: "html-429" }, "RATE_LIMIT_EXCEEDED"],
  ])("H1 the error of a failed %s names the step %s: %j", async (operation, step, then, code) => {
    provider.script({ when: { operation } as never, then });
    const instance = start({ source: graphql() });
    instance.ask();
    await settle();
    expect(instance.events).toMatchObject([{ ok: false, step, code }]);
    expect(instance.lines.join()).toContain(`${step} failed`);
  });

  it("H1 a function of the operator, with a refusal of its own", async () => {
    const wait = { step: "create", code: "CREATE_LIMITED", retryAfter: 20 * MINUTE } as const;
    const create = () => Promise.reject(new TokenError(wait));
    const instance = start({ source: { create } });
    instance.ask();
    await settle();
    const { nextAt: next } = instance.acquirers.status()[0]!;
    expect(Date.parse(next!) - clock.now()).toBe(20 * MINUTE);
  });

  it("H9 every call looks the same, and headers that identify or locate the relay cannot be set", async () => {
    const instance = start({ source: graphql({ headers: { "x-app": "1" } }) });
    instance.ask();
    await settle();
    expect(provider.ledger.calls.map(({ headers }) => headers["user-agent"])).toEqual([
      "h3-relay",
      "h3-relay",
    ]);
    expect(provider.ledger.calls[0]!.headers["x-app"]).toBe("1");
    for (const name of [
      "User-Agent",
      "x-forwarded-for",
      "x-real-ip",
      "cf-connecting-ip",
      "sec-ch-ua",
    ])
      expect(() => graphql({ headers: { [name]: "1" } })).toThrow(/graphqlAnonymous\.headers/);
  });
});
