// Puts the rooms together: who owns what, and who is told of what.
import type { TokenSource } from "./contract/auth.ts";
import type { Credential } from "./contract/credential.ts";
import type { Transport } from "./contract/transport.ts";
import type { RelayOptions } from "./options/types.ts";
import { createLog } from "#log";
import { createTransport } from "#transport";
import { UsageRequests } from "./attempts/usage.ts";
import { fromFunction } from "./auth/sources/custom.ts";
import { TokenError } from "./auth/token-error.ts";
import { Keeper, type KeeperOptions } from "./auth/keeper.ts";
import { type Acquirers, createAcquirers } from "./acquire.ts";
import { describeAuthorizeFault } from "./authorize-faults.ts";
import { createCallerCaps } from "./caller-caps.ts";
import { type Callers, createCallers } from "./callers.ts";
import { systemClock } from "./clock.ts";
import { createConsequences, type ConsequenceRooms, type Consequences } from "./consequences.ts";
import { createEndpointFaults, type EndpointFaults } from "./endpoint-faults.ts";
import { createRelayHooks } from "./hooks.ts";
import type { Life } from "./life.ts";
import { generic } from "./dialects/generic.ts";
import { judge } from "./limits/judge.ts";
import { type CircuitOptions, type Circuits, createCircuits } from "./limits/circuits.ts";
import { createRetryBudget, type RetryBudget } from "./limits/retry-budget.ts";
import { createMembers, type Members } from "./members.ts";
import { createMemory } from "./memory.ts";
import { tellDenials } from "./observe/denials.ts";
import { tellDisabled, tellStillDisabled } from "./observe/disabled.ts";
import { describeFault } from "./observe/fault.ts";
import { createFaultLog, type FaultLog } from "./observe/fault-log.ts";
import { tellRefreshFailed } from "./observe/refresh-words.ts";
import { createReporter, type Reporter, silentLog } from "./observe/reporter.ts";
import { watchedFetch } from "./observe/watched-fetch.ts";
import { OpenRequests } from "./open-requests.ts";
import { type RelayConfig, resolveOptions } from "./options/resolve.ts";
import { Cooldowns } from "./pool/cooldowns.ts";
import { Health } from "./pool/health.ts";
import { Pool, type PoolOptions } from "./pool/pool.ts";
import { compilePattern } from "./patterns.ts";
import { createQuotaWatch } from "./quotas.ts";
import { createPlanner, type Planner } from "./request/targets.ts";
import { startLine } from "./start-line.ts";
import { noteAtStart } from "./start-notes.ts";
import { createState } from "./state/state.ts";
import { secondsUntil, toDurationText } from "./times.ts";
import { createTransport as createFetchTransport } from "./transport/fetch.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting.ts";

const PRUNE_EVERY = 60_000;

