// Decides on each call: rules first, then accepted keys, then quotas.
import type { Behaviour, Refuse } from "./behaviour.ts";
import { createNames } from "./credentials.ts";
import type { Names } from "./credentials.ts";
import { ANONYMOUS } from "./identity/creations.ts";
import type { CreationOptions } from "./identity/creations.ts";
import { IdentityHandler } from "./identity/handler.ts";
import type { Asked } from "./inbound.ts";
import type { Ledger } from "./ledger.ts";
import type { SimulatorConfig } from "./options.ts";
import { createQuotas } from "./quotas.ts";
import type { Quota, Quotas } from "./quotas.ts";
import { createRules } from "./rules.ts";
import type { Rule, RuleSet } from "./rules.ts";
import { narrow } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";
import { createRandom } from "./text.ts";

export interface Decision {
  behaviour: Behaviour;
  /** Headers that a quota adds to a normal answer. */
  headers?: Record<string, string>;
}

/** The behaviour of a call without a rule. */
export const HEALTHY: Behaviour = {};

const ALL = "*";

/** The decisions on calls; everything can be changed at run time. */
export class Script {
  readonly desk: IdentityHandler;
  #config: SimulatorConfig;
  #names: Names;
  #random: () => number;
  #rules: RuleSet;
  #scenarios = new Map<string, Scenario>();
  #scenarioRules: RuleSet;
  #scenarioQuotas: Quotas;
  #quotas: Quotas;

  constructor(config: SimulatorConfig, ledger: Ledger) {
    this.#config = config;
    this.#names = createNames(config.keys);
    this.#random = createRandom(config.seed);
    this.desk = new IdentityHandler(config.tokens, config.creations, config.clock, ledger);
    this.#rules = this.#toRules(config.rules);
    this.#quotas = this.#toQuotas([...config.quotas, ...anonymousQuotas(config.creations)]);
    this.#scenarioRules = this.#toRules([]);
    this.#scenarioQuotas = this.#toQuotas([]);
    if (config.scenario !== undefined) this.play(config.scenario);
  }

  nameOf(asked: Asked): string {
    if (asked.dialect !== "auth") return this.#names.nameOf(asked.secret);
    return this.desk.nameOf(asked) ?? this.#config.keys?.get(asked.secret) ?? "none";
  }

  setRules(rules: readonly Rule[]): void {
    this.#rules = this.#toRules(rules);
  }

  setQuotas(quotas: readonly Quota[]): void {
    this.#quotas = this.#toQuotas([...quotas, ...anonymousQuotas(this.#config.creations)]);
  }

  refill(): void {
    this.#quotas.refill();
    this.#scenarioQuotas.refill();
  }

  /** Plays a scenario for all credentials or for one, and replaces the previous one there. */
  play(scenario: Scenario, credential: string = ALL): void {
    if (credential === ALL) this.#scenarios.clear();
    this.#scenarios.set(credential, scenario);
    const narrowed = [...this.#scenarios]
      .toSorted(([one], [other]) => Number(one === ALL) - Number(other === ALL))
      .map(([whom, played]) => (whom === ALL ? played : narrow(played, whom)));
    this.#scenarioRules = this.#toRules(narrowed.flatMap((one) => one.rules));
    this.#scenarioQuotas = this.#toQuotas(narrowed.flatMap((one) => one.quotas ?? []));
  }

  /** Returns the active scenarios by credential; `*` is all credentials. */
  playing(): Record<string, string> {
    return Object.fromEntries([...this.#scenarios].map(([whom, { name }]) => [whom, name]));
  }

  decideConnection(): Behaviour | undefined {
    return this.#rules.matchConnection() ?? this.#scenarioRules.matchConnection();
  }

  decide(asked: Asked, credential: string): Decision {
    const behaviour =
      this.#rules.match(asked, credential) ??
      this.#scenarioRules.match(asked, credential) ??
      HEALTHY;
    if (behaviour.refuse !== undefined || behaviour.reply !== undefined) return { behaviour };
    const denied = this.#deny(asked);
    if (denied !== undefined) return refused(behaviour, denied);
    return this.#meter(asked, credential, behaviour);
  }

  #meter(asked: Asked, credential: string, behaviour: Behaviour): Decision {
    const { refuse, headers } = this.#quotas.admit(asked, credential);
    if (refuse !== undefined) return refused(behaviour, refuse);
    const more = this.#scenarioQuotas.admit(asked, credential);
    if (more.refuse !== undefined) return refused(behaviour, more.refuse);
    return { behaviour, headers: headers ?? more.headers };
  }

  #deny(asked: Asked): Refuse | undefined {
    if (asked.dialect === "auth") return undefined;
    const { keys, models } = this.#config;
    const token = this.desk.grants.check(asked.secret);
    if (token === "expired" || token === "revoked") return unauthenticated(token);
    const isKnown = keys === undefined || token === "good" || keys.has(asked.secret);
    if (!isKnown) return { kind: "unauthenticated" };
    if (asked.model === undefined || models === undefined) return undefined;
    return models.includes(asked.model) ? undefined : { kind: "model-not-found" };
  }

  #toRules(rules: readonly Rule[]): RuleSet {
    return createRules(rules, this.#random);
  }

  #toQuotas(quotas: readonly Quota[]): Quotas {
    return createQuotas(quotas, this.#config.clock);
  }
}

// Timing and wire faults are kept; fields about a normal body do not fit a refusal.
function refused(behaviour: Behaviour, refuse: Refuse): Decision {
  return {
    behaviour: { ...behaviour, error: undefined, empty: undefined, end: undefined, refuse },
  };
}

function unauthenticated(state: "expired" | "revoked"): Refuse {
  const message =
    state === "expired" ? "The access token has expired." : "The access token has been revoked.";
  return { kind: "unauthenticated", message };
}

// The calls that an anonymous user's tokens may make, in total and for ever.
function anonymousQuotas({ requestsEach }: CreationOptions): Quota[] {
  if (requestsEach === undefined || requestsEach === Infinity) return [];
  const refuse = { kind: "no-remaining-quota" } as const;
  return [{ credential: `${ANONYMOUS}*`, limit: requestsEach, by: "credential", refuse }];
}
