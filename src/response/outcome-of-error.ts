// How an error counts as the end of its request, and what the log says of an error that only the operator can correct.
import type { Fault } from "../observe/fault-log.ts";
import type { RequestContext, RequestOutcome } from "../request/request-context.ts";
import type { RelayError } from "../shared/errors.ts";

/** Returns the reason with which an error ends a request. */
export function reasonOf(
  { code, status }: RelayError,
  { drain, delivery }: RequestContext,
): RequestOutcome["reason"] {
  if (code === "ERR_RELAY_CLIENT_GONE" && drain === "over the limit") return "drain_limit";
  if (code === "ERR_RELAY_CLIENT_GONE" && delivery.isStalled) return "client_stalled";
  if (code === "ERR_RELAY_CLIENT_GONE")
    return delivery.hasPayload ? "client_gone_mid" : "client_gone_before_first";
  if (code === "ERR_RELAY_SHUTDOWN") return "shutdown";
  if (code === "ERR_RELAY_STOPPED") return "stopped";
  if (code === "ERR_RELAY_DEADLINE" || code === "ERR_RELAY_UPSTREAM_TIMEOUT") return "timeout";
  return status === 502 || (status >= 500 && code.startsWith("ERR_RELAY_UPSTREAM"))
    ? "upstream_error"
    : "refused";
}

/** The fault of a body that was read before the relay: the client cannot correct it, the operator can. */
export function toBodyFault({ message, facts }: RelayError): Fault {
  return {
    subject: "request body",
    kind: facts.detail ?? "used",
    what: "was read before it reached the relay",
    advice: message.slice(message.indexOf(": ") + 2, -1),
    endedBy: undefined,
  };
}
