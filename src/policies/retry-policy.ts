// What a request does after a failed attempt. Pure: a verdict and what the request has spent so far, in; one step, out.
import type { Verdict } from "../contract/verdict.ts";

export type Step =
  /** The request is over. */
  | { go: "stop" }
  /** On with another credential. */
  | { go: "other"; delay: number }
  /** Once more with the same credential, even inside the cooldown that this request met (D7). */
  | { go: "same"; delay: number; isGrace?: boolean }
  /** Another credential where one is free, otherwise the same (E9). */
  | { go: "any"; delay: number };

/** What one request has spent. */
export interface Spent {
  attempts: number;
  rateLimits: number;
  /** Pauses so far on the ladder 1, 2, 4 s. */
  backoffs: number;
  networkRetries: number;
  grace: boolean;
}

export interface StepOptions {
  maxAttempts: number;
  maxWait: number;
  switchDelay: number;
  switchOnFirstRateLimit: boolean;
}

/** What stands around the request at this moment. */
export interface Surroundings {
  /** Another credential could take over at once. */
  hasOther: boolean;
  /** There is no other credential for this target at all. */
  isOnly: boolean;
  /** There is another endpoint, which has not failed this request (E11). */
  hasEndpoint: boolean;
}

/** A stated wait up to this is sat out on the same credential where there is no other (C9), plus the margin. */
const GRACE = 2_000;
const GRACE_MARGIN = 100;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
const STOP: Step = { go: "stop" };

export function createSpent(): Spent {
  return { attempts: 0, rateLimits: 0, backoffs: 0, networkRetries: 0, grace: false };
}

/** Decides the next step and books it. */
export function nextStep(
  verdict: Verdict,
  spent: Spent,
  around: Surroundings,
  options: StepOptions,
): Step {
  if (verdict.reason === "RATE_LIMIT_EXCEEDED") spent.rateLimits++;
  if (verdict.action === "no" || spent.attempts >= options.maxAttempts) return STOP;
  switch (verdict.reason) {
    case "NETWORK":
      return around.hasEndpoint || spent.networkRetries++ === 0 ? { go: "same", delay: 0 } : STOP;
    case "SERVER_ERROR":
    case "TIMEOUT":
      return { go: "any", delay: around.hasEndpoint ? 0 : pause(spent) };
    case "EMPTY":
      return { go: "any", delay: pause(spent) };
    case "MODEL_CAPACITY_EXHAUSTED":
      return afterCapacity(verdict, spent, options);
    case "UNAUTHENTICATED":
    case "FORBIDDEN":
      return { go: "other", delay: 0 };
    default:
      return verdict.scope === "upstream" || verdict.scope === "upstream-model"
        ? afterShared(verdict, spent, options)
        : afterLimit(verdict, spent, around, options);
  }
}

// Capacity is nobody's credential: the same one again, unless the upstream asks for more patience than we have (C12).
function afterCapacity(verdict: Verdict, spent: Spent, options: StepOptions): Step {
  const delay = Math.max(pause(spent), verdict.hint ?? 0);
  return delay <= options.maxWait ? { go: "same", delay } : STOP;
}

function afterShared(verdict: Verdict, spent: Spent, options: StepOptions): Step {
  return verdict.hint !== null && verdict.hint <= options.maxWait
    ? { go: "same", delay: Math.max(verdict.hint, pause(spent)) }
    : STOP;
}

function afterLimit(
  verdict: Verdict,
  spent: Spent,
  around: Surroundings,
  options: StepOptions,
): Step {
  const { hint } = verdict;
  if (!around.hasOther && hint !== null && hint <= GRACE && !spent.grace) {
    spent.grace = true;
    return { go: "same", delay: hint + GRACE_MARGIN, isGrace: true };
  }
  const isRate = verdict.reason === "RATE_LIMIT_EXCEEDED";
  if (isRate && !options.switchOnFirstRateLimit && spent.rateLimits === 1)
    return { go: "same", delay: FIRST_PAUSE };
  if (isRate && around.isOnly && hint === null) {
    const delay = pause(spent);
    return delay <= options.maxWait ? { go: "same", delay } : STOP;
  }
  return { go: "other", delay: options.switchDelay };
}

/** 1, 2, 4 … 60 s. */
function pause(spent: Spent): number {
  return Math.min(FIRST_PAUSE * 2 ** spent.backoffs++, LONGEST_PAUSE);
}
