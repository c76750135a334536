// What one request carries through its attempts.
import type { HeaderList } from "../contract/sink.ts";
import type { Reason } from "../contract/verdict.ts";
import type { Endpoint, Target } from "../contract/target.ts";
import type { LastAttempt } from "../failure.ts";
import type { Life } from "../life.ts";
import type { Passage } from "../limits/circuits.ts";
import type { Cooldown } from "../pool/cooldowns.ts";
import type { Pool, Trial } from "../pool/pool.ts";
import type { ReadRequest } from "../request/read.ts";
import type { Rooms } from "../rooms.ts";
import type { Place } from "../waiting.ts";
import { createSpent, type Spent } from "../limits/steps.ts";

/** Everything a request needs to be attempted. */
export interface Errand {
  life: Life;
  asked: ReadRequest;
  /** Where it may go, in order of preference. */
  targets: readonly Target[];
  /** Where it went last, or goes now. */
  target: Target;
  session: string | undefined;
  /** Sends status and headers of an upstream's answer to the client. */
  commit: (status: number, headers: HeaderList, isEventStream: boolean) => void;
}

/** Where the loop stands between two attempts. */
export interface Standing {
  spent: Spent;
  /** Credentials that this request does not choose again (A11). */
  excluded: string[];
  /** Those that it does not choose again for one target alone: what failed there was the model or the pool. */
  excludedAt: Map<Target, string[]>;
  /** Credentials that it was to use, and that had no token. */
  tokenless: Set<string>;
  /** Endpoints that have failed it (E11). */
  failedAt: Set<Endpoint>;
  /** Targets that it has given up. */
  left: Set<Target>;
  /** What came of each target that was tried. */
  reasons: Map<Target, Reason>;
  /** Those of them that a cooldown keeps away: they may be asked again when it is over (E2). */
  cooled: Set<string>;
  /** The credential to use once more, and the window that this request may retry in. */
  again: Again | undefined;
  last: LastAttempt | undefined;
  lastCredential: string | undefined;
  /** Credentials whose token this request has had renewed, once each (E6). */
  renewed: Set<string>;
  /** Credentials that answered this request with 403. */
  forbidden: Set<string>;
  /** Gives a retry back to the budget of all requests; set while one is under way (E14). */
  endRetry: (() => void) | undefined;
  /** How long the request may still wait for a credential, ms. */
  patience: number;
  /** Its place among those who wait. */
  place: Place | undefined;
  /** The target it waits for. */
  line: Target | undefined;
}

export interface Again {
  credential: string;
  met: Cooldown | undefined;
  /** Keys that this attempt is the trial of (F4). */
  trial?: Trial | undefined;
}

export function createStanding(patience: number): Standing {
  return {
    spent: createSpent(),
    excluded: [],
    excludedAt: new Map(),
    tokenless: new Set(),
    failedAt: new Set(),
    left: new Set(),
    reasons: new Map(),
    cooled: new Set(),
    again: undefined,
    last: undefined,
    lastCredential: undefined,
    renewed: new Set(),
    forbidden: new Set(),
    endRetry: undefined,
    patience,
    place: undefined,
    line: undefined,
  };
}

/** What a request has taken for its next attempt. */
export interface Taken extends Again {
  /** The way it goes: which endpoint, and what is told of it (F2). */
  passage: Passage;
  /** What it presents; `undefined` while it must be waited for. */
  secret: string | undefined;
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
  { targets, target }: Errand,
  { last, left }: Standing,
): readonly Target[] {
  if (targets.length === 1) return targets;
  if (last && !WORTHY.has(last.verdict.reason)) return [target];
  return left.size === 0 ? targets : targets.filter((one) => !left.has(one));
}

/** Credentials that are not to be chosen for a target. */
export function excludedFor({ excluded, excludedAt }: Standing, target: Target): string[] {
  const here = excludedAt.get(target);
  return here ? [...excluded, ...here] : excluded;
}

export function poolOf(rooms: Rooms, { target }: Pick<Errand, "target">): Pool {
  return rooms.pools.get(target.upstream)!;
}
