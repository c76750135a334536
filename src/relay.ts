// The life of one request, from top to bottom; and where the rooms are put together.
import type { Call } from "./contract/call.ts";
import type { RouteDecision } from "./contract/route.ts";
import type { Sink } from "./contract/sink.ts";
import type { DisconnectPolicy, RelayOptions } from "./options/types.ts";
import type { RelayStatus } from "./contract/status.ts";
import type { HookHandlers, HookName } from "./hooks.ts";
import type { Errand } from "./attempts/standing.ts";
import { type Outcome, runAttempts } from "./attempts.ts";
import { createAnswers } from "./answers.ts";
import type { Admission } from "./callers.ts";
import { isPreflight, preflightHeaders, refusedOrigin } from "./cors.ts";
import { RelayError } from "./errors.ts";
import { toStatus } from "./admin/status.ts";
import { type Ending, Life } from "./life.ts";
import { describeFault } from "./observe/fault.ts";
import {
  isHealthTarget,
  type PlainAnswer,
  toHealthAnswer,
  toPlainAnswer,
  toResponse,
  writePlainly,
} from "./plain-answer.ts";
import { checkRequest, readRequest } from "./request/read.ts";
import { withPrepared } from "./request/headers.ts";
import { isReserved } from "./request/path.ts";
import { WebCall } from "./request/call-web.ts";
import { cutMount, isUnder, toMount, toOutside } from "./request/mount.ts";
import { explain, type RouteQuestion } from "./routes.ts";
import type { AddedCredential, ExportedCredential } from "./members.ts";
import { createRooms, type Rooms } from "./rooms.ts";
import { WebSink } from "./stream/sink-web.ts";

export interface Relay {
  /**
   * Reads the options now, instead of at the first request. Resolves when the state has been loaded, or loading has failed once.
   * Rejects with `ERR_RELAY_OPTIONS`, or with what the factory of the options threw.
   */
  ready(): Promise<void>;
  /** Path the relay is mounted on, as the options say: `/ai`, `""` for `/`; `undefined` where they say nothing. */
  readonly mount: string | undefined;
  /** Relays a web request; the answer's body streams. Never rejects. */
  fetch(request: Request, where?: FetchWhere): Promise<Response>;
  /** Relays a call into a sink, for adapters. Resolves when the request is over. Never rejects. */
  handle(call: Call, sink: Sink): Promise<void>;
  /** What the relay knows now: credentials, cooldowns, the store. The same truth that choosing uses. */
  status(): RelayStatus;
  /** Tells where a request would go now, place by place, and why; sends nothing. Throws where it would be refused. */
  explain(question: RouteQuestion): RouteDecision[];
  readonly credentials: Credentials;
  /** Ends a request under way, with an error for a client that is still there. False where there is none of that id. */
  stop(requestId: string): boolean;
  /** Adds a listener and returns what takes it away. */
  on<Name extends HookName>(name: Name, listener: NonNullable<HookHandlers[Name]>): () => void;
  /** Takes no new requests, lets open streams finish for `shutdownGrace`, writes what is unwritten. */
  close(): Promise<void>;
}

/** Where a web request came in. */
export interface FetchWhere {
  /** Cut off the request's path; what lies outside is answered 404. `"/"` relays every path. @default the option `mount` */
  mount?: string;
  /**
   * The address that the host knows, best the one of the socket: `limits.perCaller` counts by it. The options `trustProxy` and
   * `clientAddress` go before it. @default unknown
   */
  address?: string;
  /** Keeps a host awake that would sleep after the answer: given a promise that settles when all is over and written. */
  waitUntil?: (work: Promise<unknown>) => void;
}

export interface Credentials {
  /** Takes a credential out of use. False where there is none of that id. */
  disable(id: string, reason?: string): boolean;
  /** Brings a credential back into use; its cooldowns stay. */
  enable(id: string): boolean;
  /** Opens everything that is closed for a credential, and forgets its ladders. */
  clear(id: string): boolean;
  /** Adds a key while the relay runs, on every instance of the store. Returns its id. Throws `ERR_RELAY_CREDENTIAL`, `ERR_RELAY_CONFIGURED`. */
  add(credential: AddedCredential): string;
  /** Removes one that was added. False where there is none. Throws `ERR_RELAY_CONFIGURED`. */
  remove(id: string): boolean;
  /** Those that were added, as JSON; with their keys only when asked for. */
  export(options?: { secrets?: boolean }): ExportedCredential[];
  /** Adds what `export` gave, with keys. Returns how many there were. */
  import(credentials: readonly AddedCredential[]): number;
}

const NO_CORS = "This is a browser's preflight, and the relay's option `cors` is off.";

