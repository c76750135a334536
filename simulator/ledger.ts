// Records all calls, and allows tests to wait for them without polling.
import type { Call, CallEnd } from "./call.ts";

/** Counts for one credential × model. */
export interface Total {
  calls: number;
  /** Answers by status; 0 is a call without an answer. */
  statuses: Record<number, number>;
}

interface Waiter {
  check(): boolean;
  fail(error: Error): void;
}

const NO_MODEL = "*";

/** Keeps every call, the newest `keep` of them completely, and counts all. */
export class Ledger {
  /** Calls in order of arrival; above the `keep` option the oldest ended ones are dropped. */
  calls: Call[] = [];
  /** Calls since the start or the last `reset()`. */
  total = 0;
  inFlight = 0;
  maxInFlight = 0;
  /** Number of open connections. */
  openSockets = 0;
  /** Connections accepted since the start or the last `reset()`. */
  connections = 0;
  /** Requests that were interrupted before they were read completely; they do not count as calls. */
  brokenOff = 0;
  /** Anonymous users: attempts, successes and refusals. */
  creations: { attempts: number; created: number; refused: number } = zeroCreations();
  /** Token refreshes: attempts, successes, and refresh tokens that were used again. */
  refreshes: { attempts: number; refreshed: number; reused: number; revokedGrants: number } =
    zeroRefreshes();

  #keep: number;
  #onCall: ((call: Call) => void) | undefined;
  #totals = new Map<string, Map<string, Total>>();
  #waiters = new Set<Waiter>();

  constructor(keep: number, onCall?: (call: Call) => void) {
    this.#keep = keep;
    this.#onCall = onCall;
  }

  /** Returns the counts of one credential (by name) × model; `"*"` is a call without a model. Zeros where there were none. */
  totals(credential: string, model: string = NO_MODEL): Total {
    return this.#totals.get(credential)?.get(model) ?? { calls: 0, statuses: {} };
  }

  /** Returns all counts, by credential, then model. */
  allTotals(): Record<string, Record<string, Total>> {
    const all: Record<string, Record<string, Total>> = {};
    for (const [credential, models] of this.#totals) all[credential] = Object.fromEntries(models);
    return all;
  }

  /** Returns how many calls each credential made, by name; `model` narrows it. */
  byCredential(model?: string): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [credential, models] of this.#totals) {
      for (const [name, total] of models) {
        if (model === undefined || model === name)
          counts[credential] = (counts[credential] ?? 0) + total.calls;
      }
    }
    return counts;
  }

  /** Returns the last of the kept calls that matches. */
  last(fits: (call: Call) => boolean = () => true): Call | undefined {
    return this.calls.findLast(fits);
  }

  /** Resolves with the first call that matches, now or later. Rejects when the simulator closes. */
  next(fits: (call: Call) => boolean): Promise<Call> {
    let found: Call | undefined;
    const waited = this.until(() => (found = this.calls.find(fits)) !== undefined);
    return waited.then(() => found as Call);
  }

  /** Resolves as soon as `holds` returns true; it is called now and after each change. Rejects when the simulator closes. */
  until(holds: (ledger: Ledger) => boolean): Promise<void> {
    if (holds(this)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const check = (): boolean => {
        try {
          const done = holds(this);
          if (done) resolve();
          return done;
        } catch (error) {
          // A condition that throws is a fault of the test, and must not stop the server.
          reject(error);
          return true;
        }
      };
      this.#waiters.add({ check, fail: reject });
    });
  }

  /** Drops all calls and counts. Calls in progress still count as in flight. */
  reset(): void {
    this.calls = this.calls.filter((call) => call.open);
    this.total = 0;
    this.connections = 0;
    this.brokenOff = 0;
    this.maxInFlight = this.inFlight;
    this.creations = zeroCreations();
    this.refreshes = zeroRefreshes();
    this.#totals.clear();
    this.changed();
  }

  /** @internal */
  begin(call: Call): void {
    this.total++;
    this.#totalOf(call).calls++;
    this.calls.push(call);
    if (++this.inFlight > this.maxInFlight) this.maxInFlight = this.inFlight;
    if (this.calls.length >= 2 * this.#keep) this.#trim();
    this.changed();
  }

  /** @internal */
  answered(call: Call): void {
    if (call.status !== 0) this.#countStatus(call);
    this.changed();
  }

  /** @internal */
  finish(call: Call, end: CallEnd, at: number, now: number): void {
    call.end = end;
    call.open = false;
    call.endedAt ??= at;
    call.timing.ended ??= now;
    call.closedAt = at;
    call.timing.closed = now;
    this.inFlight--;
    if (call.status === 0) this.#countStatus(call);
    this.#tell(call);
    this.changed();
  }

  /** @internal */
  changed(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) if (waiter.check()) this.#waiters.delete(waiter);
  }

  /** @internal */
  abandon(): void {
    for (const waiter of this.#waiters)
      waiter.fail(new Error("The simulator was closed during a wait for its ledger."));
    this.#waiters.clear();
  }

  // A log that fails must not stop the server.
  #tell(call: Call): void {
    try {
      this.#onCall?.(call);
    } catch {}
  }

  #totalOf(call: Call): Total {
    const model = call.model ?? NO_MODEL;
    let models = this.#totals.get(call.credential);
    if (models === undefined) this.#totals.set(call.credential, (models = new Map()));
    let total = models.get(model);
    if (total === undefined) models.set(model, (total = { calls: 0, statuses: {} }));
    return total;
  }

  #countStatus(call: Call): void {
    const { statuses } = this.#totalOf(call);
    statuses[call.status] = (statuses[call.status] ?? 0) + 1;
  }

  #trim(): void {
    const surplus = this.calls.length - this.#keep;
    this.calls = this.calls.filter((call, index) => index >= surplus || call.open);
  }
}

function zeroCreations(): Ledger["creations"] {
  return { attempts: 0, created: 0, refused: 0 };
}

function zeroRefreshes(): Ledger["refreshes"] {
  return { attempts: 0, refreshed: 0, reused: 0, revokedGrants: 0 };
}
