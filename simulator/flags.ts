// Parses the command line into options.
import { parseArgs } from "node:util";
import type { Behaviour } from "./behaviour.ts";
import { nearest, suggest } from "./nearest.ts";
import type { SimulatorOptions } from "./options.ts";
import type { Quota } from "./quotas.ts";
import { SCENARIOS, toScenario } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";

const FLAGS = {
  port: { type: "string" },
  host: { type: "string" },
  seed: { type: "string" },
  scenario: { type: "string" },
  key: { type: "string", multiple: true },
  model: { type: "string", multiple: true },
  quota: { type: "string", multiple: true },
  grant: { type: "string", multiple: true },
  "no-rotate": { type: "boolean" },
  "token-lifetime": { type: "string" },
  "creations-per-hour": { type: "string" },
  "creations-per-day": { type: "string" },
  "creation-spacing": { type: "string" },
  "requests-each": { type: "string" },
  events: { type: "string" },
  "event-bytes": { type: "string" },
  interval: { type: "string" },
  keep: { type: "string" },
  quiet: { type: "boolean" },
  help: { type: "boolean" },
} as const;

/** The text of `--help`. */
export const USAGE: string = `Usage: h3-relay-simulator [flags]

Simulates the APIs of OpenAI, Anthropic and Google, and prints one line for each call.

  --port <n>                 port, 0 for a free one (default 4010)
  --host <address>           address to listen on (default 127.0.0.1)
  --seed <n>                 determines texts and probabilities (default 1)
  --scenario <name>          scenario to start with (default: every call is answered at once):
                             ${namesOfScenarios()}

  --key <name=secret>        accepted key, repeatable (default: every key)
  --model <name>             model served, repeatable (default: every model)
  --quota <[model=]n[/time]> calls that each credential may make of a model, repeatable;
                             time is second, minute, hour, day or ms; without it the quota is never renewed

  --grant <name=token>       refresh token that POST /oauth/token and /v1/token accept, repeatable
  --no-rotate                a refresh at /oauth/token does not change the refresh token
  --token-lifetime <ms>      lifetime of an access token (default 3600000)

  --creations-per-hour <n>   anonymous users that may be created in an hour
  --creations-per-day <n>    … in a day
  --creation-spacing <ms>    minimum time between two creations, in ms
  --requests-each <n>        calls that each anonymous user may make

  --events <n>               payload events of each stream (default 8)
  --event-bytes <n>          minimum size of a payload event, in bytes
  --interval <ms>            pause between events in ms, 0 for none
  --keep <n>                 calls that the ledger keeps completely (default 5000)
  --quiet                    no line for each call
  --help                     this text

Example: h3-relay-simulator --key team-a=sk-a --quota gpt-*=3/minute --scenario slow
`;

const DEFAULT_PORT = 4010;
const WINDOWS: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** The parsed command line. */
export interface Command {
  options: SimulatorOptions;
  /** No line for each call. */
  quiet: boolean;
}

/** Parses arguments; `undefined` asks for the usage. Throws a `TypeError` that names a wrong flag. */
export function toCommand(args: readonly string[]): Command | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const options: SimulatorOptions = {
    port: toNumber("port", values.port, 0, 65_535) ?? DEFAULT_PORT,
    host: toText("host", values.host),
    seed: toNumber("seed", values.seed, Number.MIN_SAFE_INTEGER),
    keep: toNumber("keep", values.keep, 1),
    models: values.model?.map((name) => toText("model", name)!),
    keys: toPairs("key", values.key, "name=secret"),
    quotas: values.quota?.map(toQuota),
    scenario: values.scenario === undefined ? undefined : toNamed(values.scenario),
    tokens: {
      grants: toPairs("grant", values.grant, "name=refresh-token"),
      rotate: values["no-rotate"] ? false : undefined,
      lifetime: toNumber("token-lifetime", values["token-lifetime"], 1),
    },
    creations: {
      perHour: toNumber("creations-per-hour", values["creations-per-hour"]),
      perDay: toNumber("creations-per-day", values["creations-per-day"]),
      spacing: toNumber("creation-spacing", values["creation-spacing"]),
      requestsEach: toNumber("requests-each", values["requests-each"]),
    },
  };
  const pace: Behaviour = {
    events: toNumber("events", values.events),
    eventBytes: toNumber("event-bytes", values["event-bytes"]),
    interval: toNumber("interval", values.interval),
  };
  const isPaced = Object.values(pace).some((value) => value !== undefined);
  const quiet = values.quiet ?? false;
  return { options: isPaced ? { ...options, rules: [{ then: pace }] } : options, quiet };
}

