// What the log says when the state has been loaded, or could not be: the startup line, and the credentials that are disabled.
import type { StateHealth } from "../contract/state.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import { describeStillDisabled } from "../observe/disabled-messages.ts";
import type { Pool } from "../pool/pool.ts";
import type { Base } from "./base.ts";
import { toStartupLine } from "./startup-line.ts";

export interface StartupReportDeps {
  pools: ReadonlyMap<string, Pool>;
  disabled: DisabledCredentials;
  health(): StateHealth;
  /** Number of credentials that were added at run time. */
  countAdded(): number;
}

export class StartupReport {
  readonly #base: Base;
  readonly #deps: StartupReportDeps;
  #isLineLogged = false;
  #areDisabledLogged = false;

  constructor(base: Base, deps: StartupReportDeps) {
    this.#base = base;
    this.#deps = deps;
  }

  /** Logs each line once, with what is known by then: a store that answers later has lines of its own. */
  log(isLoaded: boolean): void {
    const { config, reporter } = this.#base;
    const { health, countAdded } = this.#deps;
    if (!this.#isLineLogged) reporter.info(toStartupLine(config, health(), countAdded()));
    this.#isLineLogged = true;
    if (!isLoaded || this.#areDisabledLogged) return;
    this.#areDisabledLogged = true;
    const line = describeStillDisabled(this.#disabled());
    if (line) reporter.warn(line);
  }

  #disabled(): Parameters<typeof describeStillDisabled>[0] {
    const { pools, disabled } = this.#deps;
    const ids = [...pools.values()].flatMap(({ credentials }) => credentials.map(({ id }) => id));
    return ids.flatMap((id) => {
      const mark = disabled.get(id);
      return mark ? [{ id, mark }] : [];
    });
  }
}
