// The output of the command: its address, and one line per call.
import type { Call } from "./call.ts";
import type { SimulatorOptions } from "./options.ts";
import type { Quota } from "./quotas.ts";
import type { Scenario } from "./scenarios.ts";

/** Maximum length of a model or a path in a line, in characters. */
const LENGTH = 200;
/** Minimum length of a secret that is shown in part, in characters. */
const MASKED_FROM = 12;

/** Describes the address of the simulator, the accepted keys, and the scenario. */
export function toGreeting(url: string, options: SimulatorOptions): string {
  const { keys, models, scenario, tokens, quotas } = options;
  const rows: [string, string][] = [
    ["base URL", `${url}/v1 (OpenAI), ${url} (Anthropic, Google: their clients add the version)`],
    ["keys", keys ? pairs(keys) : "every key is accepted; --key name=secret accepts only that one"],
  ];
  if (models) rows.push(["models", models.join(", ")]);
  if (quotas) rows.push(["quotas", quotas.map(toQuota).join(", ")]);
  if (tokens?.grants) rows.push(["refresh", `${pairs(tokens.grants)} at ${url}/oauth/token`]);
  if (scenario) rows.push(["scenario", (scenario as Scenario).name]);
  rows.push(["control", `${url}/_simulator/scenarios, ${url}/_simulator/ledger`]);
  return rows.map(([name, value]) => `${name.padEnd(10)}${value}\n`).join("");
}

/** Formats a call as one line: time, method, path, credential, model, status, duration and end. */
export function toLine(call: Call, isNamed: boolean): string {
  const { at, method, path, model = "-", status, timing, end = "-" } = call;
  const duration = Math.round((timing.closed ?? timing.started) - timing.received);
  const time = new Date(at).toISOString().slice(11, 23);
  const who = isNamed ? call.credential : masked(call);
  const words = [time, method, clean(path), clean(who), clean(model), status || "no answer"];
  return `${words.join(" ")} ${duration} ms, ${end}\n`;
}

function toQuota({ limit, per, model = "each model" }: Quota): string {
  return `${limit} calls of ${String(model)}${per === undefined ? "" : ` in ${per} ms`}`;
}

function pairs(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, secret]) => `${name}=${secret}`)
    .join(", ");
}

/** Without named keys: the ledger's short name, and enough of the key to recognise it. */
function masked({ credential, secret }: Call): string {
  const isShort = secret.length < MASKED_FROM;
  if (secret === "") return credential;
  return `${credential}(${isShort ? "…" : `${secret.slice(0, 3)}…${secret.slice(-4)}`})`;
}

// Text from a client must not create lines of its own.
function clean(text: string): string {
  const line = text.length > LENGTH ? `${text.slice(0, LENGTH)}…` : text;
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?");
}
