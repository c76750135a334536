// One request, from top to bottom; and the object that an operator holds.
import { type Credentials, createCredentials } from "./admin/credentials-api.ts";
import { toStatus } from "./admin/status.ts";
import { AttemptLoop } from "./attempts/attempt-loop.ts";
import { RequestPlan } from "./attempts/request-plan.ts";
import type { Admission } from "./callers/admission.ts";
import type { InboundCall } from "./contract/inbound-call.ts";
import type { RelayStatus } from "./contract/relay-status.ts";
import type { RouteDecision } from "./contract/route-decision.ts";
import type { Sink } from "./contract/sink.ts";
import { isPreflight, preflightHeaders, refusedOrigin } from "./http/cors.ts";
import { crossSiteError, crossSiteFault } from "./http/cross-site.ts";
import { withPrepared } from "./http/headers.ts";
import { placeRequest, toMount, toOutside } from "./http/mount.ts";
import { isNormal, isReserved, type RequestPath, toNotNormal } from "./http/path.ts";
import { checkModelOnce, checkRequest, readRequest } from "./http/read-request.ts";
import { watchClient, WebRequestCall } from "./http/web-request.ts";
import { WebResponseSink } from "./http/web-response.ts";
import type { HookHandlers, HookName } from "./observe/hooks.ts";
import type { RelayOptions } from "./options/types.ts";
import { createDisconnectPolicy } from "./request/disconnect-policy.ts";
import {
  RequestContext,
  type RequestContextOptions,
  type RequestOutcome,
} from "./request/request-context.ts";
import { Answers } from "./response/answers.ts";
import {
  isHealthTarget,
  type PlainAnswer,
  toHealthAnswer,
  toPlainAnswer,
  toResponse,
  writePlainly,
} from "./response/plain-answer.ts";
import { explain, type RouteQuestion } from "./routing/explain-route.ts";
import { describeFault } from "./shared/describe-error.ts";
import { RelayError } from "./shared/errors.ts";
import { createServices } from "./wiring/create-services.ts";
import type { Services } from "./wiring/services.ts";

export interface Relay {
  /**
   * Reads the options now, instead of at the first request. Resolves when the state has been loaded, or loading has failed once.
   * Rejects with `ERR_RELAY_OPTIONS`, or with what the function that returns the options threw.
   */
  ready(): Promise<void>;
  /** Path that the relay is mounted on, as the options say: `/ai`, `""` for `/`; `undefined` if they say nothing. */
  readonly mount: string | undefined;
  /** Relays a web request; the body of the response streams. Never rejects. */
  fetch(request: Request, where?: FetchWhere): Promise<Response>;
  /** Relays a call into a sink, for adapters. Resolves when the request has ended. Never rejects. */
  handle(call: InboundCall, sink: Sink): Promise<void>;
  /** Returns the present status: credentials, cooldowns, the store. The selection uses the same data. */
  status(): RelayStatus;
  /** Explains where a request would go now, target by target, and why; sends nothing. Throws if it would be refused. */
  explain(question: RouteQuestion): RouteDecision[];
  readonly credentials: Credentials;
  /** Ends an open request, with an error for a client that is still connected. False if there is none with that id. */
  stop(requestId: string): boolean;
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends HookName>(name: Name, listener: NonNullable<HookHandlers[Name]>): () => void;
  /** Accepts no new requests, lets open streams finish for `streaming.shutdownGrace` ms, and writes what is unwritten. */
  close(): Promise<void>;
}

/** Where a web request came in. */
export interface FetchWhere {
  /**
   * Removed from the start of the request's path; requests to other paths are answered with 404. `"/"` relays every path.
   * @default the option `mount`
   */
  mount?: string;
  /**
   * The client's address as the host knows it, preferably the socket's: `limits.perCaller` counts by it. The options
   * `trustProxy` and `clientAddress` take precedence. With an address, the body goes to a client over the network, and
   * `streaming.clientStallTimeout` applies; without one, its reader may be this process, and may pause. @default unknown
   */
  address?: string;
  /** Keeps a host awake that would sleep after the answer; called with a promise that settles when all work has ended. */
  waitUntil?: (work: Promise<unknown>) => void;
}

const NO_CORS = "This is a browser's preflight, and the relay's option `cors` is off.";

/** `authorize` has failed if it has not settled within this time, in ms. */
const AUTHORIZE_TIME = 30_000;

