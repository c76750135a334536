// Where a session's key comes from.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { RelayConfig } from "../options/resolve.ts";

/** Returns the stickiness key of a request; `undefined` if it has none. */
export type SessionOf = (request: {
  call: InboundCall;
  caller: string | undefined;
}) => string | undefined;

/** Creates the function that reads session keys. Two callers never share a key (N7). */
export function createSessionKey({ scheduling }: Pick<RelayConfig, "scheduling">): SessionOf {
  const { sessionKey, mode } = scheduling;
  if (sessionKey === undefined || mode === "performance-first") return () => undefined;
  const read =
    typeof sessionKey === "string"
      ? (call: InboundCall) => call.header(sessionKey.toLowerCase())
      : (call: InboundCall) => sessionKey(call.request());
  return ({ call, caller }) => {
    const key: unknown = read(call);
    // A promise would be the same key for every session.
    if (key !== null && typeof key === "object")
      throw new TypeError("sessionKey must return a string at once");
    return typeof key === "string" && key !== "" ? `${caller ?? ""}\n${key}` : undefined;
  };
}
