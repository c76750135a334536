// The last requests as the relay's hooks tell them, newest first, in memory alone.
import type { AttemptEvent, CooldownEvent, EndEvent, HookHandlers } from "h3-relay";

export interface ToldAttempt {
  credential: string;
  /** Status the upstream gave; `undefined` where no answer came. */
  status: number | undefined;
  /** Reason of a failure; `undefined` after success. */
  reason: string | undefined;
  evidence: string | undefined;
  /** ms. */
  duration: number;
  /** ISO UTC: what this failure closed, until then. */
  closedUntil: string | undefined;
  /** What it closed: the model, or everything. */
  closedFamily: string | undefined;
  /** Whether the upstream stated that wait. */
  statedByUpstream: boolean;
}

export interface ToldRequest {
  id: string;
  /** When it was first heard of, UTC epoch ms. */
  at: number;
  model: string | undefined;
  attempts: ToldAttempt[];
  end: ToldEnd | undefined;
}

export type ToldEnd = Pick<
  EndEvent,
  "reason" | "status" | "error" | "bytes" | "duration" | "firstPayloadAfter" | "clientPresent"
>;

const KEPT = 30;
const requests = new Map<string, ToldRequest>();
let latest: ToldAttempt | undefined;

/** Returns the requests of which something was heard, newest first. */
export function tellRequests(): ToldRequest[] {
  return [...requests.values()].toReversed();
}

function requestOf(id: string, model: string | undefined): ToldRequest {
  const known = requests.get(id);
  if (known) return known;
  const fresh: ToldRequest = { id, at: Date.now(), model, attempts: [], end: undefined };
  requests.set(id, fresh);
  const [oldest] = requests.keys();
  if (requests.size > KEPT && oldest !== undefined) requests.delete(oldest);
  return fresh;
}

function onAttempt({
  requestId,
  model,
  credential,
  status,
  verdict,
  duration,
}: AttemptEvent): void {
  latest = {
    credential,
    status,
    duration,
    reason: verdict?.reason,
    evidence: verdict?.evidence,
    closedUntil: undefined,
    closedFamily: undefined,
    statedByUpstream: false,
  };
  requestOf(requestId, model).attempts.push(latest);
}

// A cooldown names no request: it follows at once on the attempt that caused it.
function onCooldown({ credential, family, expiresAt, statedByUpstream }: CooldownEvent): void {
  if (!latest || (credential !== "*" && credential !== latest.credential)) return;
  latest.closedUntil = expiresAt;
  latest.closedFamily = family;
  latest.statedByUpstream = statedByUpstream;
}

function onEnd(event: EndEvent): void {
  const request = requestOf(event.requestId, event.model);
  const { reason, status, error, bytes, duration, firstPayloadAfter, clientPresent } = event;
  request.end = { reason, status, error, bytes, duration, firstPayloadAfter, clientPresent };
  if (event.attempts > request.attempts.length) request.attempts.push(answered(event));
}

/** The attempt that was answered: it has failed nowhere, so only the end tells of it. */
function answered({ credential = "", status, duration }: EndEvent): ToldAttempt {
  return {
    credential,
    status,
    duration,
    reason: undefined,
    evidence: undefined,
    closedUntil: undefined,
    closedFamily: undefined,
    statedByUpstream: false,
  };
}

export const listeners: HookHandlers = { attempt: onAttempt, cooldown: onCooldown, end: onEnd };
