/** Bookkeeping of use: counted in memory alone, and packed into few records that are written now and then. */
import type { Fields } from "../../shared/json.ts";
import type { Clock } from "../../contract/clock.ts";
import type { UsageCounters } from "../../contract/state.ts";
import { VERSION, isCount, isName, isTime } from "../records/record-kinds.ts";
import type { StoredValue } from "../store/storage.ts";

export interface Counters {
  /** Counts one request. A look-up and three additions: it stands on the hot path. */
  count(credential: string, failed: boolean): void;
  /** Takes over what other instances, and earlier lives of this one, had written so far. */
  setOthers(stored: readonly StoredCounters[]): void;
  get(credential: string): UsageCounters | undefined;
  /** How many shards wait to be written. */
  changed(): number;
  /** Takes the shard that has been waiting longest to be written; `undefined` when nothing changed. */
  takeChanged(): Shard | undefined;
  /** Puts a shard back whose write failed. */
  putBack(shard: Shard): void;
  toStored(shard: Shard): StoredValue;
  /** Every shard waits to be written once more. */
  touchAll(): void;
}

/** The counters of as many credentials as fit into one stored value. */
export interface Shard {
  readonly index: number;
  readonly own: Map<string, UsageCounters>;
  bytes: number;
  /** Latest use of any of them, UTC epoch ms. */
  usedAt: number;
}

export interface StoredCounters {
  instance: string;
  /** UTC epoch ms. */
  writtenAt: number;
  counts: readonly StoredCount[];
}

type StoredCount = readonly [
  credential: string,
  requests: number,
  failures: number,
  lastUsedAt: number,
];

interface Entry {
  own: UsageCounters;
  shard: Shard;
}

// Deno KV takes 64 KiB a value; the rest is for the envelope.
const SHARD_BYTES = 60_000;
// Three numbers of up to 16 digits, brackets and commas.
const ENTRY_BYTES = 56;
// Credentials made at run time come and go: beyond this the shard idle longest is given up.
const COUNTED_AT_MOST = 200_000;

/** Creates the counters of one instance. `onChange` hears when a shard has changed since it was taken. */
export function createCounters(
  clock: Clock,
  instance: string,
  onChange: () => void,
  countedAtMost: number = COUNTED_AT_MOST,
): Counters {
  const entries = new Map<string, Entry>();
  const others = new Map<string, UsageCounters>();
  const shards: Shard[] = [];
  const changed = new Set<Shard>();

  function count(credential: string, failed: boolean): void {
    const entry = entries.get(credential) ?? open(credential);
    entry.own.requests++;
    if (failed) entry.own.failures++;
    entry.own.lastUsedAt = entry.shard.usedAt = clock.now();
    if (changed.has(entry.shard)) return;
    changed.add(entry.shard);
    onChange();
  }

  function open(credential: string): Entry {
    const bytes = new TextEncoder().encode(JSON.stringify(credential)).length + ENTRY_BYTES;
    const shard = shardFor(bytes);
    const entry = { own: { requests: 0, failures: 0, lastUsedAt: 0 }, shard };
    shard.own.set(credential, entry.own);
    shard.bytes += bytes;
    entries.set(credential, entry);
    return entry;
  }

  function shardFor(bytes: number): Shard {
    const last = shards.at(-1);
    if (last && last.bytes + bytes <= SHARD_BYTES) return last;
    const idlest = entries.size < countedAtMost ? undefined : giveUpIdlest();
    const index = idlest?.index ?? shards.length;
    const shard = { index, own: new Map<string, UsageCounters>(), bytes: 0, usedAt: 0 };
    shards.push(shard);
    return shard;
  }

  // Its index goes to the shard that comes in its place, whose write replaces what is stored.
  function giveUpIdlest(): Shard {
    const idlest = shards.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
    shards.splice(shards.indexOf(idlest), 1);
    changed.delete(idlest);
    for (const credential of idlest.own.keys()) entries.delete(credential);
    return idlest;
  }

  function takeChanged(): Shard | undefined {
    const [oldest] = changed;
    if (oldest) changed.delete(oldest);
    return oldest;
  }

  function setOthers(stored: readonly StoredCounters[]): void {
    others.clear();
    for (const [credential, requests, failures, lastUsedAt] of stored.flatMap(
      (one) => one.counts,
    )) {
      others.set(credential, sum(others.get(credential), { requests, failures, lastUsedAt }));
    }
  }

  function get(credential: string): UsageCounters | undefined {
    const own = entries.get(credential)?.own;
    const rest = others.get(credential);
    return own || rest ? sum(own, rest) : undefined;
  }

  function toStored({ own }: Shard): StoredValue {
    const counts = Array.from(own, ([credential, { requests, failures, lastUsedAt }]) => [
      credential,
      requests,
      failures,
      lastUsedAt,
    ]);
    return { v: VERSION, kind: "counters", instance, writtenAt: clock.now(), counts };
  }

  function putBack(shard: Shard): void {
    // One that was given up meanwhile would overwrite its successor.
    if (shards.includes(shard)) changed.add(shard);
  }

  return {
    count,
    setOthers,
    get,
    changed: () => changed.size,
    takeChanged,
    putBack,
    toStored,
    touchAll() {
      for (const shard of shards) changed.add(shard);
    },
  };
}

/** Reads stored counters; one wrong entry spoils all, as a torn value does. */
export function countersFromStored(fields: Fields): StoredCounters | undefined {
  const { instance, writtenAt, counts } = fields;
  if (!isName(instance) || !isTime(writtenAt)) return undefined;
  if (!Array.isArray(counts) || !counts.every(isStoredCount)) return undefined;
  return { instance, writtenAt, counts };
}

function isStoredCount(value: unknown): value is StoredCount {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [credential, requests, failures, lastUsedAt] = value as unknown[];
  return isName(credential) && isCount(requests) && isCount(failures) && isTime(lastUsedAt);
}

function sum(a: UsageCounters | undefined, b: UsageCounters | undefined): UsageCounters {
  return {
    requests: (a?.requests ?? 0) + (b?.requests ?? 0),
    failures: (a?.failures ?? 0) + (b?.failures ?? 0),
    lastUsedAt: Math.max(a?.lastUsedAt ?? 0, b?.lastUsedAt ?? 0),
  };
}
