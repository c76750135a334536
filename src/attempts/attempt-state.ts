// What one request has tried so far, and what it has selected for its next attempt.
import type { UsageOption } from "../contract/dialect.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import type { Reason } from "../contract/verdict.ts";
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import type { Failure } from "../cooldowns/outcome.ts";
import type { CircuitCall } from "../policies/circuit-breaker.ts";
import type { PendingAnswer } from "../policies/pending-answers.ts";
import type { QueueEntry } from "../policies/request-queue.ts";
import { createSpent, type Spent } from "../policies/retry-policy.ts";
import type { Probe } from "../pool/selection.ts";

/** The state of the loop between two attempts. */
export interface AttemptState {
  spent: Spent;
  /** Credentials that this request does not select again (A11). */
  excluded: string[];
  /** What its failed attempts have shown; `undefined` for most requests, so that an open stream holds no empty sets. */
  history: AttemptHistory | undefined;
  /** The credential to use once more, and the cooldown that this request may retry in. */
  retry: RetryTarget | undefined;
  last: LastAttempt | undefined;
  lastCredential: string | undefined;
  /** Returns a retry to the budget of all requests; set while a retry is under way (E14). */
  endRetry: (() => void) | undefined;
  /** How long the request may still wait for a credential, in ms. */
  remainingWait: number;
  /** Its entry in the queue. */
  queueEntry: QueueEntry | undefined;
  /** The target that it is queued for. */
  queuedFor: Target | undefined;
}

/** What the failed attempts of one request have shown. */
export interface AttemptHistory {
  /** Credentials that it does not select again for one target: the model or the quota pool was refused, not the credential. */
  excludedAt: Map<Target, string[]>;
  /** Credentials that were selected and had no token. */
  tokenless: Set<string>;
  /** Endpoints that have failed for it (E11). */
  failedAt: Set<Endpoint>;
  /** Targets that it has left for a fallback. */
  left: Set<Target>;
  /** The reason of the last failure at each target. */
  reasons: Map<Target, Reason>;
  /** Excluded credentials with a cooldown: they may be selected again when it ends (E2). */
  cooled: Set<string>;
  /** Credentials whose token it has had refreshed, once each (E6). */
  renewed: Set<string>;
  /** Credentials that answered it with a 401 or 403 of their own. */
  denied: Map<string, Failure>;
  /** The endpoint that refused to report token counts, or may have: the request goes on without asking. */
  usageRefusedBy: Endpoint | undefined;
}

/** A credential that is used once more. */
export interface RetryTarget {
  credential: string;
  /** The cooldown that the request retries in. */
  met: Cooldown | undefined;
}

/** What a request has selected for its next attempt. */
export interface Selection extends RetryTarget {
  /** Keys that this attempt probes (F4). */
  probe: Probe | undefined;
  /** The endpoint of the call, and what is reported to its circuit breaker (F2). */
  circuitCall: CircuitCall;
  /** Its place among the calls that wait for an answer; `undefined` in the dialect `generic` (E19). */
  pending: PendingAnswer | undefined;
  /** When the attempt was sent, UTC epoch ms; until then when the credential was selected. */
  sentAt: number;
  /** The key or token to send; `undefined` while a token is awaited. */
  secret: string | undefined;
  /** What the relay adds to the request so that its answer reports token counts. */
  usageOption: UsageOption | undefined;
}

/** Creates the state of a request that has tried nothing. `remainingWait` is in ms. */
export function createAttemptState(remainingWait: number): AttemptState {
  return {
    spent: createSpent(),
    excluded: [],
    history: undefined,
    retry: undefined,
    last: undefined,
    lastCredential: undefined,
    endRetry: undefined,
    remainingWait,
    queueEntry: undefined,
    queuedFor: undefined,
  };
}

/** Returns the history of a request, which begins with its first failure. */
export function historyOf(state: AttemptState): AttemptHistory {
  return (state.history ??= {
    excludedAt: new Map(),
    tokenless: new Set(),
    failedAt: new Set(),
    left: new Set(),
    reasons: new Map(),
    cooled: new Set(),
    renewed: new Set(),
    denied: new Map(),
    usageRefusedBy: undefined,
  });
}

/** Credentials that the request does not select for a target. */
export function excludedFor({ excluded, history }: AttemptState, target: Target): string[] {
  const here = history?.excludedAt.get(target);
  return here ? [...excluded, ...here] : excluded;
}

/** Removes the request from the queue. */
export function leaveQueue(state: AttemptState): void {
  state.queueEntry?.leave();
  state.queueEntry = undefined;
}
