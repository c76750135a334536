// Calls that wait for the head of their answer: how many an endpoint may hold, and what happens when it answers none of them (E19).
import type { Endpoint } from "../contract/target.ts";

export interface PendingAnswersOptions {
  /** Maximum number of calls to one endpoint that wait. */
  limit: number;
  /** An endpoint has become silent; called once until it answers. `streams`: how many have waited in vain. */
  onSilent: (endpoint: Endpoint, streams: number) => void;
}

/** Why no further call to an endpoint is sent: too many calls wait, or it answers none of them. */
export type PendingRefusal = "full" | "silent";

/** With this many streams that wait for longer than `PATIENCE` without any answer in that time, an endpoint is silent. */
const STREAMS = 20;
/** In ms. */
const PATIENCE = 30_000;
/** After this time, in ms, a trial call without an answer makes way for another. */
const TRIAL = 60_000;
/** How long a request that was refused should wait before it returns, in ms. */
export const RETURN_AFTER = 5_000;

/** The calls to one endpoint. */
interface Waiting {
  count: number;
  streams: number;
  /** The streams in the order in which they were sent: most are answered in about that order, and only the oldest are looked at. */
  oldest: PendingAnswer | undefined;
  newest: PendingAnswer | undefined;
  /** When a call was answered last, UTC epoch ms. */
  answeredAt: number;
  isSilent: boolean;
  /** The only call that a silent endpoint gets, and until when no other follows (UTC epoch ms). */
  trial: PendingAnswer | undefined;
  trialUntil: number;
}

export class PendingAnswers {
  readonly #options: PendingAnswersOptions;
  readonly #endpoints = new Map<Endpoint, Waiting>();

  constructor(options: PendingAnswersOptions) {
    this.#options = options;
  }

  /** Why an endpoint gets no further call now; `undefined` if one may be sent. */
  refusal(endpoint: Endpoint, now: number): PendingRefusal | undefined {
    const waiting = this.#endpoints.get(endpoint);
    if (!waiting) return undefined;
    if (waiting.count >= this.#options.limit) return "full";
    if (!waiting.isSilent && !this.#becomesSilent(endpoint, waiting, now)) return undefined;
    return waiting.trial && now < waiting.trialUntil ? "silent" : undefined;
  }

  /** Adds a call. To be called only if `refusal` returns nothing. */
  enter(endpoint: Endpoint, isStream: boolean, now: number): PendingAnswer {
    let waiting = this.#endpoints.get(endpoint);
    if (!waiting) this.#endpoints.set(endpoint, (waiting = createWaiting()));
    const call = new PendingAnswer(waiting, isStream, now);
    if (waiting.isSilent) {
      waiting.trial = call;
      waiting.trialUntil = now + TRIAL;
    }
    return call;
  }

  #becomesSilent(endpoint: Endpoint, waiting: Waiting, now: number): boolean {
    if (waiting.streams < STREAMS || now - waiting.answeredAt <= PATIENCE) return false;
    let call = waiting.oldest;
    for (let nth = 1; nth < STREAMS; nth++) call = call?.next;
    if (!call || now - call.sentAt <= PATIENCE) return false;
    waiting.isSilent = true;
    this.#options.onSilent(endpoint, waiting.streams);
    return true;
  }
}

/** One call that waits for the head of its answer. */
export class PendingAnswer {
  readonly sentAt: number;
  next: PendingAnswer | undefined;
  #previous: PendingAnswer | undefined;
  #waiting: Waiting | undefined;
  readonly #isStream: boolean;

  constructor(waiting: Waiting, isStream: boolean, sentAt: number) {
    this.sentAt = sentAt;
    this.#waiting = waiting;
    this.#isStream = isStream;
    waiting.count++;
    if (isStream) this.#link(waiting);
  }

  /** The head of the answer has arrived, with any status. */
  answered(now: number): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    waiting.answeredAt = now;
    waiting.isSilent = false;
    this.end();
  }

  /** The call no longer waits. May be called again. */
  end(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    waiting.count--;
    if (waiting.trial === this) waiting.trial = undefined;
    if (this.#isStream) this.#unlink(waiting);
  }

  #link(waiting: Waiting): void {
    waiting.streams++;
    this.#previous = waiting.newest;
    if (waiting.newest) waiting.newest.next = this;
    else waiting.oldest = this;
    waiting.newest = this;
  }

  #unlink(waiting: Waiting): void {
    waiting.streams--;
    if (this.#previous) this.#previous.next = this.next;
    else waiting.oldest = this.next;
    if (this.next) this.next.#previous = this.#previous;
    else waiting.newest = this.#previous;
    this.#previous = undefined;
    this.next = undefined;
  }
}

function createWaiting(): Waiting {
  return {
    count: 0,
    streams: 0,
    oldest: undefined,
    newest: undefined,
    answeredAt: -Infinity,
    isSilent: false,
    trial: undefined,
    trialUntil: 0,
  };
}