/** Starts a relay whose options are known. Throws `ERR_RELAY_OPTIONS`. */
export function startRelay(options: RelayOptions): Relay {
  const services = createServices(options);
  const { config, hooks } = services;
  const mount = config.mount === undefined ? undefined : toMount(config.mount);
  const requests = new RequestHandler(services, mount);
  return {
    ready: () => services.ready,
    mount,
    handle: (call, sink) => requests.handle(call, sink),
    fetch: (request, where) => requests.fetch(request, where),
    status: () => toStatus(services),
    explain: (question) => explain(services, question),
    credentials: createCredentials(services),
    stop: (requestId) => services.openRequests.stop(requestId),
    on: (name, listener) => hooks.on(name, listener),
    close: services.close,
  };
}

/** Serves the requests of one relay. */
class RequestHandler {
  readonly #services: Services;
  readonly #mount: string | undefined;
  readonly #answers: Answers;
  readonly #loop: AttemptLoop;
  readonly #contextOptions: RequestContextOptions;
  #isMissingMountLogged = false;

  constructor(services: Services, mount: string | undefined) {
    const { config, reporter } = services;
    this.#services = services;
    this.#mount = mount;
    const answers = new Answers(services);
    this.#answers = answers;
    this.#loop = new AttemptLoop(services, (context, status, headers, isEventStream) =>
      answers.commit(context, status, headers, isEventStream),
    );
    const policyOf = createDisconnectPolicy(config, reporter);
    this.#contextOptions = { ...config.streaming, policyOf };
  }

  async fetch(request: Request, where: FetchWhere = {}): Promise<Response> {
    const { address, waitUntil } = where;
    const at = where.mount === undefined ? this.#mount : toMount(where.mount);
    const place = placeRequest(request, at);
    if (at !== undefined && place.mount === undefined)
      return toResponse(toPlainAnswer(toOutside(place.target, at)), request.method);
    const sink = new WebResponseSink(request.method, address !== undefined);
    watchClient(request, () => sink.close());
    const call = new WebRequestCall(request, { ...place, address });
    const ended = this.handle(call, sink);
    waitUntil?.(ended.then(this.#services.settled));
    return sink.response;
  }

  // Not `async`: a frame of it would be kept as long as the answer streams.
  handle(call: InboundCall, sink: Sink): Promise<void> {
    const plain = this.#answerPlainly(call);
    if (!plain) return this.#relay(call, sink);
    plain.headers = withPrepared(plain.headers, call.preparedHeaders?.());
    writePlainly(sink, plain);
    return Promise.resolve();
  }

  /** Answers what is not relayed: requests outside of the mount, and the health check. */
  #answerPlainly(call: InboundCall): PlainAnswer | undefined {
    if (call.mount === undefined) return toPlainAnswer(this.#outsideError(call.target));
    if (isHealthTarget(call.target))
      return toHealthAnswer(call.method, !this.#services.isClosing());
    return undefined;
  }

  /** The error for a call outside of the mount. If there is no mount at all, the log says so once. */
  #outsideError(target: string): RelayError {
    if (!isNormal(target)) return toNotNormal();
    if (this.#mount !== undefined) return toOutside(target, this.#mount);
    const error = new RelayError("ERR_RELAY_MOUNT_MISSING");
    if (!this.#isMissingMountLogged) this.#services.reporter.error(error.message);
    this.#isMissingMountLogged = true;
    return error;
  }

  async #relay(call: InboundCall, sink: Sink): Promise<void> {
    const { clock, openRequests, nextId } = this.#services;
    const context = new RequestContext(nextId(), call, sink, clock, this.#contextOptions);
    openRequests.add(context);
    let outcome: RequestOutcome;
    // What is `async` in here is held by every open stream: the attempts, and nothing between.
    try {
      const entered = this.#answerPreflight(context) ?? (await this.#enter(context));
      outcome =
        "reason" in entered
          ? entered
          : this.#answers.finish(context, await this.#loop.run(entered));
    } catch (error) {
      outcome = this.#writeError(context, error);
    }
    context.slot?.giveBack();
    context.forgetBody();
    this.#answers.settle(context, outcome);
    openRequests.delete(context);
  }

  // If writing the error fails too, the request must still end: an open request keeps the relay from closing.
  #writeError(context: RequestContext, error: unknown): RequestOutcome {
    try {
      return this.#answers.writeError(context, error);
    } catch (fault) {
      this.#services.reporter.error(`an error could not be written: ${describeFault(fault)}`);
      context.delivery.breakOff();
      return { reason: "refused", error: "ERR_RELAY_INTERNAL" };
    }
  }

  #answerPreflight(context: RequestContext): RequestOutcome | undefined {
    const { config, faultLog } = this.#services;
    const { call, delivery } = context;
    if (!isPreflight(call)) return undefined;
    const refused = refusedOrigin(config.cors, call);
    if (refused) faultLog.failed(refused);
    const headers = preflightHeaders(config.cors, call);
    if (!headers) throw new RelayError("ERR_RELAY_METHOD", { detail: "OPTIONS", advice: NO_CORS });
    delivery.commit(204, withPrepared(headers, call.preparedHeaders?.()), false);
    return { reason: "completed" };
  }

  /** What comes before the first attempt: who calls, what is asked for, and where it may go. */
  async #enter(context: RequestContext): Promise<RequestPlan | RequestOutcome> {
    const { config, admission, isClosing, loaded, planner, tidy } = this.#services;
    const { call } = context;
    // A client that has left takes no slot.
    context.check();
    if (context.delivery.isClientGone) throw new RelayError("ERR_RELAY_CLIENT_GONE");
    if (isClosing()) throw new RelayError("ERR_RELAY_CLOSED");
    const path = checkRequest(call, config.limits.headerCount);
    if (isReserved(path.path)) throw new RelayError("ERR_RELAY_RESERVED");
    this.#checkSite(call);
    const admitted = await this.#admit(context);
    if (admitted.kind === "answered") return this.#answers.pass(context, admitted.response);
    context.caller = admitted.caller;
    // Only now: a client that left while `authorize` ran takes no slot.
    context.slot = admission.enter(call, admitted);
    planner.admit({ method: call.method, ...path }, call.mount);
    await context.during(loaded());
    const plan = await this.#readPlan(context, path);
    this.#setDeadlines(plan);
    tidy();
    return plan;
  }

  #checkSite(call: InboundCall): void {
    const { config, faultLog } = this.#services;
    const error = crossSiteError(call, config);
    if (error === undefined) return;
    faultLog.failed(crossSiteFault(error));
    throw error;
  }

  #admit(context: RequestContext): Admission | Promise<Admission> {
    const { admission } = this.#services;
    const { timers, startedAt } = context;
    const admitted = context.during(admission.admit(context.call));
    if (!(admitted instanceof Promise)) return admitted;
    timers.set("wait", startedAt + AUTHORIZE_TIME, () =>
      context.interrupt(admission.unsettled(AUTHORIZE_TIME)),
    );
    return admitted.finally(() => timers.clear("wait"));
  }

  async #readPlan(context: RequestContext, path: RequestPath): Promise<RequestPlan> {
    const { config, planner, pools, sessionOf, bodies, bodyPaths: paths } = this.#services;
    const { bodyTimeout, bodySize } = config.limits;
    const { call, timers, startedAt } = context;
    timers.set("body", startedAt + bodyTimeout, () =>
      context.interrupt(new RelayError("ERR_RELAY_BODY_TIMEOUT", { limit: bodyTimeout })),
    );
    const held = (context.heldBody = bodies.open(context.caller));
    const reading = readRequest(call, path, { bodySize, paths, held });
    const asked = (context.asked = await context.during(reading));
    timers.clear("body");
    const targets = planner.plan(asked, call);
    const { upstream } = (context.target = targets[0]!);
    if (config.models.size > 0 || pools.get(upstream)?.hasModelRules) checkModelOnce(asked);
    return new RequestPlan(context, asked, targets, sessionOf(context));
  }

  #setDeadlines({ context, asked, target }: RequestPlan): void {
    const { streaming, limits } = this.#services.config;
    const { commitAfter, totalTimeout } = streaming;
    const { timers, startedAt } = context;
    const late = (limit: number) => () =>
      context.interrupt(new RelayError("ERR_RELAY_DEADLINE", { limit }));
    const { deadline } = limits;
    if (deadline !== false) timers.set("deadline", startedAt + deadline, late(deadline));
    if (totalTimeout !== false) timers.set("total", startedAt + totalTimeout, late(totalTimeout));
    if (commitAfter !== false && target.dialect.wantsStream(asked))
      timers.set("commit", startedAt + commitAfter, () => this.#answers.commitEarly(context));
  }
}
