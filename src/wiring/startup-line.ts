// The line at start: what is relayed where, with how many credentials, and where state is kept (J15). It claims only what was observed.
import type { LeaseTier } from "../contract/lease.ts";
import type { StateHealth, SyncTier } from "../contract/state.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { UpstreamConfig } from "../options/upstreams.ts";

/** Number of upstreams that are listed. */
const LISTED = 5;

/** Drivers whose content ends with the process. */
export const VOLATILE: ReadonlySet<string> = new Set(["memory", "lru-cache"]);

const DRIVERS: Readonly<Record<string, string>> = {
  redis: "Redis",
  unknown: "a storage that does not name its driver",
};

const SHARED: Readonly<Record<SyncTier, string>> = {
  shared: "shared",
  "best-effort": "shared by polling",
  process: "within this process",
  none: "this instance alone",
};

const LEASES: Readonly<Record<LeaseTier, string>> = {
  atomic: "atomic leases",
  "best-effort": "best-effort leases",
  process: "leases within this process",
};

/** `added`: number of credentials that were added at run time. */
export function toStartupLine(config: RelayConfig, store: StateHealth, added: number): string {
  const { mount } = config;
  const where = mount === undefined ? "relay" : `relay ${mount || "/"}`;
  return `${where} → ${upstreamsOf(config)}, ${carriersOf(config, added)}, state in ${stateOf(config, store)}`;
}

function upstreamsOf({ upstreams }: RelayConfig): string {
  const all = [...upstreams.values()];
  const [first] = all;
  if (all.length === 1) return addressOf(first!);
  const listed = all.slice(0, LISTED).map((one) => `${one.name}: ${addressOf(one)}`);
  const more = all.length > LISTED ? ` and ${all.length - LISTED} more` : "";
  return listed.join(", ") + more;
}

// Host and port only: a path may contain a secret.
function addressOf({ pools, dialect }: UpstreamConfig): string {
  const hosts = new Set(pools.map(({ endpoints }) => new URL(endpoints[0]!.origin).host));
  return `${[...hosts].join(" and ")} (${dialect.name})`;
}

function carriersOf({ credentials, acquirers }: RelayConfig, added: number): string {
  const counted = counts(credentials.length, "credential");
  const total = added > 0 ? `${counted} and ${added} added at run time` : counted;
  if (acquirers.length === 0) return total;
  const sources = counts(acquirers.length, "anonymous source");
  return credentials.length + added === 0 ? sources : `${total}, ${sources}`;
}

function counts(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function stateOf({ storage }: RelayConfig, store: StateHealth): string {
  const { driver, loaded, proven, fault, sync, leases } = store;
  if (!storage || VOLATILE.has(driver))
    return "memory (lost at restart: cooldowns, disabled credentials, usage counts, tokens)";
  const name = DRIVERS[driver] ?? driver;
  if (loaded && proven?.keeps === false)
    return `${name} (what was written is not read back: it may be lost at restart)`;
  const lock = proven?.locks === false ? "leases that do not lock" : LEASES[leases];
  const listing = proven?.lists === false ? ", incomplete listing" : "";
  if (loaded) return `${name} (${SHARED[sync]}, ${lock}${listing})`;
  const code = fault?.split(": ").at(-1);
  return `${driver}: ${code ? `not reachable yet (${code})` : "has not answered yet"}`;
}