type Values = ReturnType<typeof parseArgs<{ options: typeof FLAGS }>>["values"];

function parse(args: readonly string[]): Values {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: FLAGS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) if (token.kind === "option") assertFlag(token);
  const [word] = positionals;
  if (word !== undefined) throw new TypeError(aboutWord(word));
  return values as Values;
}

function assertFlag({
  rawName,
  name,
  value,
}: {
  rawName: string;
  name: string;
  value?: string | undefined;
}): void {
  const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name as keyof typeof FLAGS] : undefined;
  if (flag === undefined || !rawName.startsWith("--"))
    throw new TypeError(`Unknown flag "${rawName}".${aboutFlag(name)} See --help.`);
  if (flag.type === "boolean" && value !== undefined)
    throw new TypeError(`Flag "--${name}" takes no value.`);
  if (flag.type === "string" && (value === undefined || isFlag(value)))
    throw new TypeError(`Flag "--${name}" needs a value. See --help.`);
}

// When a value is missing, the next flag would be taken for it.
function isFlag(value: string): boolean {
  return value.startsWith("--") && Object.hasOwn(FLAGS, value.slice(2).replace(/=.*/s, ""));
}

function aboutFlag(name: string): string {
  const near = nearest(name, Object.keys(FLAGS));
  return near === undefined ? "" : ` Did you mean "--${near}"?`;
}

function aboutWord(word: string): string {
  const near = nearest(word, Object.keys(SCENARIOS));
  const question = near === undefined ? "" : ` Did you mean "--scenario ${near}"?`;
  return `Unknown argument "${word}": only flags are accepted.${question} See --help.`;
}

function toNamed(name: string): Scenario {
  if (Object.hasOwn(SCENARIOS, name)) return toScenario(name);
  throw new TypeError(`Flag "--scenario" is "${name}".${suggest(name, Object.keys(SCENARIOS))}`);
}

function toPairs(
  flag: string,
  given: readonly string[] | undefined,
  shape: string,
): Record<string, string> | undefined {
  if (given === undefined) return undefined;
  const pairs = new Map<string, string>();
  for (const one of given) {
    const mark = one.indexOf("=");
    const [name, secret] = [one.slice(0, mark), one.slice(mark + 1)];
    if (mark < 1 || secret === "") throw new TypeError(`Flag "--${flag}" must look like ${shape}.`);
    if (pairs.has(name)) throw new TypeError(`Flag "--${flag}" names "${name}" more than once.`);
    if ([...pairs.values()].includes(secret))
      throw new TypeError(
        `Flag "--${flag}" gives "${name}" a value that another name already has.`,
      );
    pairs.set(name, secret);
  }
  return Object.fromEntries(pairs);
}

function toQuota(text: string): Quota {
  const [, model, limit, window] = /^(?:(.+)=)?(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
  const per = window === undefined ? undefined : (WINDOWS[window] ?? Number(window));
  if (limit === undefined || (per !== undefined && !(per > 0)))
    throw new TypeError(
      'Flag "--quota" must look like 3/minute, 100/day, 50 or gpt-5=3/60000 (ms); known times: ' +
        `${Object.keys(WINDOWS).join(", ")}.`,
    );
  return { model, limit: Number(limit), per };
}

function toText(name: string, value: string | undefined): string | undefined {
  if (value?.trim() === "") throw new TypeError(`Flag "--${name}" must not be empty.`);
  return value;
}

function toNumber(
  name: string,
  value: string | undefined,
  from = 0,
  to: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (/^[+-]?\d+$/.test(value.trim()) && number >= from && number <= to) return number;
  const most = to === Number.MAX_SAFE_INTEGER ? " or more" : ` to ${to}`;
  const bounds = from === Number.MIN_SAFE_INTEGER ? "" : `, ${from}${most}`;
  throw new TypeError(`Flag "--${name}" must be an integer${bounds}.`);
}

function namesOfScenarios(): string {
  const lines = [""];
  for (const name of Object.keys(SCENARIOS)) {
    const line = lines.at(-1)!;
    if (line.length + name.length > 76) lines.push(name);
    else lines[lines.length - 1] = line === "" ? name : `${line}, ${name}`;
  }
  return lines.join(",\n".padEnd(31));
}
