// What happens to a request whose client has left.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { DisconnectPolicy } from "../options/group-types.ts";
import { describeFault } from "../shared/describe-error.ts";

/** Creates the function that returns the policy of a call (I12). If the operator's function fails, the default applies. */
export function createDisconnectPolicy(
  { streaming }: Pick<RelayConfig, "streaming">,
  reporter: Pick<Reporter, "error">,
): (call: InboundCall) => DisconnectPolicy {
  const { onDisconnect } = streaming;
  if (typeof onDisconnect !== "function") return () => onDisconnect;
  return (call) => {
    try {
      const policy: unknown = onDisconnect(call.request());
      if (policy === "drain" || policy === "detach" || policy === "abort") return policy;
      reporter.error('streaming.onDisconnect must return "abort", "drain" or "detach"');
    } catch (error) {
      reporter.error(`streaming.onDisconnect failed: ${describeFault(error)}`);
    }
    return "abort";
  };
}
