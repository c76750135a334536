// A relay that starts when it is first needed: by then a host has its environment and its storage, and no build needs a key (L13).
import type { Clock } from "../contract/clock.ts";
import type { RelayOptions } from "../options/types.ts";
import { systemClock } from "../clock.ts";
import { RelayError } from "../errors.ts";
import { type Relay, startRelay } from "../relay.ts";
import { createFace } from "./face.ts";
import { waitPatiently } from "./patience.ts";
import { createStandIn, type Served } from "./stand-in.ts";
import { toStartError, toStartLine } from "./start-fault.ts";

/** Options, or a function that gives them, also as a promise. It runs at the first request, or at `await relay.ready()`. */
export type OptionsOf = RelayOptions | (() => RelayOptions | Promise<RelayOptions>);

export interface LazyRelay {
  /** The relay as its operator reaches it, also before it has started. */
  readonly relay: Relay;
  /** What answers requests now; a promise of it only while an asynchronous factory runs. Never throws or rejects. */
  start(): Served | Promise<Served>;
}

export interface LazyOptions {
  clock?: Clock;
  /** False while the factory cannot run yet, for example before a Worker has its environment. */
  canStart?: () => boolean;
}

/** A factory that has failed twice in a row is not run again within this time, in ms, by requests. */
const PAUSE = 1_000;
/** An asynchronous factory has failed when it has not settled within this time, in ms. */
const PATIENCE = 30_000;

/** One run of an asynchronous factory. */
interface Run {
  promise: Promise<Relay>;
  startedAt: number;
  abandon: (error: Error) => void;
}

/** Wraps options. A plain object is checked at once: throws `ERR_RELAY_OPTIONS`. */
export function createLazyRelay(options: OptionsOf, more: LazyOptions = {}): LazyRelay {
  if (typeof options === "function") return createStarter(options, more);
  const relay = startRelay(options);
  return { relay, start: () => relay };
}

function createStarter(
  factory: Exclude<OptionsOf, RelayOptions>,
  { clock = systemClock, canStart = () => true }: LazyOptions,
): LazyRelay {
  let made: Relay | undefined;
  let run: Run | undefined;
  let failure: { served: Served; at: number; times: number } | undefined;
  let isReading = false;
  let isClosed = false;
  let reported: string | undefined;
  const onMade = new Set<(relay: Relay) => void>();

  /** The relay, started now where it has not been. Throws, or rejects, with what keeps it from starting. */
  function begin(): Relay | Promise<Relay> {
    if (made) return made;
    if (isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    if (isReading || !canStart()) throw new RelayError("ERR_RELAY_NOT_READY");
    // A host that cancels the request under which it ran may have ended it without a word.
    if (run && clock.now() - run.startedAt < PATIENCE) return run.promise;
    isReading = true;
    try {
      const given = factory();
      return isPromise(given) ? follow(given) : make(given);
    } catch (error) {
      throw note(error);
    } finally {
      isReading = false;
    }
  }

  function make(options: RelayOptions): Relay {
    if (made) return made;
    if (isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    made = startRelay(options);
    run = undefined;
    failure = undefined;
    for (const attach of onMade) attach(made);
    onMade.clear();
    return made;
  }

  function follow(given: PromiseLike<RelayOptions>): Promise<Relay> {
    const { promise: read, abandon } = waitPatiently(given, PATIENCE, clock);
    const promise = read.then(make).catch((error: unknown) => {
      if (made) return made;
      if (run?.promise === promise) run = undefined;
      throw isClosed ? error : note(error);
    });
    // Each request tells of it in its own answer.
    promise.catch(() => {});
    run = { promise, startedAt: clock.now(), abandon };
    return promise;
  }

  /** Keeps a failure, and tells the log once. */
  function note(cause: unknown): unknown {
    const line = toStartLine(cause);
    // oxlint-disable-next-line no-console -- there is no relay yet, hence no log of its own
    if (line !== reported) console.error(`[relay] ${line}`);
    reported = line;
    const served = createStandIn(toStartError(cause));
    failure = { served, at: clock.now(), times: (failure?.times ?? 0) + 1 };
    return cause;
  }

  function start(): Served | Promise<Served> {
    if (made) return made;
    if (failure && failure.times > 1 && clock.now() - failure.at < PAUSE && !run && !isClosed)
      return failure.served;
    try {
      const begun = begin();
      return begun instanceof Promise ? begun.catch(standIn) : begun;
    } catch (error) {
      return standIn(error);
    }
  }

  const standIn = (error: unknown): Served => createStandIn(toStartError(error));

  function get(): Relay {
    const begun = begin();
    if (begun instanceof Promise) throw new RelayError("ERR_RELAY_NOT_READY");
    return begun;
  }

  const relay = createFace({
    get,
    start,
    async ready() {
      await (await begin()).ready();
    },
    whenMade(attach) {
      if (made) attach(made);
      else onMade.add(attach);
      return () => void onMade.delete(attach);
    },
    close() {
      isClosed = true;
      run?.abandon(new RelayError("ERR_RELAY_CLOSED"));
      return made ? made.close() : Promise.resolve();
    },
  });
  return { relay, start };
}

function isPromise(
  given: RelayOptions | PromiseLike<RelayOptions>,
): given is PromiseLike<RelayOptions> {
  return typeof (given as { then?: unknown } | null | undefined)?.then === "function";
}
