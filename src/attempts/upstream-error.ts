// The error of a request whose last attempt failed.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import { type ErrorCode, RelayError } from "../shared/errors.ts";
import { ANY } from "../shared/patterns.ts";
import { REASONS } from "../shared/reasons.ts";

const FAULT_CODES: Record<AttemptFault, ErrorCode> = {
  dns: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  refused: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  unreachable: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  certificate: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  tls: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  denied: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  connect: "ERR_RELAY_UPSTREAM_UNREACHABLE",
  closed: "ERR_RELAY_UPSTREAM_CLOSED",
  protocol: "ERR_RELAY_UPSTREAM_INVALID",
  "connect-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  timeout: "ERR_RELAY_UPSTREAM_TIMEOUT",
  "body-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  "payload-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  "idle-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  "payload-idle-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  empty: "ERR_RELAY_UPSTREAM_EMPTY",
  permission: "ERR_RELAY_PERMISSION",
};

/** True if the client receives the upstream's own answer instead of an error of the relay (E5). */
export function isClientsOwn({ verdict, answer }: LastAttempt): boolean {
  if (!answer || answer.inStream || answer.status < 400 || answer.status === 405) return false;
  return REASONS[verdict.reason].clientsOwn;
}

/** Creates the error of a request whose attempts are spent. `retryAfter` is in seconds; `summary` counts why no credential is available. */
export function toUpstreamError(
  last: LastAttempt,
  target: Target,
  path: string,
  retryAfter: number | undefined,
  summary: string | undefined,
): RelayError {
  const { verdict, status, fault, limit, option } = last;
  const facts = {
    upstream: target.upstream,
    model: target.model === ANY ? undefined : target.model,
    upstreamStatus: status,
  };
  if (fault) return new RelayError(FAULT_CODES[fault], { ...facts, fault, limit, option });
  if (status !== undefined && status >= 300 && status < 400)
    return new RelayError("ERR_RELAY_UPSTREAM_REDIRECT", facts);
  if (status === 405)
    return new RelayError("ERR_RELAY_METHOD", { detail: "of this request", path });
  const real = status !== undefined && status >= 500 ? status : undefined;
  switch (verdict.reason) {
    case "MODEL_CAPACITY_EXHAUSTED":
      return new RelayError("ERR_RELAY_CAPACITY", { ...facts, retryAfter });
    case "TIMEOUT":
      return new RelayError("ERR_RELAY_UPSTREAM_TIMEOUT", { ...facts, status: real });
    case "SERVER_ERROR":
      return new RelayError("ERR_RELAY_UPSTREAM_FAILED", { ...facts, status: real });
    case "UNAUTHENTICATED":
    case "TOKEN_EXHAUSTED":
      return new RelayError("ERR_RELAY_NO_CREDENTIAL", { ...facts, detail: summary });
    case "INVALID_REQUEST":
    case "NOT_FOUND":
      return new RelayError("ERR_RELAY_UPSTREAM_REJECTED", facts);
    case "FORBIDDEN":
      return new RelayError("ERR_RELAY_UPSTREAM_REFUSED", facts);
    case "UNKNOWN":
    case "ABORTED":
      return new RelayError("ERR_RELAY_UPSTREAM_FAILED", { ...facts, status: real });
    default:
      return new RelayError("ERR_RELAY_LIMITED", {
        ...facts,
        retryAfter: retryAfter ?? 1,
        detail: verdict.reason,
      });
  }
}
