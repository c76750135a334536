// Puts the rooms together: who owns what, and who is told of what.
import type { TokenSource } from "../contract/token-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { Transport } from "../contract/transport.ts";
import type { RelayOptions } from "../options/types.ts";
import { createLog } from "#log";
import { createTransport } from "#transport";
import { UsageRequests } from "../attempts/usage-requests.ts";
import { fromFunction } from "../tokens/sources/function-source.ts";
import { TokenError } from "../tokens/token-error.ts";
import { TokenProvider, type TokenProviderOptions } from "../tokens/token-provider.ts";
import { type Acquirers, createAcquirers } from "../anonymous/acquirers.ts";
import { describeAuthorizeFault } from "../callers/authorize-faults.ts";
import { wireCallerLimits } from "./wire-callers.ts";
import { type CallerAdmission, createCallerAdmission } from "../callers/admission.ts";
import { systemClock } from "./system-clock.ts";
import {
  createVerdictApplier,
  type VerdictApplierDeps,
  type VerdictApplier,
} from "../cooldowns/apply-verdict.ts";
import { createEndpointFaults, type EndpointFaults } from "../observe/endpoint-faults.ts";
import { createRelayHooks } from "../observe/hooks.ts";
import type { RequestContext } from "../request/request-context.ts";
import { generic } from "../dialects/generic.ts";
import { classify } from "../refusals/classify.ts";
import {
  type CircuitOptions,
  type CircuitBreaker,
  createCircuitBreaker,
} from "../policies/circuit-breaker.ts";
import { createRetryBudget, type RetryBudget } from "../policies/retry-budget.ts";
import { createRuntimeCredentials, type RuntimeCredentials } from "../admin/runtime-credentials.ts";
import { createStateRestorer } from "./restore-state.ts";
import { reportDenials } from "../observe/permission-denials.ts";
import { describeDisabled, describeStillDisabled } from "../observe/disabled-messages.ts";
import { describeFault } from "../shared/describe-error.ts";
import { createFaultLog, type FaultLog } from "../observe/fault-log.ts";
import { describeRefreshFailure } from "../observe/refresh-failures.ts";
import { createReporter, type Reporter, silentLog } from "../observe/reporter.ts";
import { watchedFetch } from "../observe/watched-fetch.ts";
import { OpenRequests } from "../request/open-requests.ts";
import { type RelayConfig, resolveOptions } from "../options/resolve.ts";
import { Cooldowns } from "../cooldowns/cooldowns.ts";
import { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import { Pool, type PoolOptions } from "../pool/pool.ts";
import { compilePattern } from "../shared/patterns.ts";
import { createQuotaPoller } from "../quota/quota-poller.ts";
import { createPlanner, type Planner } from "../routing/planner.ts";
import { toStartupLine } from "./startup-line.ts";
import { logStartupNotes } from "./startup-log.ts";
import { createState } from "../state/create-state.ts";
import { secondsUntil, toDurationText } from "../shared/times.ts";
import { createTransport as createFetchTransport } from "../transport/fetch.ts";
import { createRequestQueue, type RequestQueue } from "../policies/request-queue.ts";

const PRUNE_EVERY = 60_000;

/** Everything that requests share. */
export interface Services extends VerdictApplierDeps {
  planner: Planner;
  callers: CallerAdmission;
  waiting: RequestQueue;
  consequences: VerdictApplier;
  open: OpenRequests;
  retries: RetryBudget;
  faults: EndpointFaults;
  faultLog: FaultLog;
  circuits: CircuitBreaker;
  /** Asks streams for their token counts; `undefined` where `streaming.includeUsage` is off. */
  usage: UsageRequests | undefined;
  members: RuntimeCredentials;
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
  sessionOf(context: Pick<RequestContext, "call" | "caller">): string | undefined;
  /** Forgets what has long ended, now and then, and loads again what could not be loaded. */
  tidy(): void;
  /** Resolves when what requests share is over and written: a load, refreshes, writes. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Builds all rooms of a relay. Throws `ERR_RELAY_OPTIONS`. */
export function createServices(options: RelayOptions): Services {
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
  const waiting = createRequestQueue(config.limits.queue);
  const pools = createPools(config, cooldowns, random, reporter, waiting.wakeAll);
  const health: DisabledCredentials = new DisabledCredentials((mark) => {
    const { credential, disabled } = mark;
    for (const pool of pools.values()) pool.setDisabled(credential, disabled !== undefined);
    if (!disabled) auth.reset(credential);
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
  const ownFetch = reportDenials(
    options.fetch ?? ((...args) => globalThis.fetch(...args)),
    reporter,
  );
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
  const quotas = createQuotaPoller(shared, {
    fetch: fetchFor("quota endpoint"),
    familyOf: planner.familyOf,
  });
  const members = createRuntimeCredentials({ ...shared, addedKeys });
  const parts: VerdictApplierDeps = { ...shared, quotas };
  const memory = createStateRestorer({
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
  logStartupNotes(config, state.health(), reporter);

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
    reporter.warn(describeRefreshFailure(credential, lastError, cause, next));
  }

  let isAnnounced = false;
  let hasToldDisabled = false;

  // Once, with what is known by then: a store that comes later tells so itself.
  function announce(isLoaded: boolean): void {
    if (!isAnnounced)
      reporter.info(toStartupLine(config, state.health(), members.export(false).length));
    isAnnounced = true;
    if (!isLoaded || hasToldDisabled) return;
    hasToldDisabled = true;
    const ids = [...pools.values()].flatMap(({ credentials }) => credentials.map(({ id }) => id));
    const disabled = ids.flatMap((id) => {
      const mark = health.get(id);
      return mark ? [{ id, mark }] : [];
    });
    const line = describeStillDisabled(disabled);
    if (line) reporter.warn(line);
  }

  function upstreamOf(id: string): string {
    return [...pools].find(([, pool]) => pool.has(id))?.[0] ?? "";
  }

  function createKeeper(): TokenProvider {
    return new TokenProvider({
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
        reporter.warn(describeDisabled(id, upstreamOf(id), mark));
      },
      onFailed: tellRefresh,
      onRefresh: (event) => hooks.emit("refresh", event),
    });
  }

  return {
    ...parts,
    open,
    ready,
    consequences: createVerdictApplier(parts),
    retries: createRetryBudget(),
    faultLog,
    faults: createEndpointFaults(faultLog),
    circuits: createCircuitBreaker(toCircuitOptions(config)),
    usage: config.streaming.includeUsage
      ? new UsageRequests(clock, reporter, config.limits.maxAttempts)
      : undefined,
    waiting,
    acquirers,
    members,
    planner,
    callers: createCallerAdmission(config.authorize, wireCallerLimits(config, reporter), (fault) =>
      faultLog.failed(describeAuthorizeFault(fault, () => allSecrets(config, addedKeys))),
    ),
    ownHeaders: new Set(
      Object.values(config.responseHeaders).flatMap((name) =>
        name === false ? [] : [name.toLowerCase()],
      ),
    ),
    transport: () => transport!,
    loaded: () =>
      isReady ? undefined : Promise.all([memory.waitForLoad(), making]).then(() => {}),
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
): Pick<TokenProviderOptions, "sources" | "judge" | "isOnly" | "background"> {
  return {
    sources: sourcesOf(config),
    judge: (refusal) => classify(refusal, generic),
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
function createSessionKey({ scheduling }: RelayConfig): Services["sessionOf"] {
  const { sessionKey, mode } = scheduling;
  if (sessionKey === undefined || mode === "performance-first") return () => undefined;
  const read =
    typeof sessionKey === "string"
      ? ({ call }: Pick<RequestContext, "call">) => call.header(sessionKey.toLowerCase())
      : ({ call }: Pick<RequestContext, "call">) => sessionKey(call.request());
  return (context) => {
    const key: unknown = read(context);
    // A promise is no key: all sessions would be one.
    if (key !== null && typeof key === "object")
      throw new TypeError("sessionKey must return a string at once");
    return typeof key === "string" && key !== "" ? `${context.caller ?? ""}\n${key}` : undefined;
  };
}
