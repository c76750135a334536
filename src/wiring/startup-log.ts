// Warnings at start: what the options leave open, and what the store cannot do.
import type { StateHealth } from "../contract/state.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { doubtsOf } from "../options/notes.ts";
import type { Reporter } from "../observe/reporter.ts";
import { VOLATILE } from "./startup-line.ts";

const NEVER_DISABLE =
  /^(?:QUOTA_EXHAUSTED|RATE_LIMIT_EXCEEDED|MODEL_CAPACITY_EXHAUSTED|INVALID_REQUEST)$/;

/** Number of ids that one line names. */
const NAMED = 5;

export function logStartupNotes(config: RelayConfig, store: StateHealth, reporter: Reporter): void {
  noteOptions(config, reporter);
  for (const doubt of doubtsOf(config)) reporter.warn(doubt);
  if (config.storage) noteStore(config, store, reporter);
  if (!config.storage || VOLATILE.has(store.driver)) noteMemory(config, reporter);
}

// Cooldowns and counts are learnt again; the warning is about what a restart must not lose.
function noteMemory({ acquirers, sources }: RelayConfig, { warn }: Reporter): void {
  if (acquirers.length > 0)
    warn(
      "anonymous tokens and the attempts to create them are kept in memory: a restart loses them, and may create more tokens than the provider allows; set a `storage` that survives restarts",
    );
  const rotating = [...sources].filter(([, it]) => typeof it === "object" && it.rotates);
  if (rotating.length > 0)
    warn(
      `the refresh tokens of ${rotating
        .map(([id]) => id)
        .slice(0, NAMED)
        .join(
          ", ",
        )}${rotating.length > NAMED ? ", …" : ""} rotate and are kept in memory: after a restart the configured ones are sent, which are no longer valid; set a \`storage\` that survives restarts`,
    );
}

function noteOptions({ authorize, limits }: RelayConfig, { warn }: Reporter): void {
  if (!authorize)
    warn(
      "every client that reaches this relay may use it: set `authorize` to decide which clients may",
    );
  const harmless = limits.disableOn.filter((reason) => NEVER_DISABLE.test(reason));
  if (harmless.length > 0)
    warn(
      `limits.disableOn: ${harmless.join(", ")} never disables a credential: it is a limit, or an error of the request`,
    );
}

function noteStore(
  { sources, acquirers, instances }: RelayConfig,
  { driver, leases, sealed }: StateHealth,
  { warn }: Reporter,
): void {
  const hasTokens = sources.size > 0 || acquirers.length > 0;
  if (hasTokens && !sealed && driver !== "memory")
    warn("tokens are stored without encryption: set `secret` to seal them at rest");
  if (hasTokens && leases === "best-effort" && instances !== 1)
    warn(
      "this storage has no atomic lock: pass the root storage of a Redis, SQL or fs driver, or set `instances: 1` if this is the only instance",
    );
}
