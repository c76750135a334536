// What one request carries through its attempts.
import type { HeaderList } from "../contract/sink.ts";
import type { UsageOption } from "../contract/dialect.ts";
import type { Reason } from "../contract/verdict.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { RequestContext } from "../request/request-context.ts";
import type { CircuitCall } from "../policies/circuit-breaker.ts";
import type { Cooldown } from "../cooldowns/cooldowns.ts";
import type { Pool } from "../pool/pool.ts";
import type { Probe } from "../pool/selection.ts";
import type { ReadRequest } from "../http/read-request.ts";
import type { Services } from "../wiring/create-services.ts";
import type { QueueEntry } from "../policies/request-queue.ts";
import { createSpent, type Spent } from "../policies/retry-policy.ts";

/** Everything a request needs to be attempted. */
export interface RequestPlan {
  context: RequestContext;
  asked: ReadRequest;
  /** Where it may go, in order of preference. */
  targets: readonly Target[];
  /** Where it went last, or goes now. */
  target: Target;
  session: string | undefined;
  /** Sends status and headers of an upstream's answer to the client. */
  commit: (
    context: RequestContext,
    status: number,
    headers: HeaderList,
    isEventStream: boolean,
  ) => void;
}

/** Where the loop stands between two attempts. */
export interface AttemptState {
  spent: Spent;
  /** Credentials that this request does not choose again (A11). */
  excluded: string[];
  /** What it has met; nothing, for most: a stream that stays open for an hour holds no empty sets. */
  history: AttemptHistory | undefined;
  /** The credential to use once more, and the window that this request may retry in. */
  retry: RetryTarget | undefined;
  last: LastAttempt | undefined;
  lastCredential: string | undefined;
  /** Gives a retry back to the budget of all requests; set while one is under way (E14). */
  endRetry: (() => void) | undefined;
  /** How long the request may still wait for a credential, ms. */
  remainingWait: number;
  /** Its place among those who wait. */
  queueEntry: QueueEntry | undefined;
  /** The target it waits for. */
  queuedFor: Target | undefined;
}

/** What the failed attempts of one request leave behind. */
export interface AttemptHistory {
  /** Credentials that it does not choose again for one target alone: what failed there was the model or the pool. */
  excludedAt: Map<Target, string[]>;
  /** Credentials that it was to use, and that had no token. */
  tokenless: Set<string>;
  /** Endpoints that have failed it (E11). */
  failedAt: Set<Endpoint>;
  /** Targets that it has given up. */
  left: Set<Target>;
  /** What came of each target that was tried. */
  reasons: Map<Target, Reason>;
  /** Excluded credentials that a cooldown keeps away: they may be asked again when it is over (E2). */
  cooled: Set<string>;
  /** Credentials whose token it has had renewed, once each (E6). */
  renewed: Set<string>;
  /** Credentials that answered it with 403. */
  forbidden: Set<string>;
  /** The endpoint that refused to be asked for token counts, or may have: the request goes on without. */
  usageRefusedBy: Endpoint | undefined;
}

export interface RetryTarget {
  credential: string;
  met: Cooldown | undefined;
  /** Keys that this attempt is the trial of (F4). */
  probe?: Probe | undefined;
}

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

/** Where a request notes what it has met. */
export function historyOf(state: AttemptState): AttemptHistory {
  return (state.history ??= {
    excludedAt: new Map(),
    tokenless: new Set(),
    failedAt: new Set(),
    left: new Set(),
    reasons: new Map(),
    cooled: new Set(),
    renewed: new Set(),
    forbidden: new Set(),
    usageRefusedBy: undefined,
  });
}

/** What a request has taken for its next attempt. */
export interface Selection extends RetryTarget {
  /** The way it goes: which endpoint, and what is told of it (F2). */
  circuitCall: CircuitCall;
  /** When it was sent, UTC epoch ms; when it was taken, until then. */
  sentAt: number;
  /** What it presents; `undefined` while it must be waited for. */
  secret: string | undefined;
  /** What the relay adds to the request, so that its answer reports token counts. */
  usageOption: UsageOption | undefined;
}

/** Failures that another model or pool may not share. The others are the request's own fault, or nobody knows whose. */
const WORTHY: ReadonlySet<Reason> = new Set<Reason>([
  "QUOTA_EXHAUSTED",
  "RATE_LIMIT_EXCEEDED",
  "MODEL_CAPACITY_EXHAUSTED",
  "NOT_FOUND",
  "BILLING",
  "UNAUTHENTICATED",
  "SERVER_ERROR",
  "TIMEOUT",
  "NETWORK",
  "EMPTY",
]);

/** Targets that a request may still go to, in order. */
export function openTargets(
  { targets, target }: RequestPlan,
  { last, history }: AttemptState,
): readonly Target[] {
  if (targets.length === 1) return targets;
  if (last && !WORTHY.has(last.verdict.reason)) return [target];
  return history ? targets.filter((one) => !history.left.has(one)) : targets;
}

/** Credentials that are not to be chosen for a target. */
export function excludedFor({ excluded, history }: AttemptState, target: Target): string[] {
  const here = history?.excludedAt.get(target);
  return here ? [...excluded, ...here] : excluded;
}

/** Gives the slot of what was taken back, and wakes who waits for one. */
export function giveSlotBack(rooms: Services, plan: RequestPlan, { credential }: Selection): void {
  poolOf(rooms, plan).release(credential);
  rooms.waiting.wakeOne(plan.target.upstream);
}

export function poolOf(rooms: Services, { target }: Pick<RequestPlan, "target">): Pool {
  return rooms.pools.get(target.upstream)!;
}
