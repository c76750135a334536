// The last word of a request that failed: the upstream's own where it is about the request, ours where it is about the relay.
import type { Dialect, RenderedError } from "../contract/dialect.ts";
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Reason } from "../contract/verdict.ts";
import type { ErrorWriter } from "../stream/delivery.ts";
import { generic } from "../dialects/generic.ts";
import { type ErrorCode, RelayError } from "../shared/errors.ts";
import { describeFault } from "../shared/describe-error.ts";

/** Clients sleep as long as they are told, and try again by themselves: only a short wait is worth that. */
const RETRY_WORTHWHILE = 60;

/** Reasons whose answer the client must see as it is: it alone can mend its request. */
const CLIENTS_OWN: ReadonlySet<Reason> = new Set<Reason>([
  "INVALID_REQUEST",
  "NOT_FOUND",
  "FORBIDDEN",
  "UNKNOWN",
]);

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
  "idle-timeout": "ERR_RELAY_UPSTREAM_TIMEOUT",
  empty: "ERR_RELAY_UPSTREAM_EMPTY",
  permission: "ERR_RELAY_PERMISSION",
};

/** Tells whether the upstream's own answer goes to the client instead of an error of ours (E5). */
export function isClientsOwn({ verdict, answer }: LastAttempt): boolean {
  if (!answer || answer.inStream || answer.status < 400 || answer.status === 405) return false;
  return CLIENTS_OWN.has(verdict.reason);
}

/** Makes the error for a request whose tries are spent. `retryAfter` is in seconds; `tally` says why no credential is left. */
export function toUpstreamError(
  last: LastAttempt,
  target: Target,
  path: string,
  retryAfter: number | undefined,
  tally: string | undefined,
): RelayError {
  const { verdict, status, fault, limit } = last;
  const facts = {
    upstream: target.upstream,
    model: target.model === "*" ? undefined : target.model,
    upstreamStatus: status,
  };
  if (fault) return new RelayError(FAULT_CODES[fault], { ...facts, fault, limit });
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
      return new RelayError("ERR_RELAY_NO_CREDENTIAL", { ...facts, detail: tally });
    case "INVALID_REQUEST":
    case "NOT_FOUND":
      return new RelayError("ERR_RELAY_UPSTREAM_REJECTED", facts);
    case "FORBIDDEN":
      return new RelayError("ERR_RELAY_UPSTREAM_REFUSED", facts);
    default:
      return new RelayError("ERR_RELAY_LIMITED", {
        ...facts,
        retryAfter: retryAfter ?? 1,
        detail: verdict.reason,
      });
  }
}

/** Turns an error into what a dialect renders. On the wire names are in snake case, as in the answers of the APIs (E3). */
export function toRendered(error: RelayError): RenderedError {
  const { upstream, model, retryAfter, attempts, tried } = error.facts;
  const places = tried?.map(({ retryAfter: wait, ...place }) =>
    wait === undefined ? place : { ...place, retry_after: wait },
  );
  const fields = { upstream, model, retry_after: retryAfter, attempts, tried: places };
  const data = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  );
  return { status: error.status, code: error.code, type: error.type, message: error.message, data };
}

/** Writes errors as a dialect does. One that fails at it must not keep the client from hearing of an error. */
export function toWriter(dialect: Dialect, complain: (line: string) => void): ErrorWriter {
  const render = (how: keyof ErrorWriter) => (error: RenderedError) => {
    try {
      return dialect[how](error);
    } catch (fault) {
      complain(`the dialect ${dialect.name} cannot write errors: ${describeFault(fault)}`);
      return generic[how](error);
    }
  };
  return { renderError: render("renderError"), renderErrorEvent: render("renderErrorEvent") };
}

/** Headers of a final refusal: when to come back, and whether to come back by oneself at all (E3). */
export function retryHeaders(retryAfter: number | undefined): [string, string][] {
  const headers: [string, string][] =
    retryAfter === undefined ? [] : [["retry-after", String(retryAfter)]];
  const isWorthwhile = retryAfter !== undefined && retryAfter <= RETRY_WORTHWHILE;
  return isWorthwhile ? headers : [...headers, ["x-should-retry", "false"]];
}
