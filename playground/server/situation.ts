// Situations of the simulated upstream. One is active at a time, for the selected calls.
import { ofetch } from "ofetch";
import { simulatorURL } from "./setup.ts";
import { ANSWER } from "./answer.ts";

/** Selects the calls that a situation applies to. */
export interface CallFilter {
  /** Only the next matching call. */
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

/** The scenarios of the simulator that the page shows, in this order. */
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

/** A quota refusal for one model, so that the other model still answers. OpenAI's own quota refusal applies to the whole account. */
const QUOTA_GONE = {
  refuse: {
    kind: "no-remaining-quota",
    message: "You have used up your requests per day for this model.",
    wait: 18_347_000,
  },
};
const AT_REST: Playing = { name: "healthy", appliesTo: {} };
/** Longest wait for a connection to close, in ms. */
const CLOSE_TIMEOUT = 1_000;

interface Playing {
  name: string;
  appliesTo: CallFilter;
  /** Number of calls that the upstream had received when the situation began. */
  since?: number;
}

interface LedgerCall {
  end: string | undefined;
  closedAt: number | undefined;
  events: number;
}

let playing = AT_REST;
let known: Promise<Scenario[]> | undefined;

/** Returns the active situation. A situation for one call ends with that call. `undefined` with a real API. */
export async function nowPlaying(): Promise<Pick<Playing, "name" | "appliesTo"> | undefined> {
  if (!simulatorURL) return undefined;
  const { since, name, appliesTo } = playing;
  if (since !== undefined && (await readLedger()).total > since) playing = AT_REST;
  return playing.since === since ? { name, appliesTo } : playing;
}

/** Lists the situations; empty with a real API. */
export async function listSituations(): Promise<Situation[]> {
  if (!simulatorURL) return [];
  const scenarios = await readScenarios();
  return SHOWN.flatMap((name) => scenarios.find((scenario) => scenario.name === name) ?? []).map(
    ({ name, title, description }) => ({ name, title, description }),
  );
}

/** Starts a situation with the next call. Returns false for an unknown name. */
export async function play(name: string, appliesTo: CallFilter): Promise<boolean> {
  const scenario = (await readScenarios()).find((one) => one.name === name);
  if (!scenario) return false;
  const filter = scenario.rules.some(({ when }) => when?.["probability"])
    ? { ...appliesTo, once: undefined }
    : appliesTo;
  const { total } = await readLedger();
  await control("rules", [...toRules(scenario, filter), HEALTHY]);
  playing = { name, appliesTo: filter, since: filter.once ? total : undefined };
  return true;
}

/** Returns the call whose client closed the connection after `since` (UTC epoch ms). */
export async function readClosed(since: number): Promise<LedgerCall | undefined> {
  const giveUpAt = Date.now() + CLOSE_TIMEOUT;
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

function toRules({ name, rules }: Scenario, { once, ...match }: CallFilter): Scenario["rules"] {
  if (name === "healthy") return [];
  const count = once ? { first: 1 } : {};
  const thens = name === "quota-gone" ? [{ then: QUOTA_GONE }] : rules;
  return thens.map(({ when, then }: Scenario["rules"][number]) => ({
    when: { ...when, ...match, ...count },
    then: readable(then),
  }));
}

/** Replaces the random words with a readable text, at a readable pace. */
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
