/** Token providers that share one store and one clock, as instances do, and a source that records its calls. */
import type { FreshToken, TokenContext, TokenSource } from "../../src/contract/token-source.ts";
import type { Clock } from "../../src/contract/clock.ts";
import type { StateStorage } from "../../src/state/store/storage.ts";
import { createStorage, type Storage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import { TokenProvider } from "../../src/tokens/token-provider.ts";
import { generic } from "../../src/dialects/generic.ts";
import { classify } from "../../src/refusals/classify.ts";
import { createState } from "../../src/state/create-state.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

/** Runs everything that does not wait for the clock. Sealing and hashing run on other threads, so this hashes, too. */
async function settled(clock: VirtualClock): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await crypto.subtle.digest("SHA-256", new Uint8Array(4_096));
    await clock.settle();
  }
}

/** A virtual clock whose steps also wait for cryptography. */
function createClock(): VirtualClock {
  const clock = createVirtualClock();
  return {
    ...clock,
    settle: () => settled(clock),
    async advance(ms) {
      await settled(clock);
      // In steps: a timer's code may set the next timer only after some hashing.
      for (const until = clock.now() + ms; clock.now() < until; await settled(clock))
        await clock.advance(Math.min(until - clock.now(), Math.max(250, ms / 40)));
    },
  };
}

export interface Instance {
  keeper: TokenProvider;
  refreshes: { credential: string; code: string | undefined }[];
  lost: { credential: string; code: string }[];
  unsaved: string[];
  disabled: Set<string>;
}

export interface Bench {
  clock: VirtualClock;
  /** True makes all calls of the store fail, `"writes"` only those that write. */
  store: { isDown: boolean | "writes" };
  /** What is stored, to be damaged. */
  inner: Storage;
  /** Starts another instance on the store. */
  start(sources: Record<string, TokenSource>, more?: InstanceOptions): Instance;
}

export interface InstanceOptions {
  /** Once true, the process counts as killed: none of its timers fires any more. */
  death?: { isDead: boolean };
  instances?: number;
  isLoaded?: boolean;
}

export function createBench(): Bench {
  const shared = createClock();
  const store: Bench["store"] = { isDown: false };
  const inner = createStorage({ driver: memoryDriver() });
  const storage = withFaults(inner as never, store);
  let count = 0;
  return {
    clock: shared,
    store,
    inner,
    start(sources, { instances, isLoaded = true, death } = {}) {
      const mortal: Clock = {
        now: shared.now,
        after: (delay, wake) => shared.after(delay, () => void (death?.isDead || wake())),
      };
      const clock = death ? mortal : shared;
      const seed = ++count / 1_000;
      const log = { debug() {}, info() {}, warn() {}, error() {} };
      const state = createState({ storage, base: "relay", clock, random: () => seed, log });
      const instance: Omit<Instance, "keeper"> = {
        refreshes: [],
        lost: [],
        unsaved: [],
        disabled: new Set(),
      };
      const keeper = new TokenProvider({
        keyOf: () => undefined,
        sources: new Map(Object.entries(sources)),
        tokens: state.tokens,
        leases: state.leases,
        clock,
        fetch,
        classify: (refusal) => classify(refusal, generic),
        isOnly: instances === 1,
        isLoaded: () => isLoaded,
        background: false,
        isDisabled: (id) => instance.disabled.has(id),
        onRefresh: ({ credential, code }) => void instance.refreshes.push({ credential, code }),
        onRelogin: (credential, code) => {
          instance.lost.push({ credential, code });
          instance.disabled.add(credential);
        },
        onFailed() {},
        alarm: (credential) => void instance.unsaved.push(credential),
      });
      return { keeper, ...instance };
    },
  };
}

// The driver stays reachable, so that the memory driver's leases are used.
function withFaults(storage: StateStorage, store: Bench["store"]): StateStorage {
  const guard =
    (name: keyof StateStorage, isWrite: boolean) =>
    async (...args: unknown[]): Promise<unknown> => {
      if (store.isDown === true || (store.isDown === "writes" && isWrite)) throw new Error("down");
      return (storage[name] as (...args: unknown[]) => unknown).apply(storage, args);
    };
  return {
    ...storage,
    getItem: guard("getItem", false),
    getItems: guard("getItems", false),
    getKeys: guard("getKeys", false),
    setItem: guard("setItem", true),
    removeItem: guard("removeItem", true),
  } as StateStorage;
}

export type Answer = Partial<FreshToken> | Error;

export interface TestSource extends TokenSource {
  /** Refresh tokens of its calls, in order. */
  asked: (string | undefined)[];
  /** The next answers; after them, tokens that expire after an hour. */
  answers: (Answer | ((context: TokenContext) => Promise<Answer>))[];
  signals: AbortSignal[];
}

/** A source; when it rotates, its refresh tokens are numbered. */
export function createSource(more: Partial<TokenSource> = {}): TestSource {
  let count = 0;
  const source: TestSource = {
    kind: "test",
    refreshToken: "refresh-0",
    rotates: true,
    asked: [],
    answers: [],
    signals: [],
    async refresh(context) {
      source.asked.push(context.refreshToken);
      source.signals.push(context.signal);
      const next = source.answers.shift() ?? {};
      const answer = typeof next === "function" ? await next(context) : next;
      if (answer instanceof Error) throw answer;
      count++;
      const refreshToken = source.rotates ? `refresh-${count}` : undefined;
      return { accessToken: `access-${count}`, expiresIn: 3_600, refreshToken, ...answer };
    },
    ...more,
  };
  return source;
}

/** An unsigned JWT. */
export function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}
