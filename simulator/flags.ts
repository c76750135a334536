// What the command line says, as options.
import { parseArgs } from "node:util";
import type { Behaviour } from "./behaviour.ts";
import type { SimulatorOptions } from "./options.ts";
import { toScenario } from "./scenarios.ts";

const FLAGS = {
  port: { type: "string" },
  host: { type: "string" },
  seed: { type: "string" },
  scenario: { type: "string" },
  key: { type: "string", multiple: true },
  model: { type: "string", multiple: true },
  events: { type: "string" },
  "event-bytes": { type: "string" },
  interval: { type: "string" },
  keep: { type: "string" },
  help: { type: "boolean" },
} as const;

/** What `--help` prints. */
export const USAGE: string = `Usage: h3-relay-simulator [flags]

  --port <n>           port, 0 for a free one (default 4010)
  --host <address>     address to listen on (default 127.0.0.1)
  --seed <n>           decides texts and probabilities (default 1)
  --scenario <name>    scenario to start with, see GET /_simulator/scenarios
  --key <name=secret>  accepted key, may be given more than once
  --model <name>       model served, may be given more than once
  --events <n>         payload events of each stream
  --event-bytes <n>    size of a payload event
  --interval <ms>      pause between events, 0 for none
  --keep <n>           calls that the ledger keeps whole
  --help               this text
`;

const DEFAULT_PORT = 4010;

/** Turns arguments into options; `undefined` asks for the usage. Throws a `TypeError` that names a wrong flag. */
export function toOptions(args: readonly string[]): SimulatorOptions | undefined {
  const { values } = parseArgs({ args: [...args], options: FLAGS });
  if (values.help) return undefined;
  const options: SimulatorOptions = {
    port: toNumber("port", values.port) ?? DEFAULT_PORT,
    host: values.host,
    seed: toNumber("seed", values.seed),
    keep: toNumber("keep", values.keep),
    models: values.model,
    keys: values.key && Object.fromEntries(values.key.map(toKey)),
    scenario: values.scenario === undefined ? undefined : toScenario(values.scenario),
  };
  const pace: Behaviour = {
    events: toNumber("events", values.events),
    eventBytes: toNumber("event-bytes", values["event-bytes"]),
    interval: toNumber("interval", values.interval),
  };
  const isPaced = Object.values(pace).some((value) => value !== undefined);
  return isPaced ? { ...options, rules: [{ then: pace }] } : options;
}

function toKey(flag: string): [name: string, secret: string] {
  const mark = flag.indexOf("=");
  if (mark < 1) throw new TypeError('Flag "--key" must look like name=secret.');
  return [flag.slice(0, mark), flag.slice(mark + 1)];
}

function toNumber(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() === "" || !(number >= 0))
    throw new TypeError(`Flag "--${name}" must be a number that is not negative.`);
  return number;
}
