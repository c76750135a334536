/** Usage counters: counted in memory, and packed into few values that are written at most once a second. */
import type { Clock } from "../../contract/clock.ts";
import type { UsageCounters } from "../../contract/records.ts";
import type { Fields } from "../../shared/json.ts";
import { isCount, isName, isTime, VERSION } from "../records/record-kinds.ts";
import type { StoredValue } from "../store/storage.ts";

export interface Counters {
  /** Counts one request. One look-up and three additions, because it is on the hot path. */
  count(credential: string, failed: boolean): void;
  /** Replaces what other instances, and earlier processes of this one, have written. */
  setOthers(stored: readonly StoredCounters[]): void;
  get(credential: string): UsageCounters | undefined;
  /** How many shards wait to be written. */
  changed(): number;
  /** Removes and returns the shard that waits longest; `undefined` when nothing changed. */
  takeChanged(): Shard | undefined;
  /** Queues a shard again whose write failed. */
  putBack(shard: Shard): void;
  toStored(shard: Shard): StoredValue;
  /** Queues every shard once more. */
  touchAll(): void;
}

/** The counters of as many credentials as fit into one stored value. */
export interface Shard {
  readonly index: number;
  readonly own: Map<string, UsageCounters>;
  bytes: number;
  /** Latest use of any credential in it, UTC epoch ms. */
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

// Azure Table accepts 32,768 characters per value; the rest is for the envelope.
const SHARD_BYTES = 30_000;
// Three numbers of up to 16 digits, brackets and commas.
const ENTRY_BYTES = 56;
// Credentials made at run time come and go: beyond this the shard idle longest is dropped.
const COUNTED_AT_MOST = 200_000;

/** Creates the counters of one instance. `onChange` is called when a shard has changed since it was taken. */
export function createCounters(
  clock: Clock,
  instance: string,
  onChange: () => void,
  countedAtMost: number = COUNTED_AT_MOST,
): Counters {
  return new ShardedCounters(clock, instance, onChange, countedAtMost);
}

class ShardedCounters implements Counters {
  readonly #clock: Clock;
  readonly #instance: string;
  readonly #onChange: () => void;
  readonly #countedAtMost: number;
  readonly #entries = new Map<string, Entry>();
  readonly #others = new Map<string, UsageCounters>();
  readonly #shards: Shard[] = [];
  readonly #changed = new Set<Shard>();

  constructor(clock: Clock, instance: string, onChange: () => void, countedAtMost: number) {
    this.#clock = clock;
    this.#instance = instance;
    this.#onChange = onChange;
    this.#countedAtMost = countedAtMost;
  }

  count(credential: string, failed: boolean): void {
    const { own, shard } = this.#entries.get(credential) ?? this.#open(credential);
    own.requests++;
    if (failed) own.failures++;
    own.lastUsedAt = shard.usedAt = this.#clock.now();
    if (this.#changed.has(shard)) return;
    this.#changed.add(shard);
    this.#onChange();
  }

  setOthers(stored: readonly StoredCounters[]): void {
    const others = this.#others;
    others.clear();
    for (const { counts } of stored)
      for (const [credential, requests, failures, lastUsedAt] of counts)
        others.set(credential, sum(others.get(credential), { requests, failures, lastUsedAt }));
  }

  get(credential: string): UsageCounters | undefined {
    const own = this.#entries.get(credential)?.own;
    const rest = this.#others.get(credential);
    return own || rest ? sum(own, rest) : undefined;
  }

  changed(): number {
    return this.#changed.size;
  }

  takeChanged(): Shard | undefined {
    const [oldest] = this.#changed;
    if (oldest) this.#changed.delete(oldest);
    return oldest;
  }

  putBack(shard: Shard): void {
    // A shard dropped in the meantime would overwrite its successor.
    if (this.#shards.includes(shard)) this.#changed.add(shard);
  }

  toStored({ own }: Shard): StoredValue {
    const counts = Array.from(own, ([credential, { requests, failures, lastUsedAt }]) => [
      credential,
      requests,
      failures,
      lastUsedAt,
    ]);
    const writtenAt = this.#clock.now();
    return { v: VERSION, kind: "counters", instance: this.#instance, writtenAt, counts };
  }

  touchAll(): void {
    for (const shard of this.#shards) this.#changed.add(shard);
  }

  #open(credential: string): Entry {
    const bytes = new TextEncoder().encode(JSON.stringify(credential)).length + ENTRY_BYTES;
    const shard = this.#shardFor(bytes);
    const entry = { own: { requests: 0, failures: 0, lastUsedAt: 0 }, shard };
    shard.own.set(credential, entry.own);
    shard.bytes += bytes;
    this.#entries.set(credential, entry);
    return entry;
  }

  #shardFor(bytes: number): Shard {
    const last = this.#shards.at(-1);
    if (last && last.bytes + bytes <= SHARD_BYTES) return last;
    const idlest = this.#entries.size < this.#countedAtMost ? undefined : this.#dropIdlest();
    const index = idlest?.index ?? this.#shards.length;
    const shard = { index, own: new Map<string, UsageCounters>(), bytes: 0, usedAt: 0 };
    this.#shards.push(shard);
    return shard;
  }

  // Its index goes to the shard that replaces it, whose write replaces what is stored.
  #dropIdlest(): Shard {
    const idlest = this.#shards.reduce((a, b) => (b.usedAt < a.usedAt ? b : a));
    this.#shards.splice(this.#shards.indexOf(idlest), 1);
    this.#changed.delete(idlest);
    for (const credential of idlest.own.keys()) this.#entries.delete(credential);
    return idlest;
  }
}

/** Reads stored counters; one invalid entry rejects all, because a torn value looks like that. */
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
