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

/** A quota of one model, so that one can see the other model go on. OpenAI's own quota refusal concerns the whole account. */
const QUOTA_GONE = {
  refuse: {
    kind: "no-remaining-quota",
    message: "You have used up your requests per day for this model.",
    wait: 18_347_000,
  },
};
const AT_REST: Playing = { name: "healthy", whom: {} };
/** How long a closed connection is waited for, ms. */
const PATIENCE = 1_000;

interface Playing {
  name: string;
  whom: Whom;
  /** Calls that the upstream had seen when this began. */
  since?: number;
}

interface LedgerCall {
  end: string | undefined;
  closedAt: number | undefined;
  events: number;
}

let playing = AT_REST;
let known: Promise<Scenario[]> | undefined;

/** What is being played; what was meant for one call is over with that call. Nothing in front of a real API. */
export async function nowPlaying(): Promise<Pick<Playing, "name" | "whom"> | undefined> {
  if (!simulatorURL) return undefined;
  const { since, name, whom } = playing;
  if (since !== undefined && (await readLedger()).total > since) playing = AT_REST;
  return playing.since === since ? { name, whom } : playing;
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
  const meant = scenario.rules.some(({ when }) => when?.["probability"])
    ? { ...whom, once: undefined }
    : whom;
  const { total } = await readLedger();
  await control("rules", [...toRules(scenario, meant), HEALTHY]);
  playing = { name, whom: meant, since: meant.once ? total : undefined };
  return true;
}

/** Returns the call whose client closed the connection after `since`, UTC epoch ms. */
export async function readClosed(since: number): Promise<LedgerCall | undefined> {
  const giveUpAt = Date.now() + PATIENCE;
  while (Date.now() < giveUpAt) {
    const { calls } = await readLedger();
    const call = calls.find(
      ({ end, closedAt = 0 }) => end === "client closed" && closedAt >= since,
    );
    if (call) return { end: call.end, closedAt: call.closedAt, events: call.events };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

function toRules({ name, rules }: Scenario, { once, ...who }: Whom): Scenario["rules"] {
  if (name === "healthy") return [];
  const count = once ? { first: 1 } : {};
  const thens = name === "quota-gone" ? [{ then: QUOTA_GONE }] : rules;
  return thens.map(({ when, then }: Scenario["rules"][number]) => ({
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

function readLedger(): Promise<{ total: number; calls: LedgerCall[] }> {
  return control("ledger");
}

function control<T>(path: string, body?: object): Promise<T> {
  return ofetch<T>(`${simulatorURL}/_simulator/${path}`, { method: body ? "POST" : "GET", body });
}
