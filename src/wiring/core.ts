// The parts that most others are connected to: state, cooldowns, the queue, pools and the planner.
import type { State } from "../contract/state.ts";
import { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { RelayOptions } from "../options/types.ts";
import { RequestQueue } from "../policies/request-queue.ts";
import type { Pool } from "../pool/pool.ts";
import { OpenRequests } from "../request/open-requests.ts";
import { createPlanner, type Planner } from "../routing/planner.ts";
import { ANY } from "../shared/patterns.ts";
import { createState } from "../state/create-state.ts";
import { type Base, createBase } from "./base.ts";
import { Shutdown } from "./shutdown.ts";
import { systemClock } from "./system-clock.ts";
import { wirePools } from "./wire-pools.ts";
import { wireFetch } from "./wire-transport.ts";

export interface Core extends Base {
  state: State;
  cooldowns: Cooldowns;
  queue: RequestQueue;
  pools: ReadonlyMap<string, Pool>;
  planner: Planner;
  openRequests: OpenRequests;
  shutdown: Shutdown;
  /** Creates a `fetch` for a kind of endpoint, which the log names. */
  fetchFor(name: string): typeof globalThis.fetch;
}

/** `onConnectFault` is called when the storage reports that it cannot connect. Throws `ERR_RELAY_OPTIONS`. */
export function createCore(options: RelayOptions, onConnectFault: () => void): Core {
  const base = createBase(options);
  const { config, clock, random, log } = base;
  const shutdown = new Shutdown(clock, config.streaming.shutdownGrace);
  const state = createState({
    storage: config.storage,
    base: config.base,
    secrets: config.sealing,
    sync: config.sync,
    isOnly: config.instances === 1,
    credentials: () => config.credentials.map(({ id }) => id),
    cooldowns: () => cooldownNames(config),
    clock,
    // The store does not run on an injected clock.
    limits: systemClock,
    random,
    log,
    // The driver's client reports at once what the load would report late.
    onFault: ({ during }) => during === "connect" && onConnectFault(),
  });
  const cooldowns = new Cooldowns({ limit: Math.max(100_000, 4 * config.credentials.length) });
  const queue = new RequestQueue(config.limits.queue);
  return {
    ...base,
    state,
    cooldowns,
    queue,
    pools: wirePools(base, cooldowns, (upstream, places) => queue.wakeSome(upstream, places)),
    planner: createPlanner(config),
    openRequests: new OpenRequests(),
    shutdown,
    fetchFor: wireFetch(options, base, () => shutdown.isClosing),
  };
}

/** The names of cooldowns that hold for every model: of each credential and of all, by pool. */
function* cooldownNames({ credentials, upstreams }: RelayConfig): Iterable<readonly string[]> {
  const poolsOf = (upstream: string): string[] => [
    ANY,
    ...(upstreams.get(upstream)?.pools ?? []).map(({ name }) => name),
  ];
  for (const [upstream] of upstreams)
    for (const pool of poolsOf(upstream)) yield [upstream, ANY, pool, ANY];
  for (const { id, upstream } of credentials)
    for (const pool of poolsOf(upstream)) yield [upstream, id, pool, ANY];
}
