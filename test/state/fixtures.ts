/** Records and a state with a virtual clock and a log that is kept, for the tests of this folder. */
import type { Log } from "../../src/contract/log.ts";
import type {
  CooldownRecord,
  CredentialRecord,
  DisableRecord,
} from "../../src/contract/records.ts";
import { systemClock } from "../../src/wiring/system-clock.ts";
import type { State } from "../../src/contract/state.ts";
import type { StateOptions } from "../../src/state/state-options.ts";
import { createState } from "../../src/state/create-state.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";

export const NOW: number = Date.UTC(2026, 0, 1);
export const HOUR = 3_600_000;

export interface Bench {
  state: State;
  clock: VirtualClock;
  /** Lines as `level message`. */
  lines: string[];
}

interface BenchOptions extends Partial<StateOptions> {
  at?: number;
  /** Calls to the store have their time limit on the virtual clock, not in real time. */
  hangs?: boolean;
}

export function createBench(options: BenchOptions = {}): Bench {
  const clock = createVirtualClock(options.at ?? NOW);
  const lines: string[] = [];
  const state = createState({
    base: "relay",
    clock,
    limits: options.hangs ? clock : systemClock,
    random: createRandom(options.at ?? 1),
    log: createLog(lines),
    sharedTime: async () => clock.now(),
    ...options,
  });
  return { state, clock, lines };
}

function createLog(lines: string[]): Log {
  const level = (name: string) => (message: string) => void lines.push(`${name} ${message}`);
  return { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
}

let seeds = 0;

// A separate generator for each state, so that two instances never share an id.
function createRandom(seed: number): () => number {
  let value = (seed + ++seeds * 2_654_435_761) >>> 0;
  return () => {
    value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
    return value / 2 ** 32;
  };
}

export function cooldown(credential: string, more: Partial<CooldownRecord> = {}): CooldownRecord {
  return {
    key: { credential, upstream: "acme", pool: "main", family: "*" },
    reason: "QUOTA_EXHAUSTED",
    until: NOW + 5 * HOUR,
    writtenAt: NOW,
    epoch: 0,
    incidents: 3,
    stated: true,
    ...more,
  };
}

export function mark(credential: string, more: Partial<DisableRecord> = {}): DisableRecord {
  return {
    credential,
    disabled: { cause: "auth", reason: "the key was revoked", at: NOW },
    secretHash: "hmac-sha256:00:00",
    revision: 1,
    writtenAt: NOW,
    ...more,
  };
}

/** A credential that was made at run time. */
export function made(id: string, revision = 1): CredentialRecord {
  const credential = {
    label: id,
    upstream: "up",
    tier: 2,
    weight: 1,
    allow: undefined,
    deny: undefined,
    maxInFlight: undefined,
    origin: "operator",
    apiKey: `key-of-${id}-planted`,
    createdAt: NOW,
  };
  return { id, credential, revision, writtenAt: NOW };
}
