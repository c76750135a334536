/** What others have changed goes to whoever follows; where we have written the same key of late, into the store again (K5). */
import type { CooldownRecord, LoadedState, StateHealth } from "../contract/state.ts";
import { loadState, openAll } from "./load.ts";
import type { StateParts } from "./parts.ts";
import { isFields, readStored, type RecordKind } from "./records.ts";
import { type Change, createSync } from "./sync.ts";
import type { Writer } from "./writer.ts";

export interface Listening {
  follow(take: (changes: LoadedState) => void | Promise<void>): void;
  begin(): Promise<void>;
  start(): void;
  flush(): Promise<void>;
  stop(): void;
  health(): Pick<StateHealth, "sync" | "viewAge">;
}

const DEAF: Listening = {
  follow() {},
  begin: async () => {},
  start() {},
  flush: async () => {},
  stop() {},
  health: () => ({ sync: "none", viewAge: undefined }),
};

export function createListening(parts: StateParts, interval: number | undefined): Listening {
  const { journal, clock, faults, instance, kinds, drift } = parts;
  if (!journal) return DEAF;
  let follower: ((changes: LoadedState) => void | Promise<void>) | undefined;

  const sync = createSync({
    journal,
    interval,
    clock,
    faults,
    instance,
    take,
    reload: async () => follower?.(await loadState(parts)),
    // What could not be written goes out now, not after its own wait.
    onBack() {
      void Promise.all([parts.cooldowns.flush(), parts.marks.flush(), parts.credentials.flush()]);
    },
  });
  parts.onWritten(sync.announce);

  async function take(changes: Change[]): Promise<void> {
    await drift.measure();
    const ours = changes.filter(({ key }) => key.startsWith(`${parts.base}:`));
    const credentials = hear(ours, kinds.credential, parts.credentials);
    await follower?.({
      cooldowns: hear(ours, kinds.cooldown, parts.cooldowns).map(asSeen),
      marks: hear(ours, kinds.mark, parts.marks).map(({ record }) => record),
      credentials: await openAll(
        parts,
        credentials.map(({ record }) => record),
      ),
    });
  }

  function asSeen({ key, record }: Heard<CooldownRecord>): CooldownRecord {
    return parts.sights.asSeen(key, record);
  }

  function hear<R>(changes: readonly Change[], kind: RecordKind<R>, writer: Writer<R>): Heard<R>[] {
    const heard: Heard<R>[] = [];
    for (const { key, value } of changes) {
      if (!isFields(value) || value["kind"] !== kind.name) continue;
      const reading = readStored(kind, value);
      if (reading.is !== "record") continue;
      heard.push({ key, record: reading.record });
      repair(key, reading.record, kind, writer);
    }
    return heard;
  }

  // Two that wrote one key at once may have left the lesser record in the store: a key is of one kind.
  function repair<R>(key: string, record: R, kind: RecordKind<R>, writer: Writer<R>): void {
    const written = parts.recent.get(key) as R | undefined;
    if (written !== undefined) writer.put(key, kind.merge(written, record));
  }

  return {
    follow: (take) => void (follower = take),
    begin: sync.begin,
    start: () => follower && sync.start(),
    flush: sync.flush,
    stop: sync.stop,
    health() {
      const seenAt = sync.seenAt();
      return {
        sync: journal.tier,
        viewAge: seenAt === undefined ? undefined : clock.now() - seenAt,
      };
    },
  };
}

interface Heard<R> {
  key: string;
  record: R;
}