/** Everything that requests share. */
export interface Rooms extends ConsequenceRooms {
  planner: Planner;
  callers: Callers;
  waiting: WaitingRoom;
  consequences: Consequences;
  open: OpenRequests;
  retries: RetryBudget;
  faults: EndpointFaults;
  faultLog: FaultLog;
  circuits: Circuits;
  /** Asks streams for their token counts; `undefined` where `streaming.includeUsage` is off. */
  usage: UsageRequests | undefined;
  members: Members;
  /** Sources of anonymous tokens; `undefined` where none is configured. */
  acquirers: Acquirers | undefined;
  /** Names of the relay's own response headers, lower case. */
  ownHeaders: ReadonlySet<string>;
  /** Only after `loaded`. */
  transport(): Transport;
  /** Resolves when state and transport are there. Rejects where the transport cannot be made. */
  ready: Promise<void>;
  /** Resolves when a request may be attempted; `undefined` where it may be at once. */
  loaded(): Promise<void> | undefined;
  isClosing(): boolean;
  nextId(): string;
  sessionOf(life: Pick<Life, "call" | "caller">): string | undefined;
  /** Forgets what has long ended, now and then, and loads again what could not be loaded. */
  tidy(): void;
  /** Resolves when what requests share is over and written: a load, refreshes, writes. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Builds all rooms of a relay. Throws `ERR_RELAY_OPTIONS`. */
export function createRooms(options: RelayOptions): Rooms {
  const config = resolveOptions(options);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const log = options.log === false ? silentLog() : (options.log ?? createLog());
  const reporter = createReporter(log, clock);
  const faultLog = createFaultLog(reporter, clock);
  const hooks = createRelayHooks(options.hooks ?? {}, reporter);
  const state = createState({
    storage: config.storage,
    base: config.base,
    secrets: config.sealing,
    sync: config.sync,
    isOnly: config.instances === 1,
    clock,
    random,
    log,
    // The driver's client tells at once what the load would tell late.
    onFault: ({ during }) => during === "connect" && announce(false),
  });
  const cooldowns = new Cooldowns({ limit: Math.max(100_000, 4 * config.credentials.length) });
  const waiting = createWaitingRoom(config.limits.queue);
  const pools = createPools(config, cooldowns, random, reporter, waiting.wakeAll);
  const health: Health = new Health((mark) => {
    const { credential, disabled } = mark;
    for (const pool of pools.values())
      pool.setDisabled(credential, disabled !== undefined, clock.now());
    if (!disabled) auth.revive(credential);
    hooks.emit("credential", {
      credential,
      disabled: disabled !== undefined,
      cause: disabled?.cause ?? "",
      reason: disabled?.reason ?? "",
    });
    acquirers?.marked(mark);
    memory
      .remember(mark)
      .catch((error: unknown) =>
        reporter.error(`the mark of ${credential} could not be written: ${String(error)}`),
      );
  });
  const ownFetch = tellDenials(options.fetch ?? ((...args) => globalThis.fetch(...args)), reporter);
  const fetchFor = (name: string): typeof globalThis.fetch =>
    watchedFetch({
      fetch: ownFetch,
      log: faultLog,
      clock,
      name,
      isClosing: () => closing !== undefined,
    });
  let closing: Promise<void> | undefined;
  const addedKeys = new Map<string, string>();
  const auth = createKeeper();
  const planner = createPlanner(config);
  const shared = {
    config,
    cooldowns,
    pools,
    health,
    auth,
    state,
    hooks,
    reporter,
    clock,
    random,
  };
  const acquirers: Acquirers | undefined = createAcquirers(
    {
      ...shared,
      waiting,
      fetch: fetchFor("anonymous endpoint"),
      keeper: auth,
      isOnly: config.instances === 1,
      isSafe: () => config.instances === 1 || state.leases.tier !== "best-effort",
      isLoaded: () => state.health().loaded,
    },
    config.acquirers,
  );
  const quotas = createQuotaWatch(shared, {
    fetch: fetchFor("quota endpoint"),
    familyOf: planner.familyOf,
  });
  const members = createMembers({ ...shared, addedKeys });
  const parts: ConsequenceRooms = { ...shared, quotas };
  const memory = createMemory({
    ...parts,
    async takeCredentials(records) {
      members.restore(records);
      await acquirers?.restore(records);
    },
    onMark: (mark) => acquirers?.marked(mark),
    onLoad: announce,
  });
  const open = new OpenRequests();
  let transport: Transport | undefined;
  let lastTidyAt = clock.now();
  noteAtStart(config, state.health(), reporter);

  const making = prepareTransport(options).then((made) => (transport = made));
  const ready = Promise.all([memory.loaded, making]).then(() => {});
  let isReady = false;
  // Where the transport cannot be made, each request says so through `loaded`.
  ready.then(
    () => {
      isReady = true;
      quotas.start();
    },
    () => {},
  );

  async function closeAll(): Promise<void> {
    const { shutdownGrace } = config.streaming;
    await open.drain(shutdownGrace, clock);
    quotas.stop();
    await auth.close(shutdownGrace);
    await acquirers?.close();
    await memory.stop();
    await Promise.all([state.close(), transport?.close()]);
  }

  function tellRefresh(credential: string, error: unknown, code: string): void {
    const { lastError = code, retryAt } = auth.status(credential) ?? {};
    // That it is disabled, and why, has been told.
    if (health.get(credential)?.reason === lastError) return;
    const next =
      retryAt === undefined
        ? ""
        : `; next attempt in ${toDurationText(secondsUntil(retryAt, clock.now()) * 1_000)}`;
    const cause = causeOf(error, code);
    reporter.warn(tellRefreshFailed(credential, lastError, cause, next));
  }

  let isAnnounced = false;
  let hasToldDisabled = false;

  // Once, with what is known by then: a store that comes later tells so itself.
  function announce(isLoaded: boolean): void {
    if (!isAnnounced)
      reporter.info(startLine(config, state.health(), members.export(false).length));
    isAnnounced = true;
    if (!isLoaded || hasToldDisabled) return;
    hasToldDisabled = true;
    const ids = [...pools.values()].flatMap(({ credentials }) => credentials.map(({ id }) => id));
    const disabled = ids.flatMap((id) => {
      const mark = health.get(id);
      return mark ? [{ id, mark }] : [];
    });
    const line = tellStillDisabled(disabled);
    if (line) reporter.warn(line);
  }

  function upstreamOf(id: string): string {
    return [...pools].find(([, pool]) => pool.has(id))?.[0] ?? "";
  }

  function createKeeper(): Keeper {
    return new Keeper({
      ...toKeeperOptions(config),
      keyOf: (id) => config.secrets.get(id) ?? addedKeys.get(id),
      clock,
      fetch: fetchFor("token endpoint"),
      leases: state.leases,
      tokens: state.tokens,
      isLoaded: () => state.health().loaded,
      isDisabled: (id) => health.get(id) !== undefined,
      alarm: (id) =>
        reporter.error(`the new refresh token of ${id} is not stored: a restart now would lose it`),
      onRelogin(id, reason) {
        if (health.get(id)) return;
        const mark = { cause: "relogin", reason, at: clock.now() } as const;
        health.disable(id, mark);
        reporter.warn(tellDisabled(id, upstreamOf(id), mark));
      },
      onFailed: tellRefresh,
      onRefresh: (event) => hooks.emit("refresh", event),
    });
  }

  return {
    ...parts,
    open,
    ready,
    consequences: createConsequences(parts),
    retries: createRetryBudget(),
    faultLog,
    faults: createEndpointFaults(faultLog),
    circuits: createCircuits(toCircuitOptions(config)),
    usage: config.streaming.includeUsage
      ? new UsageRequests(clock, reporter, config.limits.maxAttempts)
      : undefined,
    waiting,
    acquirers,
    members,
    planner,
    callers: createCallers(config.authorize, createCallerCaps(config, reporter), (fault) =>
      faultLog.failed(describeAuthorizeFault(fault, () => allSecrets(config, addedKeys))),
    ),
    ownHeaders: new Set(
      Object.values(config.responseHeaders).flatMap((name) =>
        name === false ? [] : [name.toLowerCase()],
      ),
    ),
    transport: () => transport!,
    loaded: () => (isReady ? undefined : Promise.all([memory.patiently(), making]).then(() => {})),
    isClosing: () => closing !== undefined,
    nextId: createIds(random),
    sessionOf: createSessionKey(config),
    tidy() {
      memory.retry();
      const now = clock.now();
      if (now - lastTidyAt < PRUNE_EVERY) return;
      lastTidyAt = now;
      cooldowns.prune(now);
      for (const pool of pools.values()) pool.prune(now);
      members.prune();
    },
    async settled() {
      await Promise.allSettled([ready, memory.settled(), auth.settled()]);
      await state.flush();
    },
    // Who asks again waits for the same end: a host that exits after it must not cut it off.
    close: () => (closing ??= closeAll()),
  };
}

/** What the line adds to the code: where the operator's own function failed, or that nothing is served at the address. */
function causeOf(error: unknown, code: string): string | undefined {
  if (code === "SOURCE") return describeFault((error as { cause?: unknown }).cause ?? error);
  return error instanceof TokenError && error.refusal?.status === 404
    ? "status 404, check the address of the token endpoint"
    : undefined;
}

/** All secrets that a log line or an answer must not quote. */
function* allSecrets(
  { secrets, sealing, sources }: RelayConfig,
  addedKeys: ReadonlyMap<string, string>,
): Iterable<string> {
  yield* secrets.values();
  yield* addedKeys.values();
  yield* sealing;
  for (const source of sources.values())
    if (typeof source === "object" && source.refreshToken !== undefined) yield source.refreshToken;
}

function toCircuitOptions({ limits }: RelayConfig): CircuitOptions {
  const { circuitAfter, circuitWithin, circuitOpen } = limits;
  return { after: circuitAfter, within: circuitWithin, openFor: circuitOpen };
}

function toKeeperOptions(
  config: RelayConfig,
): Pick<KeeperOptions, "sources" | "judge" | "isOnly" | "background"> {
  return {
    sources: sourcesOf(config),
    judge: (refusal) => judge(refusal, generic),
    isOnly: config.instances === 1 || config.storage === undefined,
    background: config.tokens.background && config.tokens.concurrency,
  };
}

function* sourcesOf({ sources }: RelayConfig): Iterable<[string, TokenSource]> {
  for (const [id, source] of sources)
    yield [id, typeof source === "function" ? fromFunction(source) : source];
}

function createPools(
  config: RelayConfig,
  cooldowns: Cooldowns,
  random: () => number,
  reporter: Reporter,
  onChange: (upstream: string) => void,
): Map<string, Pool> {
  const options = { ...toPoolOptions(config, reporter), cooldowns, random, onChange };
  const groups = new Map<string, Credential[]>(
    [...config.upstreams.keys()].map((name) => [name, []]),
  );
  for (const credential of config.credentials) groups.get(credential.upstream)!.push(credential);
  return new Map(
    [...groups].map(([name, credentials]) => [name, new Pool(name, credentials, options)]),
  );
}

function toPoolOptions(
  { scheduling }: RelayConfig,
  reporter: Reporter,
): Omit<PoolOptions, "cooldowns" | "random" | "onChange"> {
  const { mode, cacheWait, reuseWindow, preferred, protect } = scheduling;
  const { rotateEvery, sessionTTL, sessionLimit, strategy } = scheduling;
  const names = protect === false ? [] : (protect.models ?? ["*"]).map(compilePattern);
  return {
    rotateEvery,
    sessionTTL,
    sessionLimit,
    strategy,
    reuseWindow: mode === "performance-first" ? false : reuseWindow,
    cacheWait: mode === "cache-first" ? cacheWait : false,
    preferred: preferred && { ...preferred, onChange: tellPreferred(preferred.id, reporter) },
    isProtected:
      protect === false
        ? undefined
        : (model, remaining) =>
            remaining * 100 < protect.below && names.some((fits) => fits(model)),
    onFault: (error) => reporter.warn(`scheduling.strategy failed: ${describeFault(error)}`),
  };
}

function tellPreferred(id: string, reporter: Reporter): (isUsed: boolean) => void {
  return (isUsed) =>
    isUsed
      ? reporter.info(`the preferred credential ${id} is used again`)
      : reporter.info(`the preferred credential ${id} is limited: others take its place`);
}

function prepareTransport({ transport, fetch }: RelayOptions): Promise<Transport> {
  if (typeof transport === "object") return Promise.resolve(transport);
  if (transport === "fetch" || fetch) return Promise.resolve(createFetchTransport({ fetch }));
  return Promise.resolve(createTransport());
}

/** Ids of requests: unique in the process and, by their prefix, most likely beyond it. */
function createIds(random: () => number): () => string {
  const prefix = Math.floor(random() * 2 ** 32).toString(36);
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

/** Where a session's key comes from; callers cannot share one by chance or on purpose (N7). */
function createSessionKey({ scheduling }: RelayConfig): Rooms["sessionOf"] {
  const { sessionKey, mode } = scheduling;
  if (sessionKey === undefined || mode === "performance-first") return () => undefined;
  const read =
    typeof sessionKey === "string"
      ? ({ call }: Pick<Life, "call">) => call.header(sessionKey.toLowerCase())
      : ({ call }: Pick<Life, "call">) => sessionKey(call.request());
  return (life) => {
    const key: unknown = read(life);
    // A promise is no key: all sessions would be one.
    if (key !== null && typeof key === "object")
      throw new TypeError("sessionKey must return a string at once");
    return typeof key === "string" && key !== "" ? `${life.caller ?? ""}\n${key}` : undefined;
  };
}
