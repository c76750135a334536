// What every part of a relay uses: the config, the clock, the log and the hooks.
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import { createLog } from "#log";
import { createFaultLog, type FaultLog } from "../observe/fault-log.ts";
import { createRelayHooks, type Hooks } from "../observe/hooks.ts";
import { redactingLog, SecretDirectory } from "../observe/secret-directory.ts";
import { createReporter, type Reporter, silentLog } from "../observe/reporter.ts";
import { type RelayConfig, resolveOptions } from "../options/resolve.ts";
import type { RelayOptions } from "../options/types.ts";
import { systemClock } from "./system-clock.ts";

export interface Base {
  config: RelayConfig;
  clock: Clock;
  random: Random;
  /** The operator's logger, without a limit on lines. */
  log: Log;
  reporter: Reporter;
  faultLog: FaultLog;
  hooks: Hooks;
  /** Finds the secrets of credentials that log lines, events and the status name. */
  secrets: SecretDirectory;
}

/** Reads the options. Throws `ERR_RELAY_OPTIONS`. */
export function createBase(options: RelayOptions): Base {
  const config = resolveOptions(options);
  const clock = options.clock ?? systemClock;
  const secrets = new SecretDirectory(sharedSecrets(config));
  const own = options.log === false ? silentLog() : (options.log ?? createLog());
  const log = redactingLog(own, secrets);
  const reporter = createReporter(log, clock);
  return {
    config,
    clock,
    random: options.random ?? Math.random,
    log,
    reporter,
    faultLog: createFaultLog(reporter, clock),
    hooks: createRelayHooks(options.hooks ?? {}, reporter, secrets),
    secrets,
  };
}

/** The secrets of the config that belong to no credential. */
function sharedSecrets({ upstreams, sealing }: RelayConfig): string[] {
  const pools = [...upstreams.values()].flatMap((upstream) => upstream.pools);
  return [...new Set([...sealing, ...pools.flatMap(({ secrets }) => secrets)])];
}
