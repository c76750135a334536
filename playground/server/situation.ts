// What the simulated upstream does: one situation at a time, for the calls it was chosen for.
import { ofetch } from "ofetch";
import { simulatorURL } from "./setup.ts";
import { ANSWER } from "./answer.ts";

/** Which calls a situation concerns. */
export interface Whom {
  /** Only the next such call. */
  once?: boolean;
  credential?: string;
  model?: string;
}

export interface Situation {
  name: string;
  title: string;
  description: string;
}

interface Scenario extends Situation {
  rules: { when?: Record<string, unknown>; then: Record<string, unknown> }[];
}

/** The simulator's scenarios that make a good button, in the order of the page. */
const SHOWN = [
  "quota-gone",
  "short-limit",
  "overloaded",
  "expired-key",
  "stall",
  "cut",
  "error-in-200",
  "slow",
  "flaky",
];
const INTERVAL = 45;
const HEALTHY = { then: { text: ANSWER, interval: INTERVAL } };

let playing: { name: string; whom: Whom } = { name: "healthy", whom: {} };
let known: Promise<Scenario[]> | undefined;

export function nowPlaying(): { name: string; whom: Whom } | undefined {
  return simulatorURL ? playing : undefined;
}

/** Lists what the upstream can be made to do; nothing in front of a real API. */
export async function listSituations(): Promise<Situation[]> {
  if (!simulatorURL) return [];
  const scenarios = await readScenarios();
  return SHOWN.flatMap((name) => scenarios.find((scenario) => scenario.name === name) ?? []).map(
    ({ name, title, description }) => ({ name, title, description }),
  );
}

/** Makes the upstream behave so from the next call on. False where there is no such situation. */
export async function play(name: string, whom: Whom): Promise<boolean> {
  const scenario = (await readScenarios()).find((one) => one.name === name);
  if (!scenario) return false;
  await control("rules", [...toRules(scenario, whom), HEALTHY]);
  playing = { name, whom };
  return true;
}

function toRules({ name, rules }: Scenario, { once, ...who }: Whom): Scenario["rules"] {
  if (name === "healthy") return [];
  const count = once ? { first: 1 } : {};
  return rules.map(({ when, then }) => ({
    when: { ...when, ...who, ...count },
    then: readable(then),
  }));
}

/** Puts words that can be read in place of the seeded ones, at a pace that can be followed. */
function readable(then: Record<string, unknown>): Record<string, unknown> {
  if (then["events"] === undefined) return then;
  const { interval = INTERVAL } = then;
  const isSlow = Number(interval) > 200;
  return {
    ...then,
    interval: isSlow ? interval : INTERVAL,
    text: isSlow ? ANSWER.slice(0, 20) : ANSWER,
  };
}

function readScenarios(): Promise<Scenario[]> {
  known ??= control<{ scenarios: Scenario[] }>("scenarios").then(({ scenarios }) => scenarios);
  return known;
}

function control<T>(path: string, body?: object): Promise<T> {
  return ofetch<T>(`${simulatorURL}/_simulator/${path}`, { method: body ? "POST" : "GET", body });
}
