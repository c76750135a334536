// What a request does after a failed attempt. Pure: it takes a verdict and what the request has spent, and returns one step.
import type { Verdict } from "../contract/verdict.ts";
import { REASONS } from "../shared/reasons.ts";

export type Step =
  /** The request ends. */
  | { go: "stop" }
  /** Another credential. */
  | { go: "other"; delay: number }
  /** The same credential once more, even inside the cooldown that this request has met (D7). */
  | { go: "same"; delay: number; isGrace?: boolean }
  /** Another credential if one is available, otherwise the same (E9). */
  | { go: "any"; delay: number };

/** What one request has spent: numbers of attempts, of rate limits and unknown refusals met, and of retries after a network error. */
export interface Spent {
  attempts: number;
  rateLimits: number;
  /** Number of pauses: 1, 2, 4 … s. */
  backoffs: number;
  networkRetries: number;
  unknown: number;
  grace: boolean;
}

export interface StepOptions {
  maxAttempts: number;
  maxWait: number;
  switchDelay: number;
  switchOnFirstRateLimit: boolean;
}

/** The alternatives that a request has at this moment. */
export interface Surroundings {
  /** Another credential is available now. */
  hasOther: boolean;
  /** The target has no other credential at all. */
  isOnly: boolean;
  /** Another endpoint has not failed for this request (E11). */
  hasEndpoint: boolean;
}

/** If there is no other credential, the request waits up to this long on the same one, in ms, plus the margin (C9). */
const GRACE = 2_000;
const GRACE_MARGIN = 100;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
const STOP: Step = { go: "stop" };

export function createSpent(): Spent {
  return { attempts: 0, rateLimits: 0, backoffs: 0, networkRetries: 0, unknown: 0, grace: false };
}

/** Decides the next step and counts it in `spent`. */
export function nextStep(
  verdict: Verdict,
  spent: Spent,
  around: Surroundings,
  options: StepOptions,
): Step {
  if (verdict.reason === "RATE_LIMIT_EXCEEDED") spent.rateLimits++;
  if (verdict.action === "no" || spent.attempts >= options.maxAttempts) return STOP;
  const { step, endpointFault } = REASONS[verdict.reason];
  switch (step) {
    case "same":
      return around.hasEndpoint || spent.networkRetries++ === 0 ? { go: "same", delay: 0 } : STOP;
    case "any":
      return { go: "any", delay: endpointFault && around.hasEndpoint ? 0 : pause(spent) };
    case "capacity":
      return afterCapacity(verdict, spent, options);
    case "other":
      return { go: "other", delay: 0 };
    default:
      if (verdict.scope === "none") return afterUnknown(verdict, spent);
      return verdict.scope === "upstream" || verdict.scope === "upstream-model"
        ? afterShared(verdict, spent, options)
        : afterLimit(verdict, spent, around, options);
  }
}

// A refusal that is not understood and closes nothing is repeated once: on another credential, inside a 200 on any.
function afterUnknown(verdict: Verdict, spent: Spent): Step {
  if (spent.unknown++ > 0) return STOP;
  return verdict.action === "same-later"
    ? { go: "any", delay: pause(spent) }
    : { go: "other", delay: 0 };
}

// Capacity does not depend on the credential: the same one again, unless the upstream states a longer wait than allowed (C12).
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

/** The next pause: 1, 2, 4 … 60 s, in ms. */
function pause(spent: Spent): number {
  return Math.min(FIRST_PAUSE * 2 ** spent.backoffs++, LONGEST_PAUSE);
}
