// The journal of any other driver, with plain values only.
import type { CancelTimer } from "../../contract/clock.ts";
import { isFields } from "../../shared/json.ts";
import { wallTime } from "../../shared/times.ts";
import { isCount, isName, VERSION } from "../records/record-kinds.ts";
import { readItem, readItems, type StateStorage } from "../store/storage.ts";
import { StoreTimeout } from "../store/time-limit.ts";
import type { Journal, JournalOptions, ReceivedChanges } from "./driver.ts";

interface Batch {
  n: number;
  text: string;
}

interface Slot {
  at: number;
  batches: Batch[];
}

type SlotsOptions = JournalOptions & { storage: StateStorage };

/** Below the smallest limit of a driver for one value, in bytes as they are stored: Azure Table holds 32,768 characters. */
const SLOT_BYTES = 30_000;
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
    const own = this.#ownBatches;
    const batch = { n: this.#count + 1, text };
    own.push(batch);
    let size = own.reduce((sum, one) => sum + storedBytes(one), 0);
    while (own.length > 1 && size > SLOT_BYTES) size -= storedBytes(own.shift()!);
    try {
      await this.#writeSlot(own);
    } catch (error) {
      // A driver may take less than others: the others read everything again when batches are missing.
      const isCut = own.length > 1 && !(error instanceof StoreTimeout);
      if (!isCut || !(await this.#isTaken([batch]))) {
        own.pop();
        throw error;
      }
      own.splice(0, own.length, batch);
    }
    this.#count += 1;
  }

  #isTaken(batches: readonly Batch[]): Promise<boolean> {
    return this.#writeSlot(batches).then(
      () => true,
      () => false,
    );
  }

  #writeSlot(own: readonly Batch[]): Promise<void> {
    const { storage, instance, clock } = this.#options;
    const batches = own.map((batch) => ({ ...batch }));
    const slot = { v: VERSION, kind: "journal", at: wallTime(clock), batches };
    return storage.setItem(this.#keyOf(instance), slot);
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

/** Bytes of a batch in the store: its text is JSON inside JSON, whose quotes are escaped once more. */
function storedBytes(batch: Batch): number {
  return new TextEncoder().encode(JSON.stringify(batch)).length + 1;
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
