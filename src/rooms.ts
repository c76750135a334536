// Puts the rooms together: who owns what, and who is told of what.
import type { Transport } from "./contract/transport.ts";
import type { AttemptRooms } from "./attempts.ts";
import type { RelayOptions } from "./options/types.ts";
import type { Answers } from "./answers.ts";
import { createConsola } from "consola/basic";
import { createTransport } from "#transport";
import { createStaticAuth } from "./auth/auth.ts";
import { type Callers, createCallers } from "./callers.ts";
import { systemClock } from "./clock.ts";
import { createConsequences, type ConsequenceRooms, type Consequences } from "./consequences.ts";
import { RelayError } from "./errors.ts";
import { createRelayHooks } from "./hooks.ts";
import type { Life } from "./life.ts";
import { createReporter, silentLog } from "./observe/reporter.ts";
import { type RelayConfig, resolveOptions } from "./options/resolve.ts";
import { Cooldowns } from "./pool/cooldowns.ts";
import { Health } from "./pool/health.ts";
import { Pool } from "./pool/pool.ts";
import { createPlanner, type Planner } from "./request/targets.ts";
import { hashSecret, isSameSecret } from "./state/secret-hash.ts";
import { createState } from "./state/state.ts";
import { createTransport as createFetchTransport } from "./transport/fetch.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting.ts";

/** The first request waits so long for the state, then goes on without it (K15). */
const LOAD_PATIENCE = 2_000;
/** A load that failed is tried again after so long. */
const LOAD_AGAIN = 5_000;
const PRUNE_EVERY = 60_000;

export interface Rooms extends ConsequenceRooms {
  planner: Planner;
  callers: Callers;
  waiting: WaitingRoom;
  consequences: Consequences;
  /** Requests under way. */
  open: Set<Life>;
  ownHeaderNames: ReadonlySet<string>;
  ready: Promise<void>;
  nextId(): string;
  isClosing(): boolean;
  /** Resolves when choosing may begin: state and transport are there. */
  loaded(): Promise<void> | undefined;
  sessionOf(life: Life): string | undefined;
  attempts(commit: AttemptRooms["commit"]): AttemptRooms;
  knows(credential: string): boolean;
  clearCredential(credential: string): boolean;
  close(answers: Answers): Promise<void>;
}

