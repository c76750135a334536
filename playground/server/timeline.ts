// The last requests, collected from the relay's hooks and kept only in memory.
import type { AttemptEvent, CooldownEvent, EndEvent, HookHandlers } from "h3-relay";

export interface AttemptRecord {
  credential: string;
  /** HTTP status of the upstream; `undefined` without an answer. */
  status: number | undefined;
  /** Reason of a failure; `undefined` after success. */
  reason: string | undefined;
  evidence: string | undefined;
  /** In ms. */
  duration: number;
  /** End of the cooldown that this failure caused, ISO UTC. */
  closedUntil: string | undefined;
  /** Model family of that cooldown; `*` for all models. */
  closedFamily: string | undefined;
  /** True if the upstream stated the wait. */
  statedByUpstream: boolean;
}

export interface RequestRecord {
  id: string;
  /** Time of its first event, UTC epoch ms. */
  at: number;
  model: string | undefined;
  attempts: AttemptRecord[];
  end: RequestEnd | undefined;
}

export type RequestEnd = Pick<
  EndEvent,
  "reason" | "status" | "error" | "bytes" | "duration" | "firstPayloadAfter" | "clientPresent"
>;

const KEPT = 30;
const requests = new Map<string, RequestRecord>();
let latest: AttemptRecord | undefined;

/** Returns the last requests, newest first. */
export function listRequests(): RequestRecord[] {
  return [...requests.values()].toReversed();
}

function requestOf(id: string, model: string | undefined): RequestRecord {
  const known = requests.get(id);
  if (known) return known;
  const fresh: RequestRecord = { id, at: Date.now(), model, attempts: [], end: undefined };
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

// The event of a cooldown has no request id. It follows directly after the attempt that caused it.
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

/** The successful attempt. It has no failure event, so only the end reports it. */
function answered({ credential = "", status, duration }: EndEvent): AttemptRecord {
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
