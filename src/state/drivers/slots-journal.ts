// Any other driver: each instance keeps its latest changes in one value of its own, and all read those of all others. Who there
// is stands in one more value, where everybody who does not find himself enters himself again: lost updates heal.
import type { JournalOptions, Journal } from "./choose-journal.ts";
import { isCount, isFields, isName, VERSION } from "../records/record-kinds.ts";
import { readItem, readItems, type StateStorage } from "../store/storage.ts";

interface Batch {
  n: number;
  text: string;
}

interface Slot {
  at: number;
  batches: Batch[];
}

/** Below what the smallest of stores takes for one value (64 KiB). */
const SLOT_SIZE = 40_000;
const SILENT_FOR = 3_600_000;
const INTERVAL = 1_000;

export function createSlotsJournal(options: JournalOptions & { storage: StateStorage }): Journal {
  const { storage, base, instance, clock, random } = options;
  const membersKey = `${base}:j:members`;
  const keyOf = (member: string): string => `${base}:j:${member}`;
  const seen = new Map<string, number>();
  const mine: Batch[] = [];
  let members: string[] = [];
  let count = 0;
  let isEntering = false;

  async function append(text: string): Promise<void> {
    mine.push({ n: count + 1, text });
    let size = mine.reduce((sum, batch) => sum + batch.text.length, 0);
    while (mine.length > 1 && size > SLOT_SIZE) size -= mine.shift()!.text.length;
    const value = {
      v: VERSION,
      kind: "journal",
      at: clock.now(),
      batches: mine.map((batch) => ({ ...batch })),
    };
    try {
      await storage.setItem(keyOf(instance), value);
      count += 1;
    } catch (error) {
      mine.pop();
      throw error;
    }
  }

  // Everybody finds himself missing at the same moment: each waits for a moment of his own and looks again.
  function enter(): void {
    if (isEntering) return;
    isEntering = true;
    clock.after(random() * INTERVAL, () => {
      void write().finally(() => (isEntering = false));
    });
    // Not written is not entered: the next exchange sees it.
    const write = async (): Promise<void> => {
      try {
        const there = toMembers(await readItem(storage, membersKey)) ?? members;
        if (!there.includes(instance)) await writeMembers([...there, instance]);
      } catch {
        // Reported by the exchange, which meets the same store.
      }
    };
  }

  function writeMembers(names: string[]): Promise<void> {
    return storage.setItem(membersKey, { v: VERSION, kind: "members", names });
  }

  function hear(member: string, { batches }: Slot): { texts: string[]; hasMissed: boolean } {
    const last = seen.get(member) ?? 0;
    const news = batches.filter(({ n }) => n > last);
    const [first] = news;
    if (news.length > 0) seen.set(member, news.at(-1)!.n);
    const hasMissed = first !== undefined && first.n > last + 1;
    return { texts: news.map(({ text }) => text), hasMissed };
  }

  async function readSlots(names: readonly string[]): Promise<Map<string, Slot>> {
    const slots = new Map<string, Slot>();
    const items = names.length > 0 ? await readItems(storage, names.map(keyOf)) : [];
    for (const { key, value } of items) {
      const slot = toSlot(value);
      if (slot) slots.set(key.slice(keyOf("").length), slot);
    }
    return slots;
  }

  return {
    tier: "best-effort",
    interval: INTERVAL,
    // Whoever has been silent is dropped; one that is alive enters itself again.
    async begin() {
      const known = toMembers(await readItem(storage, membersKey)) ?? [];
      const slots = await readSlots(known);
      const since = clock.now() - SILENT_FOR;
      const isSilent = (name: string): boolean => (slots.get(name)?.at ?? 0) < since;
      for (const [name, { batches }] of slots) seen.set(name, batches.at(-1)?.n ?? 0);
      members = known.filter((name) => name === instance || !isSilent(name));
      await writeMembers([...new Set([...members, instance])]);
      for (const name of slots.keys()) if (isSilent(name)) await storage.removeItem(keyOf(name));
    },
    async exchange(text) {
      if (text !== undefined) await append(text);
      const others = members.filter((name) => name !== instance);
      const items = await readItems(storage, [membersKey, ...others.map(keyOf)]);
      const texts: string[] = [];
      let hasMissed = false;
      for (const { key, value } of items) {
        if (key === membersKey) {
          // Torn, or gone: whoever we knew is still there.
          members = toMembers(value) ?? members;
          continue;
        }
        const slot = toSlot(value);
        const heard = slot && hear(key.slice(keyOf("").length), slot);
        texts.push(...(heard?.texts ?? []));
        hasMissed ||= heard?.hasMissed ?? false;
      }
      const isEntered = items.some(
        ({ key, value }) => key === membersKey && toMembers(value)?.includes(instance),
      );
      if (!isEntered) enter();
      return { texts, hasMissed, hasMore: false, isDoubtful: !isEntered };
    },
  };
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
