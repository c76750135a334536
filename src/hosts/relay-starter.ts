// Runs the function that returns a relay's options: once, however many requests and calls need the result at the same time.
import type { Clock } from "../contract/clock.ts";
import type { RelayOptions } from "../options/types.ts";
import { RelayError } from "../shared/errors.ts";
import { type Relay, startRelay } from "../relay.ts";
import { waitAtMost } from "../shared/wait.ts";
import { createErrorRelay, type Served } from "./error-relay.ts";
import { logStartError, toStartError, toStartLine } from "./start-errors.ts";

/** Returns options, also as a promise. */
export type OptionsFactory = () => RelayOptions | Promise<RelayOptions>;

export interface RelayStarterOptions {
  clock: Clock;
  /** Returns why the function cannot run yet, for example before a Worker has its environment; otherwise `undefined`. */
  whyNot: () => string | undefined;
}

/** Time during which requests do not run the function again after it has failed twice in a row, in ms. */
const RETRY_PAUSE = 1_000;
/** Time after which an asynchronous function that has not settled counts as failed, in ms. */
const SETTLE_TIMEOUT = 30_000;

/** One run of an asynchronous function. */
interface Run {
  promise: Promise<Relay>;
  startedAt: number;
  abandon: (error: Error) => void;
}

/** The result of the last failed run. */
interface Failure {
  served: Served;
  at: number;
  /** Number of failed runs in a row. */
  times: number;
}

export class RelayStarter {
  readonly #factory: OptionsFactory;
  readonly #options: RelayStarterOptions;
  readonly #onMade = new Set<(relay: Relay) => void>();
  #made: Relay | undefined;
  #run: Run | undefined;
  #failure: Failure | undefined;
  #isReading = false;
  #isClosed = false;
  /** The line that was logged last. */
  #lastLine: string | undefined;
  /** The last return value of the function, which may contain a log. */
  #lastOptions: unknown;

  constructor(factory: OptionsFactory, options: RelayStarterOptions) {
    this.#factory = factory;
    this.#options = options;
  }

  /** True when the function has been run, or will never be. */
  get hasBegun(): boolean {
    return this.#isClosed || [this.#made, this.#run, this.#failure].some(Boolean);
  }

  /** Returns the relay and starts it if necessary. Throws, or rejects with, the reason why it cannot start. */
  begin(): Relay | Promise<Relay> {
    if (this.#made) return this.#made;
    if (this.#isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    const detail = this.#isReading ? "its options are being read" : this.#options.whyNot();
    if (detail) throw new RelayError("ERR_RELAY_NOT_READY", { detail });
    // A run that is too old is ignored: a host that cancels the request in which it started may have ended it silently.
    const run = this.#run;
    if (run && this.#options.clock.now() - run.startedAt < SETTLE_TIMEOUT) return run.promise;
    this.#isReading = true;
    try {
      const given = this.#factory();
      return isPromise(given) ? this.#follow(given) : this.#make(given);
    } catch (error) {
      throw this.#recordFailure(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** Returns the relay that answers requests now; a promise only while an asynchronous function runs. Never throws or rejects. */
  serve(): Served | Promise<Served> {
    if (this.#made) return this.#made;
    if (this.#isPaused()) return this.#failure!.served;
    try {
      const begun = this.begin();
      return begun instanceof Promise ? begun.catch((error) => this.#toErrorRelay(error)) : begun;
    } catch (error) {
      return this.#toErrorRelay(error);
    }
  }

  /** Returns the relay, started now. Throws `ERR_RELAY_NOT_READY` where starting is asynchronous. */
  get(): Relay {
    const begun = this.begin();
    if (begun instanceof Promise) throw new RelayError("ERR_RELAY_NOT_READY");
    return begun;
  }

  /** Calls `attach` when the relay has been created, at once if it has; returns a function that cancels this. */
  whenMade(attach: (relay: Relay) => void): () => void {
    if (this.#made) attach(this.#made);
    else this.#onMade.add(attach);
    return () => void this.#onMade.delete(attach);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#run?.abandon(new RelayError("ERR_RELAY_CLOSED"));
    return this.#made?.close() ?? Promise.resolve();
  }

  // A function that has failed twice may be slow or expensive, and is not run for each request.
  #isPaused(): boolean {
    if (!this.#failure || this.#failure.times < 2 || this.#run || this.#isClosed) return false;
    return this.#options.clock.now() - this.#failure.at < RETRY_PAUSE;
  }

  #toErrorRelay(error: unknown): Served {
    if (this.#isClosed) return createErrorRelay(new RelayError("ERR_RELAY_CLOSED"));
    // Without a failure the function has not run: the error is the relay's own.
    return this.#failure?.served ?? createErrorRelay(error as RelayError);
  }

  #follow(given: PromiseLike<RelayOptions>): Promise<Relay> {
    const { clock } = this.#options;
    const { promise: read, abandon } = waitAtMost(given, SETTLE_TIMEOUT, clock);
    const promise = read
      .then((options) => this.#make(options))
      .catch((error: unknown) => {
        if (this.#made) return this.#made;
        if (this.#run?.promise === promise) this.#run = undefined;
        throw this.#isClosed ? error : this.#recordFailure(error);
      });
    // Each request reports the error in its own response.
    promise.catch(() => {});
    this.#run = { promise, startedAt: clock.now(), abandon };
    return promise;
  }

  #make(options: RelayOptions): Relay {
    if (this.#made) return this.#made;
    if (this.#isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    this.#lastOptions = options;
    const made = startRelay(options);
    this.#made = made;
    this.#run = this.#failure = this.#lastOptions = undefined;
    for (const attach of this.#onMade) attach(made);
    this.#onMade.clear();
    return made;
  }

  /** Stores a failure, and logs a new one. */
  #recordFailure(cause: unknown): unknown {
    const line = toStartLine(cause);
    if (line !== this.#lastLine) logStartError(line, this.#lastOptions);
    this.#lastLine = line;
    const served = createErrorRelay(toStartError(cause));
    const times = (this.#failure?.times ?? 0) + 1;
    this.#failure = { served, at: this.#options.clock.now(), times };
    return cause;
  }
}

function isPromise(
  given: RelayOptions | PromiseLike<RelayOptions>,
): given is PromiseLike<RelayOptions> {
  return typeof (given as { then?: unknown } | null | undefined)?.then === "function";
}
