// The life of one request, from top to bottom; and where the rooms are put together.
import type { InboundCall } from "./contract/inbound-call.ts";
import type { RouteDecision } from "./contract/route-decision.ts";
import type { Sink } from "./contract/sink.ts";
import type { DisconnectPolicy } from "./options/group-types.ts";
import type { RelayOptions } from "./options/types.ts";
import type { RelayStatus } from "./contract/relay-status.ts";
import type { HookHandlers, HookName } from "./observe/hooks.ts";
import type { RequestPlan } from "./attempts/attempt-state.ts";
import { type Outcome, runAttempts } from "./attempts/attempt-loop.ts";
import { createAnswers } from "./response/answers.ts";
import type { Admission } from "./callers/admission.ts";
import { isPreflight, preflightHeaders, refusedOrigin } from "./http/cors.ts";
import { RelayError } from "./shared/errors.ts";
import { toStatus } from "./admin/status.ts";
import { type RequestOutcome, RequestContext } from "./request/request-context.ts";
import { describeFault } from "./shared/describe-error.ts";
import {
  isHealthTarget,
  type PlainAnswer,
  toHealthAnswer,
  toPlainAnswer,
  toResponse,
  writePlainly,
} from "./response/plain-answer.ts";
import { checkRequest, readRequest } from "./http/read-request.ts";
import { withPrepared } from "./http/headers.ts";
import { isReserved } from "./http/path.ts";
import { WebRequestCall } from "./http/web-request.ts";
import { cutMount, isUnder, toMount, toOutside } from "./http/mount.ts";
import { explain, type RouteQuestion } from "./routing/explain-route.ts";
import type { AddedCredential, ExportedCredential } from "./admin/runtime-credentials.ts";
import { createServices, type Services } from "./wiring/create-services.ts";
import { WebResponseSink } from "./http/web-response.ts";

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
  handle(call: InboundCall, sink: Sink): Promise<void>;
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
  const rooms = createServices(options);
  const mount = rooms.config.mount === undefined ? undefined : toMount(rooms.config.mount);
  const outsideError = createOutside(rooms, mount);
  const answers = createAnswers(rooms);
  const lifeOptions = { ...rooms.config.streaming, policyOf: createPolicy(rooms) };

  // Not `async`: a frame of it would be kept as long as the answer streams.
  function handle(call: InboundCall, sink: Sink): Promise<void> {
    const plain = answerPlainly(call);
    if (!plain) return relayCall(call, sink);
    plain.headers = withPrepared(plain.headers, call.preparedHeaders?.());
    writePlainly(sink, plain);
    return Promise.resolve();
  }

  /** What is answered without a request being relayed: what lies outside the mount, and the health of the relay. */
  function answerPlainly(call: InboundCall): PlainAnswer | undefined {
    if (call.mount === undefined) return toPlainAnswer(outsideError(call.target));
    if (isHealthTarget(call.target)) return toHealthAnswer(call.method, !rooms.isClosing());
    return undefined;
  }

  async function relayCall(call: InboundCall, sink: Sink): Promise<void> {
    const context = new RequestContext(rooms.nextId(), call, sink, rooms.clock, lifeOptions);
    rooms.open.add(context);
    let ending: RequestOutcome;
    // What is `async` in here is held by every open stream: the attempts, and nothing between.
    try {
      const entered = preflight(context) ?? (await enter(context));
      ending = "reason" in entered ? entered : conclude(context, await runAttempts(rooms, entered));
    } catch (error) {
      ending = tellOrBreakOff(context, error);
    }
    context.slot?.giveBack();
    answers.settle(context, ending);
    rooms.open.delete(context);
  }

  // A request whose error cannot be told either ends all the same; one that hung would keep the relay from closing.
  function tellOrBreakOff(context: RequestContext, error: unknown): RequestOutcome {
    try {
      return answers.writeError(context, error);
    } catch (fault) {
      rooms.reporter.error(`an error could not be told: ${describeFault(fault)}`);
      context.delivery.breakOff();
      return { reason: "refused", error: "ERR_RELAY_INTERNAL" };
    }
  }

  function preflight(context: RequestContext): RequestOutcome | undefined {
    const { cors } = rooms.config;
    if (!isPreflight(context.call)) return undefined;
    const refused = refusedOrigin(cors, context.call);
    if (refused) rooms.faultLog.failed(refused);
    const headers = preflightHeaders(cors, context.call);
    if (!headers) throw new RelayError("ERR_RELAY_METHOD", { detail: "OPTIONS", advice: NO_CORS });
    context.delivery.commit(204, withPrepared(headers, context.call.preparedHeaders?.()), false);
    return { reason: "completed" };
  }

  /** All that comes before the first attempt: who asks, for what, and where it may go. */
  async function enter(context: RequestContext): Promise<RequestPlan | RequestOutcome> {
    const { call } = context;
    // A client that has left already takes no slot.
    context.check();
    if (context.delivery.isClientGone) throw new RelayError("ERR_RELAY_CLIENT_GONE");
    if (rooms.isClosing()) throw new RelayError("ERR_RELAY_CLOSED");
    const path = checkRequest(call, rooms.config.limits.headerCount);
    if (isReserved(path.path)) throw new RelayError("ERR_RELAY_RESERVED");
    const admission = await admit(context);
    if (admission.kind === "answered") return answers.pass(context, admission.response);
    context.caller = admission.caller;
    // Only now: a caller that has left while it was asked for takes none.
    context.slot = rooms.callers.enter(call, admission);
    await context.during(rooms.loaded());
    const plan = await read(context, path);
    setDeadlines(context, plan);
    rooms.tidy();
    return plan;
  }

  function admit(context: RequestContext): Admission | Promise<Admission> {
    const admission = context.during(rooms.callers.admit(context.call));
    if (!(admission instanceof Promise)) return admission;
    context.timers.set("wait", context.startedAt + AUTHORIZE_TIME, () =>
      context.interrupt(rooms.callers.unsettled(AUTHORIZE_TIME)),
    );
    return admission.finally(() => context.timers.clear("wait"));
  }

  async function read(
    context: RequestContext,
    path: { path: string; query: string },
  ): Promise<RequestPlan> {
    const { bodyTimeout, bodySize } = rooms.config.limits;
    context.timers.set("body", context.startedAt + bodyTimeout, () =>
      context.interrupt(new RelayError("ERR_RELAY_BODY_TIMEOUT", { limit: bodyTimeout })),
    );
    const asked = (context.asked = await context.during(readRequest(context.call, path, bodySize)));
    context.timers.clear("body");
    const targets = rooms.planner.plan(asked, context.call);
    const target = (context.target = targets[0]!);
    const session = rooms.sessionOf(context);
    return { context, asked, target, targets, session, commit: answers.commit };
  }

  function conclude(context: RequestContext, outcome: Outcome): RequestOutcome {
    return outcome.kind === "ended"
      ? answers.conclude(context, outcome.ending)
      : answers.writeFailure(context, outcome);
  }

  function setDeadlines(context: RequestContext, { asked, target }: RequestPlan): void {
    const { commitAfter, totalTimeout } = rooms.config.streaming;
    const { deadline } = rooms.config.limits;
    const late = (limit: number) => () =>
      context.interrupt(new RelayError("ERR_RELAY_DEADLINE", { limit }));
    if (deadline !== false)
      context.timers.set("deadline", context.startedAt + deadline, late(deadline));
    if (totalTimeout !== false)
      context.timers.set("total", context.startedAt + totalTimeout, late(totalTimeout));
    if (commitAfter !== false && target.dialect.wantsStream(asked))
      context.timers.set("commit", context.startedAt + commitAfter, () =>
        answers.commitEarly(context),
      );
  }

  async function fetch(request: Request, where: FetchWhere = {}): Promise<Response> {
    const { address, waitUntil } = where;
    const { pathname, search } = new URL(request.url);
    const at = where.mount === undefined ? mount : toMount(where.mount);
    if (at !== undefined && !isUnder(pathname, at)) {
      return toResponse(toPlainAnswer(toOutside(pathname, at)), request.method);
    }
    const sink = new WebResponseSink(request.method);
    request.signal.addEventListener("abort", () => sink.close(), { once: true });
    if (request.signal.aborted) sink.close();
    const { target } = cutMount(pathname, at);
    const call = new WebRequestCall(request, { mount: at, target: target + search, address });
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
  { reporter }: Services,
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
function createPolicy({ config, reporter }: Services): (call: InboundCall) => DisconnectPolicy {
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
}: Services): Credentials {
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