export function createRooms(options: RelayOptions): Rooms {
  const config = resolveOptions(options);
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const log =
    options.log === false ? silentLog() : (options.log ?? createConsola().withTag("relay"));
  const reporter = createReporter(log, clock);
  const hooks = createRelayHooks(options.hooks ?? {}, log);
  const state = createState({ storage: config.storage, base: config.base, clock, random, log });
  const auth = createStaticAuth(config.secrets);
  const cooldowns = new Cooldowns();
  const pools = createPools(config, cooldowns, random);
  const health = new Health((mark) => {
    const pool = poolOf(mark.credential);
    pool?.setDisabled(mark.credential, mark.disabled !== undefined, clock.now());
    const { cause = "", reason = "" } = mark.disabled ?? {};
    hooks.emit("credential", {
      credential: mark.credential,
      disabled: mark.disabled !== undefined,
      cause,
      reason,
    });
    void remember(mark);
  });
  const parts: ConsequenceRooms = {
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
  const consequences = createConsequences(parts);
  const waiting = createWaitingRoom(config.limits.queue);
  const open = new Set<Life>();
  const names = config.responseHeaders;
  const ownHeaderNames = new Set(
    Object.values(names)
      .filter((name) => name !== false)
      .map((name) => name.toLowerCase()),
  );
  const idPrefix = Math.floor(random() * 0x100000000).toString(36);
  let transport: Transport | undefined;
  let isClosing = false;
  let requests = 0;
  let isReady = false;
  let lastPruneAt = clock.now();
  let rooms: AttemptRooms | undefined;

  warnAtStart(config, reporter);

  function poolOf(credential: string): Pool | undefined {
    const found = config.credentials.find(({ id }) => id === credential);
    return found && pools.get(found.upstream);
  }

  // A changed secret must be noticed after a restart, without the secret being kept: its salted hash goes with the mark.
  async function remember(
    mark: Parameters<ConstructorParameters<typeof Health>[0]>[0],
  ): Promise<void> {
    const secret = config.secrets.get(mark.credential);
    const secretHash =
      mark.disabled && secret !== undefined ? await hashSecret(secret) : mark.secretHash;
    state.putMark({ ...mark, secretHash });
  }

  async function load(): Promise<void> {
    try {
      const loaded = await state.load();
      const now = clock.now();
      for (const record of loaded.cooldowns) {
        const restored = cooldowns.restore(record, now);
        if (restored) pools.get(restored.key.upstream)?.changed(restored.key, now);
      }
      for (const mark of loaded.marks) await restoreMark(mark);
    } catch (error) {
      reporter.error(
        `the state could not be loaded; configured credentials serve without it (${error instanceof Error ? error.name : "unknown"})`,
      );
      if (!isClosing) clock.after(LOAD_AGAIN, () => void load());
    }
  }

  async function restoreMark(
    mark: Awaited<ReturnType<typeof state.load>>["marks"][number],
  ): Promise<void> {
    const secret = config.secrets.get(mark.credential);
    if (secret === undefined || !health.restore(mark)) return;
    poolOf(mark.credential)?.setDisabled(mark.credential, mark.disabled !== undefined, clock.now());
    const { cause } = mark.disabled ?? {};
    if (
      cause === undefined ||
      cause === "operator" ||
      mark.secretHash === "" ||
      (await isSameSecret(secret, mark.secretHash))
    )
      return;
    health.enable(mark.credential, clock.now());
    reporter.info(`credential ${mark.credential} is back in use: its secret has changed`);
  }

  const loading = Promise.all([
    load(),
    prepareTransport(options).then((made) => (transport = made)),
  ]);
  const ready = loading.then(() => void (isReady = true));
  // A fault here is told to each request by `loaded`.
  ready.catch(() => {});

  async function patiently(): Promise<void> {
    const prepared = prepareWhileLoading();
    await Promise.race([ready, prepared]);
    if (!transport) await loading;
  }

  function prepareWhileLoading(): Promise<void> {
    return new Promise((resolve) => void clock.after(LOAD_PATIENCE, resolve));
  }

  function prune(): void {
    const now = clock.now();
    if (now - lastPruneAt < PRUNE_EVERY) return;
    lastPruneAt = now;
    cooldowns.prune(now);
    for (const pool of pools.values()) pool.prune();
  }

  async function close(answers: Answers): Promise<void> {
    if (isClosing) return;
    isClosing = true;
    await drain(open, config.streaming.shutdownGrace, clock);
    for (const life of open) life.interrupt(new RelayError("ERR_RELAY_SHUTDOWN"));
    void answers;
    await state.close();
    await transport?.close();
  }

  return {
    ...parts,
    consequences,
    waiting,
    open,
    ownHeaderNames,
    ready,
    planner: createPlanner(config),
    callers: createCallers(config.authorize, config.limits.perClient, (error) =>
      reporter.error(`authorize failed: ${error instanceof Error ? error.name : typeof error}`),
    ),
    nextId: () => `${idPrefix}-${(++requests).toString(36)}`,
    isClosing: () => isClosing,
    loaded: () => (isReady ? undefined : patiently()),
    sessionOf: createSessionKey(config),
    attempts: (commit) => {
      prune();
      return (rooms ??= {
        ...parts,
        consequences,
        waiting,
        transport: transport!,
        commit,
        ownHeaders: ownHeaderNames,
      });
    },
    knows: (id) => config.secrets.has(id),
    clearCredential(id) {
      for (const { key } of [...cooldowns.all(clock.now())])
        if (key.credential === id) consequences.clear(key);
      return true;
    },
    close,
  };
}

function createPools(
  config: RelayConfig,
  cooldowns: Cooldowns,
  random: () => number,
): Map<string, Pool> {
  const { rotateEvery, sessionTTL, sessionLimit } = config.scheduling;
  const pools = [...config.upstreams.keys()].map((name): [string, Pool] => {
    const credentials = config.credentials.filter(({ upstream }) => upstream === name);
    return [
      name,
      new Pool(name, credentials, { cooldowns, random, rotateEvery, sessionTTL, sessionLimit }),
    ];
  });
  return new Map(pools);
}

function prepareTransport({ transport, fetch }: RelayOptions): Promise<Transport> {
  if (typeof transport === "object") return Promise.resolve(transport);
  if (transport === "fetch" || fetch) return Promise.resolve(createFetchTransport({ fetch }));
  return Promise.resolve(createTransport());
}

/** Where a session's key comes from; callers cannot share one by chance or on purpose. */
function createSessionKey({ scheduling }: RelayConfig): (life: Life) => string | undefined {
  const { sessionKey } = scheduling;
  if (sessionKey === undefined) return () => undefined;
  const header = typeof sessionKey === "string" ? sessionKey.toLowerCase() : undefined;
  return ({ call, caller }) => {
    const key =
      header === undefined
        ? (sessionKey as (request: Request) => string | null | undefined)(call.request())
        : call.header(header);
    return key ? `${caller ?? ""}\n${key}` : undefined;
  };
}

const NEVER_DISABLE =
  /^(?:QUOTA_EXHAUSTED|RATE_LIMIT_EXCEEDED|MODEL_CAPACITY_EXHAUSTED|INVALID_REQUEST)$/;

function warnAtStart(
  { authorize, limits }: RelayConfig,
  reporter: { warn(message: string): void },
): void {
  if (!authorize)
    reporter.warn("everybody who reaches this relay may use it: set `authorize` to say who may");
  const harmless = limits.disableOn.filter((reason) => NEVER_DISABLE.test(reason));
  if (harmless.length > 0)
    reporter.warn(
      `limits.disableOn: ${harmless.join(", ")} never disables a credential, it is a limit or the request's own fault`,
    );
}

/** Waits until all open requests have ended, at most `grace` ms. */
async function drain(
  open: ReadonlySet<Life>,
  grace: number,
  clock: ConsequenceRooms["clock"],
): Promise<void> {
  if (open.size === 0 || grace === 0) return;
  await new Promise<void>((resolve) => {
    const cancel = clock.after(grace, resolve);
    const timer = (): void => {
      if (open.size > 0) return void clock.after(Math.min(50, grace), timer);
      cancel();
      resolve();
    };
    timer();
  });
}
