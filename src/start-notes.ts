// What an operator should know when a relay starts: who may call, what its store can do, and what it does not do.
import type { StateHealth } from "./contract/state.ts";
import type { RelayConfig } from "./options/resolve.ts";
import { doubtsOf } from "./options/notes.ts";
import type { Reporter } from "./observe/reporter.ts";

const NEVER_DISABLE =
  /^(?:QUOTA_EXHAUSTED|RATE_LIMIT_EXCEEDED|MODEL_CAPACITY_EXHAUSTED|INVALID_REQUEST)$/;

/** Drivers that end with the process. */
const VOLATILE: ReadonlySet<string> = new Set(["memory", "lru-cache"]);

export function noteAtStart(config: RelayConfig, store: StateHealth, reporter: Reporter): void {
  noteOptions(config, reporter);
  for (const doubt of doubtsOf(config)) reporter.warn(doubt);
  if (config.storage) noteStore(config, store, reporter);
  if (config.acquirers.length > 0 && (!config.storage || VOLATILE.has(store.driver)))
    reporter.warn(
      "anonymous tokens and the attempts to create them are kept in memory alone: a restart forgets them, and may create more than the provider allows; set a `storage` that stays",
    );
}

function noteOptions({ authorize, limits }: RelayConfig, { warn }: Reporter): void {
  if (!authorize)
    warn("everybody who reaches this relay may use it: set `authorize` to say who may");
  const harmless = limits.disableOn.filter((reason) => NEVER_DISABLE.test(reason));
  if (harmless.length > 0)
    warn(
      `limits.disableOn: ${harmless.join(", ")} never disables a credential: it is a limit, or the request's own fault`,
    );
}

function noteStore(
  { sources, acquirers, instances }: RelayConfig,
  { driver, leases, sync, sealed }: StateHealth,
  { info, warn }: Reporter,
): void {
  info(`state on ${driver}: leases ${leases}, changes of other instances ${sync}`);
  const hasTokens = sources.size > 0 || acquirers.length > 0;
  if (hasTokens && !sealed && driver !== "memory")
    warn("tokens are stored as they are: set `secret` to seal them at rest");
  if (hasTokens && leases === "best-effort" && instances !== 1)
    warn(
      "this store cannot say who is first: give the root storage of a driver that can, or set `instances: 1` where this is the only one",
    );
}