/** `authorize` has failed when it has not settled within this time, in ms. */
const AUTHORIZE_TIME = 30_000;

/** Starts a relay whose options are known. Throws `ERR_RELAY_OPTIONS`. */
export function startRelay(options: RelayOptions): Relay {
  const rooms = createRooms(options);
  const mount = rooms.config.mount === undefined ? undefined : toMount(rooms.config.mount);
  const outsideError = createOutside(rooms, mount);
  const answers = createAnswers(rooms);
  const lifeOptions = { ...rooms.config.streaming, policyOf: createPolicy(rooms) };

  // Not `async`: a frame of it would be kept as long as the answer streams.
  function handle(call: Call, sink: Sink): Promise<void> {
    const plain = answerPlainly(call);
    if (!plain) return relayCall(call, sink);
    plain.headers = withPrepared(plain.headers, call.preparedHeaders?.());
    writePlainly(sink, plain);
    return Promise.resolve();
  }

  /** What is answered without a request being relayed: what lies outside the mount, and the health of the relay. */
  function answerPlainly(call: Call): PlainAnswer | undefined {
    if (call.mount === undefined) return toPlainAnswer(outsideError(call.target));
    if (isHealthTarget(call.target)) return toHealthAnswer(call.method, !rooms.isClosing());
    return undefined;
  }

  async function relayCall(call: Call, sink: Sink): Promise<void> {
    const life = new Life(rooms.nextId(), call, sink, rooms.clock, lifeOptions);
    rooms.open.add(life);
    let ending: Ending;
    // What is `async` in here is held by every open stream: the attempts, and nothing between.
    try {
      const entered = preflight(life) ?? (await enter(life));
      ending = "reason" in entered ? entered : conclude(life, await runAttempts(rooms, entered));
    } catch (error) {
      ending = tellOrBreakOff(life, error);
    }
    life.slot?.giveBack();
    answers.settle(life, ending);
    rooms.open.delete(life);
  }

  // A request whose error cannot be told either ends all the same; one that hung would keep the relay from closing.
  function tellOrBreakOff(life: Life, error: unknown): Ending {
    try {
      return answers.tellError(life, error);
    } catch (fault) {
      rooms.reporter.error(`an error could not be told: ${describeFault(fault)}`);
      life.delivery.breakOff();
      return { reason: "refused", error: "ERR_RELAY_INTERNAL" };
    }
  }

  function preflight(life: Life): Ending | undefined {
    const { cors } = rooms.config;
    if (!isPreflight(life.call)) return undefined;
    const refused = refusedOrigin(cors, life.call);
    if (refused) rooms.faultLog.failed(refused);
    const headers = preflightHeaders(cors, life.call);
    if (!headers) throw new RelayError("ERR_RELAY_METHOD", { detail: "OPTIONS", advice: NO_CORS });
    life.delivery.commit(204, withPrepared(headers, life.call.preparedHeaders?.()), false);
    return { reason: "completed" };
  }

  /** All that comes before the first attempt: who asks, for what, and where it may go. */
  async function enter(life: Life): Promise<Errand | Ending> {
    const { call } = life;
    // A client that has left already takes no slot.
    life.check();
    if (life.delivery.isClientGone) throw new RelayError("ERR_RELAY_CLIENT_GONE");
    if (rooms.isClosing()) throw new RelayError("ERR_RELAY_CLOSED");
    const path = checkRequest(call, rooms.config.limits.headerCount);
    if (isReserved(path.path)) throw new RelayError("ERR_RELAY_RESERVED");
    const admission = await admit(life);
    if (admission.kind === "answered") return answers.pass(life, admission.response);
    life.caller = admission.caller;
    // Only now: a caller that has left while it was asked for takes none.
    life.slot = rooms.callers.enter(call, admission);
    await life.during(rooms.loaded());
    const errand = await read(life, path);
    setDeadlines(life, errand);
    rooms.tidy();
    return errand;
  }

  function admit(life: Life): Admission | Promise<Admission> {
    const admission = life.during(rooms.callers.admit(life.call));
    if (!(admission instanceof Promise)) return admission;
    life.timers.set("wait", life.startedAt + AUTHORIZE_TIME, () =>
      life.interrupt(rooms.callers.unsettled(AUTHORIZE_TIME)),
    );
    return admission.finally(() => life.timers.clear("wait"));
  }

  async function read(life: Life, path: { path: string; query: string }): Promise<Errand> {
    const { bodyTimeout, bodySize } = rooms.config.limits;
    life.timers.set("body", life.startedAt + bodyTimeout, () =>
      life.interrupt(new RelayError("ERR_RELAY_BODY_TIMEOUT", { limit: bodyTimeout })),
    );
    const asked = (life.asked = await life.during(readRequest(life.call, path, bodySize)));
    life.timers.clear("body");
    const targets = rooms.planner.plan(asked, life.call);
    const target = (life.target = targets[0]!);
    const session = rooms.sessionOf(life);
    return { life, asked, target, targets, session, commit: answers.commit };
  }

  function conclude(life: Life, outcome: Outcome): Ending {
    return outcome.kind === "ended"
      ? answers.conclude(life, outcome.ending)
      : answers.tellFailure(life, outcome);
  }

  function setDeadlines(life: Life, { asked, target }: Errand): void {
    const { commitAfter, totalTimeout } = rooms.config.streaming;
    const { deadline } = rooms.config.limits;
    const late = (limit: number) => () =>
      life.interrupt(new RelayError("ERR_RELAY_DEADLINE", { limit }));
    if (deadline !== false) life.timers.set("deadline", life.startedAt + deadline, late(deadline));
    if (totalTimeout !== false)
      life.timers.set("total", life.startedAt + totalTimeout, late(totalTimeout));
    if (commitAfter !== false && target.dialect.wantsStream(asked))
      life.timers.set("commit", life.startedAt + commitAfter, () => answers.commitEarly(life));
  }

  async function fetch(request: Request, where: FetchWhere = {}): Promise<Response> {
    const { address, waitUntil } = where;
    const { pathname, search } = new URL(request.url);
    const at = where.mount === undefined ? mount : toMount(where.mount);
    if (at !== undefined && !isUnder(pathname, at)) {
      return toResponse(toPlainAnswer(toOutside(pathname, at)), request.method);
    }
    const sink = new WebSink(request.method);
    request.signal.addEventListener("abort", () => sink.close(), { once: true });
    if (request.signal.aborted) sink.close();
    const { target } = cutMount(pathname, at);
    const call = new WebCall(request, { mount: at, target: target + search, address });
    const over = handle(call, sink);
    waitUntil?.(over.then(rooms.settled));
    return sink.response;
  }

  return {
    ready: () => rooms.ready,
    mount,
    handle,
    fetch,
    status: () => toStatus(rooms),
    explain: (question) => explain(rooms, question),
    credentials: credentialsOf(rooms),
    stop: (requestId) => rooms.open.stop(requestId),
    on: (name, listener) => rooms.hooks.on(name, listener),
    close: rooms.close,
  };
}

