// Any other driver, with plain values only. Lock: write, wait, read back. Two instances that write within the wait see which
// wrote last; a write that takes longer is not excluded.
import type { CancelTimer, Clock } from "../../contract/clock.ts";
import { isFields } from "../../shared/json.ts";
import { pause } from "../../shared/wait.ts";
import { isCount, isName, VERSION } from "../records/record-kinds.ts";
import { readItem, readItems, type StateStorage } from "../store/storage.ts";
import {
  isHeldUntil,
  type Journal,
  type JournalOptions,
  type LockKind,
  nextGeneration,
  type ReceivedChanges,
} from "./driver.ts";
import { wallTime } from "../../shared/times.ts";

/** Longer than a write usually takes to become visible, ms. */
const WAIT = 250;

export function createBestEffortLocks(
  storage: StateStorage,
  prefix: string,
  clock: Clock,
): LockKind {
  const keyOf = (name: string): string => `${prefix}${name}`;

  async function read(
    name: string,
  ): Promise<{ owner: unknown; generation: unknown; until: unknown }> {
    const value = await readItem(storage, keyOf(name));
    const { owner, generation, until } = isFields(value) ? value : {};
    return { owner, generation, until };
  }

  function write(name: string, owner: string, generation: number, until: number): Promise<void> {
    return storage.setItem(keyOf(name), { v: 1, kind: "lease", owner, generation, until });
  }

  return {
    tier: "best-effort",
    async take(name, owner, ttl) {
      const before = await read(name);
      if (isHeldUntil(before.until, wallTime(clock))) return 0;
      const generation = nextGeneration(before.generation, wallTime(clock));
      await write(name, owner, generation, wallTime(clock) + ttl);
      await pause(WAIT, clock).promise;
      const after = await read(name);
      return after.owner === owner && after.generation === generation ? generation : 0;
    },
    async release(name, owner, generation) {
      const held = await read(name);
      if (held.owner === owner && held.generation === generation)
        await write(name, owner, generation, 0);
    },
    time: async () => wallTime(clock),
  };
}

interface Batch {
  n: number;
  text: string;
}

interface Slot {
  at: number;
  batches: Batch[];
}

type SlotsOptions = JournalOptions & { storage: StateStorage };

/** Below the smallest limit of a store for one value (64 KiB). */
const SLOT_SIZE = 40_000;
const SILENT_FOR = 3_600_000;
const INTERVAL = 1_000;

export function createSlotsJournal(options: SlotsOptions): Journal {
  return new SlotsJournal(options);
}

/**
 * Each instance keeps its latest changes in one value, its slot, and reads the slots of all others. The list of members is one
 * more value: an instance that is missing from it adds itself again, so that lost updates heal.
 */
