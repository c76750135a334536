// The pool of each upstream, as `scheduling` configures it.
import type { Credential } from "../contract/credential.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { Pool, type PoolOptions } from "../pool/pool.ts";
import { describeFault } from "../shared/describe-error.ts";
import { ANY, compilePattern } from "../shared/patterns.ts";
import type { Base } from "./base.ts";

/** Creates the pools, by upstream. `onChange` is called with an upstream's name when another credential may be available. */
export function wirePools(
  { config, random, reporter }: Base,
  cooldowns: Cooldowns,
  onChange: (upstream: string, places?: number) => void,
): Map<string, Pool> {
  const options = { ...toPoolOptions(config, reporter), cooldowns, random, onChange };
  const groups = new Map<string, Credential[]>(
    [...config.upstreams.keys()].map((name) => [name, []]),
  );
  for (const credential of config.credentials) groups.get(credential.upstream)!.push(credential);
  return new Map(
    [...groups].map(([name, credentials]) => [name, new Pool(name, credentials, options)]),
  );
}

function toPoolOptions(
  { scheduling }: RelayConfig,
  reporter: Reporter,
): Omit<PoolOptions, "cooldowns" | "random" | "onChange"> {
  const { mode, cacheWait, reuseWindow, preferred, protect } = scheduling;
  const { rotateEvery, sessionTTL, sessionLimit, strategy } = scheduling;
  const names = protect === false ? [] : (protect.models ?? [ANY]).map(compilePattern);
  return {
    rotateEvery,
    sessionTTL,
    sessionLimit,
    strategy,
    reuseWindow: mode === "performance-first" ? false : reuseWindow,
    cacheWait: mode === "cache-first" ? cacheWait : false,
    preferred: preferred && { ...preferred, onChange: logPreferred(preferred.id, reporter) },
    isProtected:
      protect === false
        ? undefined
        : (model, remaining) =>
            remaining * 100 < protect.below && names.some((fits) => fits(model)),
    onFault: (error) => reporter.warn(`scheduling.strategy failed: ${describeFault(error)}`),
  };
}

function logPreferred(id: string, reporter: Reporter): (isUsed: boolean) => void {
  return (isUsed) =>
    isUsed
      ? reporter.info(`the preferred credential ${id} is used again`)
      : reporter.info(`the preferred credential ${id} is limited: other credentials are used`);
}