/** The error for a call outside the mount. Where there is no mount at all, the log is told once. */
function createOutside(
  { reporter }: Rooms,
  mount: string | undefined,
): (target: string) => RelayError {
  if (mount !== undefined) return (target) => toOutside(target, mount);
  let isTold = false;
  return () => {
    const error = new RelayError("ERR_RELAY_MOUNT_MISSING");
    if (!isTold) reporter.error(error.message);
    isTold = true;
    return error;
  };
}

/** What becomes of a request whose client has left (I12); where a function fails, the default holds. */
function createPolicy({ config, reporter }: Rooms): (call: Call) => DisconnectPolicy {
  const { onDisconnect } = config.streaming;
  if (typeof onDisconnect !== "function") return () => onDisconnect;
  return (call) => {
    try {
      const policy: unknown = onDisconnect(call.request());
      if (policy === "drain" || policy === "detach" || policy === "abort") return policy;
      reporter.error('streaming.onDisconnect must return "abort", "drain" or "detach"');
    } catch (error) {
      reporter.error(`streaming.onDisconnect failed: ${describeFault(error)}`);
    }
    return "abort";
  };
}

function credentialsOf({
  config,
  pools,
  cooldowns,
  consequences,
  health,
  clock,
  members,
}: Rooms): Credentials {
  const knows = (id: string): boolean =>
    [...pools.values()].some((pool) => pool.has(id)) || config.acquirers.some((it) => it.id === id);
  return {
    disable(id, reason = "by an operator") {
      if (!knows(id)) return false;
      health.disable(id, { cause: "operator", reason, at: clock.now() });
      return true;
    },
    enable: (id) => knows(id) && health.enable(id, clock.now()),
    add: (credential) => members.add(credential),
    remove: (id) => members.remove(id),
    export: ({ secrets = false } = {}) => members.export(secrets),
    import(credentials) {
      for (const credential of credentials) members.add(credential);
      return credentials.length;
    },
    clear(id) {
      const closed = [...cooldowns.all(clock.now())].filter(({ key }) => key.credential === id);
      for (const { key } of closed) consequences.clear(key);
      return knows(id);
    },
  };
}