class SlotsJournal implements Journal {
  readonly tier = "best-effort";
  readonly interval: number = INTERVAL;
  readonly #options: SlotsOptions;
  readonly #membersKey: string;
  /** Number of the last batch read, by member. */
  readonly #lastRead = new Map<string, number>();
  readonly #ownBatches: Batch[] = [];
  #members: string[] = [];
  #count = 0;
  #isJoining = false;
  #cancelJoin: CancelTimer | undefined;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#membersKey = this.#keyOf("members");
  }

  // Members that were silent for an hour are removed; one that is alive adds itself again.
  async begin(): Promise<void> {
    const { storage, instance, clock } = this.#options;
    const listed = toMembers(await readItem(storage, this.#membersKey)) ?? [];
    const slots = await this.#readSlots(listed);
    const since = wallTime(clock) - SILENT_FOR;
    const isSilent = (name: string): boolean => (slots.get(name)?.at ?? 0) < since;
    for (const [name, { batches }] of slots) this.#lastRead.set(name, batches.at(-1)?.n ?? 0);
    this.#members = listed.filter((name) => name === instance || !isSilent(name));
    await this.#writeMembers([...new Set([...this.#members, instance])]);
    for (const name of slots.keys())
      if (isSilent(name)) await storage.removeItem(this.#keyOf(name));
  }

  async exchange(text: string | undefined): Promise<ReceivedChanges> {
    const { storage, instance } = this.#options;
    if (text !== undefined) await this.#append(text);
    const others = this.#members.filter((name) => name !== instance).map(this.#keyOf, this);
    const texts: string[] = [];
    let hasMissed = false;
    let isMember = false;
    for (const { key, value } of await readItems(storage, [this.#membersKey, ...others])) {
      if (key === this.#membersKey) {
        const listed = toMembers(value);
        isMember ||= listed?.includes(instance) ?? false;
        // A list that is torn or absent changes nothing: the members read before still exist.
        this.#members = listed ?? this.#members;
        continue;
      }
      const slot = toSlot(value);
      const received = slot && this.#receive(this.#memberOf(key), slot);
      texts.push(...(received?.texts ?? []));
      hasMissed ||= received?.hasMissed ?? false;
    }
    if (!isMember) this.#join();
    return { texts, hasMissed, hasMore: false, isDoubtful: !isMember };
  }

  async #append(text: string): Promise<void> {
    const { storage, instance, clock } = this.#options;
    const own = this.#ownBatches;
    own.push({ n: this.#count + 1, text });
    let size = own.reduce((sum, batch) => sum + batch.text.length, 0);
    while (own.length > 1 && size > SLOT_SIZE) size -= own.shift()!.text.length;
    const batches = own.map((batch) => ({ ...batch }));
    const slot = { v: VERSION, kind: "journal", at: wallTime(clock), batches };
    try {
      await storage.setItem(this.#keyOf(instance), slot);
      this.#count += 1;
    } catch (error) {
      own.pop();
      throw error;
    }
  }

  #receive(member: string, { batches }: Slot): { texts: string[]; hasMissed: boolean } {
    const last = this.#lastRead.get(member) ?? 0;
    const news = batches.filter(({ n }) => n > last);
    const [first] = news;
    if (news.length > 0) this.#lastRead.set(member, news.at(-1)!.n);
    const hasMissed = first !== undefined && first.n > last + 1;
    return { texts: news.map(({ text }) => text), hasMissed };
  }

  // All instances notice an emptied list at the same moment: each waits for a random time and reads it again.
  #join(): void {
    const { clock, random } = this.#options;
    if (this.#isJoining) return;
    this.#isJoining = true;
    this.#cancelJoin = clock.after(random() * INTERVAL, () => {
      void this.#joinNow().finally(() => (this.#isJoining = false));
    });
  }

  stop(): void {
    this.#cancelJoin?.();
  }

  // If the write fails, the next exchange finds this instance missing and tries again.
  async #joinNow(): Promise<void> {
    const { storage, instance } = this.#options;
    try {
      const listed = toMembers(await readItem(storage, this.#membersKey)) ?? this.#members;
      if (!listed.includes(instance)) await this.#writeMembers([...listed, instance]);
    } catch {
      // Reported by the exchange, which uses the same store.
    }
  }

  #writeMembers(names: string[]): Promise<void> {
    const value = { v: VERSION, kind: "members", names };
    return this.#options.storage.setItem(this.#membersKey, value);
  }

  async #readSlots(names: readonly string[]): Promise<Map<string, Slot>> {
    const slots = new Map<string, Slot>();
    if (names.length === 0) return slots;
    for (const { key, value } of await readItems(
      this.#options.storage,
      names.map(this.#keyOf, this),
    )) {
      const slot = toSlot(value);
      if (slot) slots.set(this.#memberOf(key), slot);
    }
    return slots;
  }

  #keyOf(member: string): string {
    return `${this.#options.base}:j:${member}`;
  }

  #memberOf(key: string): string {
    return key.slice(this.#keyOf("").length);
  }
}

function toMembers(value: unknown): string[] | undefined {
  if (!isFields(value) || value["v"] !== VERSION || !Array.isArray(value["names"]))
    return undefined;
  return value["names"].filter(isName);
}

function toSlot(value: unknown): Slot | undefined {
  if (!isFields(value) || value["v"] !== VERSION || !Array.isArray(value["batches"]))
    return undefined;
  const { at, batches } = value;
  const isBatch = (one: unknown): one is Batch =>
    isFields(one) && isCount(one["n"]) && typeof one["text"] === "string";
  return typeof at === "number" ? { at, batches: batches.filter(isBatch) } : undefined;
}
