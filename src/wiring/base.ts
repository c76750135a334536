// What every part of a relay uses: the config, the clock, the log and the hooks.
import type { Clock, Random } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import { createLog } from "#log";
import { createFaultLog, type FaultLog } from "../observe/fault-log.ts";
import { createRelayHooks, type Hooks } from "../observe/hooks.ts";
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
}

/** Reads the options. Throws `ERR_RELAY_OPTIONS`. */
export function createBase(options: RelayOptions): Base {
  const config = resolveOptions(options);
  const clock = options.clock ?? systemClock;
  const log = options.log === false ? silentLog() : (options.log ?? createLog());
  const reporter = createReporter(log, clock);
  return {
    config,
    clock,
    random: options.random ?? Math.random,
    log,
    reporter,
    faultLog: createFaultLog(reporter, clock),
    hooks: createRelayHooks(options.hooks ?? {}, reporter),
  };
}
