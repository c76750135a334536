/** The acquirers of one relay with real services, on a shared store. */
import type { AcquirerConfig } from "../../src/contract/anonymous-source.ts";
import type { Clock } from "../../src/contract/clock.ts";
import type { Credential } from "../../src/contract/credential.ts";
import type { TokenRecord } from "../../src/contract/records.ts";
import type { Target } from "../../src/contract/target.ts";
import type { CreationEvent } from "../../src/observe/hooks.ts";
import type { Connection } from "../support/shared-store.ts";
import { type Acquirers, createAcquirers } from "../../src/anonymous/acquirers.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { createRelayHooks } from "../../src/observe/hooks.ts";
import { createReporter } from "../../src/observe/reporter.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import { DisabledCredentials } from "../../src/cooldowns/disabled-credentials.ts";
import { Pool } from "../../src/pool/pool.ts";
import { RequestQueue } from "../../src/policies/request-queue.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

export interface InstanceOptions {
  clock: Clock;
  connection: Connection;
  fetch: typeof fetch;
  acquirers: AcquirerConfig[];
  /** Credentials in addition to the acquirers. */
  credentials?: Credential[];
  isOnly?: boolean;
  isSafe?: boolean;
  isLoaded?: () => boolean;
}

export interface Instance {
  acquirers: Acquirers;
  pool: Pool;
  health: DisabledCredentials;
  cooldowns: Cooldowns;
  tokens: Map<string, TokenRecord | undefined>;
  events: CreationEvent[];
  lines: string[];
  /** Requests a credential as a request does. */
  ask(): Credential | undefined;
}

export const TARGET: Target = {
  upstream: "acme",
  dialect: DIALECTS["generic"]!,
  pool: "main",
  model: "m",
  family: "m",
  endpoints: [],
  headers: {},
  secrets: [],
  passHeaders: [],
  responseFields: { isPrivate: false, stops: () => false },
};

export function createInstance(options: InstanceOptions): Instance {
  const { clock, connection, fetch, isOnly = false, isSafe = true } = options;
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const reporter = createReporter({ debug: () => {}, info: say, warn: say, error: say }, clock);
  const events: CreationEvent[] = [];
  const hooks = createRelayHooks({ creation: (event) => void events.push(event) }, reporter);
  const waiting = new RequestQueue(1_000);
  const cooldowns = new Cooldowns();
  const pool = new Pool("acme", options.credentials ?? [], {
    cooldowns,
    random: () => 0,
    rotateEvery: 1,
    strategy: "round-robin",
    sessionTTL: 1,
    sessionLimit: 1,
    reuseWindow: false,
    cacheWait: false,
    onChange: (upstream) => waiting.wakeAll(upstream),
  });
  const health = new DisabledCredentials((mark) => {
    pool.setDisabled(mark.credential, mark.disabled !== undefined);
    acquirers.marked(mark);
  });
  const tokens = new Map<string, TokenRecord | undefined>();
  const acquirers = createAcquirers(
    {
      pools: new Map([["acme", pool]]),
      cooldowns,
      health,
      state: { putCooldown: () => {}, counters: () => undefined, ...connection },
      hooks,
      reporter,
      clock,
      waiting,
      fetch,
      keeper: {
        join: (id, _, record) => void tokens.set(id, record),
        leave: (id) => void tokens.delete(id),
      },
      isOnly,
      isSafe: () => isSafe,
      isLoaded: options.isLoaded ?? (() => true),
    },
    options.acquirers,
  )!;
  return {
    acquirers,
    pool,
    health,
    cooldowns,
    tokens,
    events,
    lines,
    ask() {
      const wanted = { target: TARGET, session: undefined, excluded: [] };
      const chosen = pool.take(wanted, clock.now());
      acquirers.requestToken(TARGET, chosen?.tier ?? Infinity);
      return chosen;
    },
  };
}

export function makeAcquirer(more: Partial<AcquirerConfig> = {}): AcquirerConfig {
  return {
    id: "guests",
    label: "guests",
    upstream: "acme",
    tier: 1,
    weight: 1,
    allow: undefined,
    deny: undefined,
    maxInFlight: Infinity,
    source: { create: () => Promise.resolve({ accessToken: "token-0123456789" }) },
    maxLive: 1,
    limits: { perHour: 10, perDay: 50, spacing: 60_000 },
    limiter: "guests",
    expectedRequests: undefined,
    lowWater: undefined,
    ...more,
  };
}
