// Warnings at start: what the options leave open, and what the store cannot do.
import type { StateHealth } from "../contract/state.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { doubtsOf } from "../options/notes.ts";
import type { Reporter } from "../observe/reporter.ts";
import { toDurationText } from "../shared/times.ts";
import { type Forgets, forgetsOf, innerMounts, type StateStorage } from "../state/store/storage.ts";

const NEVER_DISABLE =
  /^(?:QUOTA_EXHAUSTED|RATE_LIMIT_EXCEEDED|MODEL_CAPACITY_EXHAUSTED|INVALID_REQUEST)$/;

/** Number of ids that one line names. */
const NAMED = 5;

export function logStartupNotes(config: RelayConfig, store: StateHealth, reporter: Reporter): void {
  noteOptions(config, reporter);
  for (const doubt of doubtsOf(config)) reporter.warn(doubt);
  if (config.storage) noteStore(config, store, reporter);
  const forgets = forgetsOf(config.storage, config.base);
  if (forgets) noteForgetting(config, forgets, reporter);
  if (config.storage) noteMounts(config.storage, config.base, reporter);
}

function noteMounts(storage: StateStorage, base: string, { warn }: Reporter): void {
  const inside = innerMounts(storage, base);
  if (inside.length > 0)
    warn(
      `storage: another driver is mounted inside \`base\` "${base}" (${inside.join(", ")}): a part of the state goes there; mount one driver for "${base}"`,
    );
}

// Cooldowns and counts are learnt again; the warning is about what a restart must not lose.
function noteForgetting(
  { acquirers, sources }: RelayConfig,
  { driver, ttl }: Forgets,
  { warn }: Reporter,
): void {
  const where =
    ttl === undefined
      ? WHERE[driver]!
      : `removed by the driver \`${driver}\` after ${toDurationText(ttl * 1_000)}`;
  const remedy =
    ttl === undefined
      ? "set a `storage` that survives restarts"
      : `remove \`ttl\` from the options of \`${driver}\``;
  if (acquirers.length > 0)
    warn(
      `anonymous tokens and the attempts to create them are ${where}: a restart loses them, and may create more tokens than the provider allows; ${remedy}`,
    );
  const rotating = [...sources].filter(([, it]) => typeof it === "object" && it.rotates);
  if (rotating.length > 0)
    warn(
      `the refresh tokens of ${rotating
        .map(([id]) => id)
        .slice(0, NAMED)
        .join(
          ", ",
        )}${rotating.length > NAMED ? ", …" : ""} rotate and are ${where}: after the first restart the configured ones are sent, which are no longer valid, and each of these credentials needs a new login; ${remedy}`,
    );
  if (ttl !== undefined && acquirers.length + rotating.length === 0)
    warn(
      `cooldowns and disabled credentials are ${where}: a restart after that uses disabled keys again; ${remedy}`,
    );
}

const WHERE: Readonly<Record<string, string>> = {
  memory: "kept in memory",
  "lru-cache": "kept in memory",
  null: "kept nowhere (the driver `null` drops them)",
};

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
