// Runs the function that gives a relay its options: once, however many requests and calls need it at the same time.
import type { Clock } from "../contract/clock.ts";
import type { RelayOptions } from "../options/types.ts";
import { RelayError } from "../shared/errors.ts";
import { type Relay, startRelay } from "../relay.ts";
import { waitAtMost } from "../shared/wait.ts";
import { createErrorRelay, type Served } from "./error-relay.ts";
import { logStartError, toStartError, toStartLine } from "./start-errors.ts";

/** Gives options, also as a promise. */
export type OptionsFactory = () => RelayOptions | Promise<RelayOptions>;

export interface RelayStarterOptions {
  clock: Clock;
  /** Tells why the factory cannot run yet, for example before a Worker has its environment. */
  whyNot: () => string | undefined;
}

/** A factory that has failed twice in a row is not run again by requests within this time, in ms. */
const PAUSE = 1_000;
/** An asynchronous factory has failed when it has not settled within this time, in ms. */
const PATIENCE = 30_000;

/** One run of an asynchronous factory. */
interface Run {
  promise: Promise<Relay>;
  startedAt: number;
  abandon: (error: Error) => void;
}

/** What became of the last run that failed. */
interface Failure {
  served: Served;
  at: number;
  /** How many runs in a row have failed. */
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
  /** The line that the log has been told last. */
  #told: string | undefined;
  /** What the factory gave last, which may name a log. */
  #given: unknown;

  constructor(factory: OptionsFactory, options: RelayStarterOptions) {
    this.#factory = factory;
    this.#options = options;
  }

  /** True as soon as the factory has been run, or never will be. */
  get hasBegun(): boolean {
    return this.#isClosed || [this.#made, this.#run, this.#failure].some(Boolean);
  }

  /** The relay, started now where it has not been. Throws, or rejects with, what keeps it from starting. */
  begin(): Relay | Promise<Relay> {
    if (this.#made) return this.#made;
    if (this.#isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    const detail = this.#isReading ? "its options are being read" : this.#options.whyNot();
    if (detail) throw new RelayError("ERR_RELAY_NOT_READY", { detail });
    // A host that cancels the request under which it ran may have ended it without a word.
    const run = this.#run;
    if (run && this.#options.clock.now() - run.startedAt < PATIENCE) return run.promise;
    this.#isReading = true;
    try {
      const given = this.#factory();
      return isPromise(given) ? this.#follow(given) : this.#make(given);
    } catch (error) {
      throw this.#note(error);
    } finally {
      this.#isReading = false;
    }
  }

  /** What answers requests now; a promise of it only while an asynchronous factory runs. Never throws or rejects. */
  serve(): Served | Promise<Served> {
    if (this.#made) return this.#made;
    if (this.#isResting()) return this.#failure!.served;
    try {
      const begun = this.begin();
      return begun instanceof Promise ? begun.catch((error) => this.#standIn(error)) : begun;
    } catch (error) {
      return this.#standIn(error);
    }
  }

  /** The relay, started now. Throws `ERR_RELAY_NOT_READY` where that takes longer. */
  get(): Relay {
    const begun = this.begin();
    if (begun instanceof Promise) throw new RelayError("ERR_RELAY_NOT_READY");
    return begun;
  }

  /** Calls back once the relay is made, now or then; returns what takes that back. */
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

  // What has failed twice may be slow or costly, and is not run for each request.
  #isResting(): boolean {
    if (!this.#failure || this.#failure.times < 2 || this.#run || this.#isClosed) return false;
    return this.#options.clock.now() - this.#failure.at < PAUSE;
  }

  #standIn(error: unknown): Served {
    if (this.#isClosed) return createErrorRelay(new RelayError("ERR_RELAY_CLOSED"));
    // Without a failure the factory has not run: the error is the relay's own.
    return this.#failure?.served ?? createErrorRelay(error as RelayError);
  }

  #follow(given: PromiseLike<RelayOptions>): Promise<Relay> {
    const { clock } = this.#options;
    const { promise: read, abandon } = waitAtMost(given, PATIENCE, clock);
    const promise = read
      .then((options) => this.#make(options))
      .catch((error: unknown) => {
        if (this.#made) return this.#made;
        if (this.#run?.promise === promise) this.#run = undefined;
        throw this.#isClosed ? error : this.#note(error);
      });
    // Each request tells of it in its own answer.
    promise.catch(() => {});
    this.#run = { promise, startedAt: clock.now(), abandon };
    return promise;
  }

  #make(options: RelayOptions): Relay {
    if (this.#made) return this.#made;
    if (this.#isClosed) throw new RelayError("ERR_RELAY_CLOSED");
    this.#given = options;
    const made = startRelay(options);
    this.#made = made;
    this.#run = this.#failure = this.#given = undefined;
    for (const attach of this.#onMade) attach(made);
    this.#onMade.clear();
    return made;
  }

  /** Keeps a failure, and tells the log once. */
  #note(cause: unknown): unknown {
    const line = toStartLine(cause);
    if (line !== this.#told) logStartError(line, this.#given);
    this.#told = line;
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
