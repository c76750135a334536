// Checks the options and fills in the defaults.
import type { Clock } from "../src/contract/clock.ts";
import type { Call } from "./call.ts";
import { realClock } from "./clock.ts";
import type { CreationOptions } from "./identity/creations.ts";
import type { TokenOptions } from "./identity/grants.ts";
import type { Quota } from "./quotas.ts";
import type { Rule } from "./rules.ts";
import { toScenario } from "./scenarios.ts";
import type { Scenario, ScenarioName } from "./scenarios.ts";

export interface SimulatorOptions {
  /** @default 0, a free port */
  port?: number;
  /** Only loopback may use `/_simulator/`, whatever the host. @default "127.0.0.1" */
  host?: string;
  /** Determines every text and every probability. @default 1 */
  seed?: number;
  /** Source of the time and of pauses. @default the real clock */
  clock?: Clock;
  /** Accepted secrets by name. Any other is answered with 401, except tokens issued by the simulator. Omitted: every secret is accepted. */
  keys?: Readonly<Record<string, string>>;
  /** Models that are served; others are answered with 404. Omitted: every model is served. */
  models?: readonly string[];
  /** Initial rules. @default [] */
  rules?: readonly Rule[];
  /** Initial quotas. @default [] */
  quotas?: readonly Quota[];
  /** Initial scenario; the rules have priority over it. */
  scenario?: ScenarioName | Scenario;
  tokens?: TokenOptions;
  creations?: CreationOptions;
  /** Number of calls that the ledger keeps completely. @default 5000 */
  keep?: number;
  /** Called when a call has ended, for a log. Its exceptions are ignored. */
  onCall?: ((call: Call) => void) | undefined;
}

export interface SimulatorConfig {
  port: number;
  host: string;
  seed: number;
  clock: Clock;
  /** Names by secret. */
  keys: ReadonlyMap<string, string> | undefined;
  models: readonly string[] | undefined;
  rules: readonly Rule[];
  quotas: readonly Quota[];
  scenario: Scenario | undefined;
  tokens: TokenOptions;
  creations: CreationOptions;
  keep: number;
  onCall: ((call: Call) => void) | undefined;
}

const NAMES: readonly (keyof SimulatorOptions)[] = [
  "port",
  "host",
  "seed",
  "clock",
  "keys",
  "models",
  "rules",
  "quotas",
  "scenario",
  "tokens",
  "creations",
  "keep",
  "onCall",
];

/** Fills in the defaults. Throws a `TypeError` that names a wrong option. */
export function resolveOptions(options: SimulatorOptions): SimulatorConfig {
  for (const name of Object.keys(options)) {
    if (!(NAMES as readonly string[]).includes(name))
      throw new TypeError(`Unknown option "${name}".`);
  }
  const { port = 0, host = "127.0.0.1", seed = 1, clock = realClock, keep = 5000 } = options;
  const { keys, models, scenario, onCall, tokens = {}, creations = {} } = options;
  const rules = options.rules ?? [];
  const quotas = options.quotas ?? [];
  assertInteger("port", port, 0, 65_535);
  assertInteger("seed", seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  assertInteger("keep", keep, 1, Number.MAX_SAFE_INTEGER);
  if (typeof host !== "string" || host === "") fail("host", "must be a non-empty string");
  if (onCall !== undefined && typeof onCall !== "function") fail("onCall", "must be a function");
  assertRules(rules);
  assertQuotas(quotas);
  assertDurations("tokens", tokens, ["lifetime"]);
  assertDurations("creations", creations, ["perHour", "perDay", "spacing", "requestsEach"]);
  return {
    port,
    host,
    seed,
    clock,
    models,
    rules,
    quotas,
    tokens,
    creations,
    keep,
    onCall,
    keys: keys && namesOf(keys),
    scenario: scenario === undefined ? undefined : toScenario(scenario),
  };
}

/** Throws for a value that is not a list of rules. */
export function assertRules(rules: readonly Rule[]): void {
  if (!Array.isArray(rules)) fail("rules", "must be a list of { when, then }");
  for (const [index, rule] of rules.entries()) {
    const then: unknown = rule?.then;
    const isGiven = typeof then === "function" || (typeof then === "object" && then !== null);
    if (!isGiven)
      fail(`rules[${index}].then`, "must be a behaviour or a function that returns one");
  }
}

/** Throws for a value that is not a list of quotas. */
export function assertQuotas(quotas: readonly Quota[]): void {
  if (!Array.isArray(quotas)) fail("quotas", "must be a list of { limit, per }");
  for (const [index, quota] of quotas.entries()) {
    assertInteger(`quotas[${index}].limit`, quota.limit, 0, Number.MAX_SAFE_INTEGER);
    if (quota.per !== undefined && !(quota.per > 0))
      fail(`quotas[${index}].per`, "must be more than 0 ms");
  }
}

function namesOf(keys: Readonly<Record<string, string>>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, secret] of Object.entries(keys)) {
    if (typeof secret !== "string" || secret === "")
      fail(`keys.${name}`, "must be a non-empty string");
    names.set(secret, name);
  }
  return names;
}

function assertDurations(path: string, values: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (values as Record<string, unknown>)[name];
    const isFine = value === undefined || (typeof value === "number" && value >= 0);
    if (!isFine) fail(`${path}.${name}`, "must be a number that is not negative");
  }
}

function assertInteger(name: string, value: unknown, from: number, to: number): void {
  if (Number.isInteger(value) && (value as number) >= from && (value as number) <= to) return;
  fail(name, `must be an integer from ${from} to ${to}, not ${String(value)}`);
}

function fail(name: string, problem: string): never {
  throw new TypeError(`Option "${name}" ${problem}.`);
}
