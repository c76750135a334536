// What a user may say, checked and filled up.
import type { Clock } from "../src/contract/clock.ts";
import { realClock } from "./clock.ts";
import type { Rule } from "./rules.ts";

export interface SimulatorOptions {
  /** @default 0, a free port */
  port?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** Decides every text and every probability. @default 1 */
  seed?: number;
  /** Tells the time and wakes pauses. @default the real clock */
  clock?: Clock;
  /** Accepted secrets by name. Anything else is answered 401. Left out, every secret is accepted. */
  keys?: Readonly<Record<string, string>>;
  /** Rules to start with. @default [] */
  rules?: readonly Rule[];
  /** How many calls the ledger keeps whole. @default 5000 */
  keep?: number;
}

export interface SimulatorConfig {
  port: number;
  host: string;
  seed: number;
  clock: Clock;
  keys: ReadonlyMap<string, string> | undefined;
  rules: readonly Rule[];
  keep: number;
}

/** Fills options up. Throws a `TypeError` that names the option that is wrong. */
export function resolveOptions(options: SimulatorOptions): SimulatorConfig {
  const {
    port = 0,
    host = "127.0.0.1",
    seed = 1,
    clock = realClock,
    keys,
    rules = [],
    keep = 5000,
  } = options;
  assertInteger("port", port, 0, 65_535);
  assertInteger("seed", seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  assertInteger("keep", keep, 1, Number.MAX_SAFE_INTEGER);
  if (typeof host !== "string" || host === "")
    throw new TypeError('Option "host" must be a non-empty string.');
  if (!Array.isArray(rules))
    throw new TypeError('Option "rules" must be an array of { when, then }.');
  return { port, host, seed, clock, keys: keys && namesOf(keys), rules, keep };
}

function namesOf(keys: Readonly<Record<string, string>>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, secret] of Object.entries(keys)) {
    if (typeof secret !== "string" || secret === "")
      throw new TypeError(`Option "keys.${name}" must be a non-empty string.`);
    names.set(secret, name);
  }
  return names;
}

function assertInteger(name: string, value: unknown, from: number, to: number): void {
  if (Number.isInteger(value) && (value as number) >= from && (value as number) <= to) return;
  throw new TypeError(
    `Option "${name}" must be an integer from ${from} to ${to}, not ${String(value)}.`,
  );
}
