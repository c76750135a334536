// Named scenarios as data: for a button on a page, a command-line flag, or a test.
import { suggest } from "./nearest.ts";
import type { Quota } from "./quotas.ts";
import type { Rule } from "./rules.ts";

/** A scenario of an upstream. */
export interface Scenario {
  name: string;
  title: string;
  /** One sentence for display. */
  description: string;
  rules: readonly Rule[];
  quotas?: readonly Quota[];
}

/** Names of the scenarios that come with the simulator. */
export type ScenarioName =
  | "healthy"
  | "quota-gone"
  | "per-minute"
  | "short-limit"
  | "overloaded"
  | "expired-key"
  | "suspended"
  | "no-money"
  | "no-model"
  | "bad-gateway-524"
  | "stall"
  | "silent"
  | "cut"
  | "cut-before-headers"
  | "no-end"
  | "error-in-200"
  | "error-later"
  | "empty"
  | "slow"
  | "drip"
  | "flaky";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const LIST: readonly (Scenario & { name: ScenarioName })[] = [
  {
    name: "healthy",
    title: "Healthy",
    description: "Every call is answered, an event every 40 ms.",
    rules: [{ then: { events: 24, interval: 40 } }],
  },
  {
    name: "quota-gone",
    title: "Quota gone",
    description: "The quota is used up and comes back in five hours.",
    rules: [{ then: { refuse: { kind: "quota", wait: 5 * HOUR + 5 * MINUTE + 47_000 } } }],
  },
  {
    name: "per-minute",
    title: "Three a minute",
    description: "Each credential may make three calls a minute for each model.",
    rules: [],
    quotas: [{ limit: 3, per: MINUTE }],
  },
  {
    name: "short-limit",
    title: "Limited for a moment",
    description: "The first call is told to come back in one second; the next ones are answered.",
    rules: [{ when: { first: 1 }, then: { refuse: { kind: "rate-limit", wait: 1000 } } }],
  },
  {
    name: "overloaded",
    title: "Overloaded",
    description: "The model has no capacity, with any credential.",
    rules: [
      { when: { dialect: "anthropic" }, then: { refuse: "overloaded" } },
      { then: { refuse: "capacity" } },
    ],
  },
  {
    name: "expired-key",
    title: "Key refused",
    description: "The credential is no longer accepted.",
    rules: [{ then: { refuse: "unauthenticated" } }],
  },
  {
    name: "suspended",
    title: "Account suspended",
    description: "The account behind the credential has been suspended.",
    rules: [{ then: { refuse: "forbidden" } }],
  },
  {
    name: "no-money",
    title: "No money left",
    description: "The account's balance does not cover the call.",
    rules: [{ then: { refuse: "billing" } }],
  },
  {
    name: "no-model",
    title: "Model not there",
    description: "This credential has no access to the model.",
    rules: [{ then: { refuse: "model-not-found" } }],
  },
  {
    name: "bad-gateway-524",
    title: "Proxy timed out",
    description: "A proxy in front gives up and answers with a page of HTML.",
    rules: [{ then: { refuse: "html-524" } }],
  },
  {
    name: "stall",
    title: "Stalls",
    description: "The stream stops sending after three events.",
    rules: [{ then: { events: 24, interval: 40, stall: { afterEvents: 3 } } }],
  },
  {
    name: "silent",
    title: "Never answers",
    description: "The call is accepted and never answered.",
    rules: [{ then: { stall: "before-headers" } }],
  },
  {
    name: "cut",
    title: "Cut off",
    description: "The connection breaks in the middle of the fifth event.",
    rules: [{ then: { events: 24, interval: 40, cut: { inEvent: 5 } } }],
  },
  {
    name: "cut-before-headers",
    title: "Hangs up",
    description: "The connection is closed before anything is answered.",
    rules: [{ then: { cut: "before-headers" } }],
  },
  {
    name: "no-end",
    title: "No proper end",
    description: "The stream ends normally, but without its last event.",
    rules: [{ then: { events: 12, interval: 40, end: "before-terminal" } }],
  },
  {
    name: "error-in-200",
    title: "Error inside a 200",
    description: "The status is 200, and the first event with content is an error.",
    rules: [{ then: { error: { at: "after-lifecycle", kind: "rate-limit", wait: 5000 } } }],
  },
  {
    name: "error-later",
    title: "Error in mid-answer",
    description: "An error event comes after five events of text.",
    rules: [
      {
        then: { events: 24, interval: 40, error: { at: { afterEvents: 5 }, kind: "server-error" } },
      },
    ],
  },
  {
    name: "empty",
    title: "Empty answer",
    description: "The status is 200 and the body is empty.",
    rules: [{ then: { empty: "body" } }],
  },
  {
    name: "slow",
    title: "Slow",
    description: "The first event takes three seconds, each further one half a second.",
    rules: [{ then: { delay: 3000, events: 20, interval: 500 } }],
  },
  {
    name: "drip",
    title: "Byte by byte",
    description: "The stream arrives one byte at a time.",
    rules: [{ then: { events: 3, split: 1, splitInterval: 2 } }],
  },
  {
    name: "flaky",
    title: "Flaky",
    description: "One call in three fails, each time in another way.",
    rules: [
      { when: { probability: 0.1 }, then: { refuse: "server-error" } },
      { when: { probability: 0.1 }, then: { cut: "before-headers" } },
      { when: { probability: 0.1 }, then: { refuse: { kind: "rate-limit", wait: 2000 } } },
      { when: { probability: 0.08 }, then: { events: 24, interval: 40, cut: { afterEvents: 6 } } },
      { then: { events: 24, interval: 40 } },
    ],
  },
];

/** All named scenarios. */
export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = Object.fromEntries(
  LIST.map((scenario) => [scenario.name, scenario]),
) as Record<ScenarioName, Scenario>;

/** Returns a scenario by name. Throws a `TypeError` that lists the known names, and the one that was probably meant. */
export function toScenario(wanted: string | Scenario): Scenario {
  if (typeof wanted !== "string") return wanted;
  if (Object.hasOwn(SCENARIOS, wanted)) return SCENARIOS[wanted as ScenarioName];
  throw new TypeError(
    `Option "scenario" is "${wanted}".${suggest(wanted, Object.keys(SCENARIOS))}`,
  );
}

/** Returns a scenario that applies to one credential only. */
export function narrow(scenario: Scenario, credential: string): Scenario {
  const rules = scenario.rules.map((rule) => ({ ...rule, when: { ...rule.when, credential } }));
  const quotas = scenario.quotas?.map((quota) => ({ ...quota, credential }));
  return { ...scenario, rules, quotas };
}
