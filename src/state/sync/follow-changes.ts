/** What others have changed goes to whoever follows; where we have written the same key of late, into the store again (K5). */
import type { CooldownRecord } from "../../contract/records.ts";
import type { LoadedState, StateHealth } from "../../contract/state.ts";
import { openAll, readStore, takeStored } from "../records/load-records.ts";
import type { StateParts } from "../state-parts.ts";
import { fill, fillFirst } from "../refill-store.ts";
import { isFields, readStored, type RecordKind } from "../records/record-kinds.ts";
import { type Change, createSync } from "./sync-loop.ts";
import type { WriteBehind } from "../records/write-behind.ts";

export interface ChangeFollower {
  follow(take: (changes: LoadedState) => void | Promise<void>): void;
  begin(): Promise<void>;
  start(): void;
  flush(): Promise<void>;
  stop(): void;
  health(): Pick<StateHealth, "sync" | "viewAge">;
}

const DEAF: Omit<ChangeFollower, "follow"> = {
  begin: async () => {},
  start() {},
  flush: async () => {},
  stop() {},
  health: () => ({ sync: "none", viewAge: undefined }),
};

/** How often it is looked whether the store was emptied, ms: where others are heard by a timer, and where something is written. */
const LOOK_EVERY = { shared: 3_000, "best-effort": 15_000, process: 10_000, none: 10_000 };

export function createChangeFollower(
  parts: StateParts,
  interval: number | undefined,
): ChangeFollower {
  const { journal, clock, faults, instance, kinds, drift, guard, known } = parts;
  let follower: ((changes: LoadedState) => void | Promise<void>) | undefined;
  let reloading: Promise<void> | undefined;
  let isStopped = false;
  const lookEvery = LOOK_EVERY[journal?.tier ?? "none"];

  function reload(): Promise<void> {
    return (reloading ??= readAnew().finally(() => (reloading = undefined)));
  }

  async function readAnew(): Promise<void> {
    await fillFirst(parts);
    const stored = await readStore(parts);
    await fill(parts, stored);
    guard?.filled();
    await follower?.(await takeStored(parts, stored));
  }

  /** Looks apart from any exchange, where one would be long in coming. Never rejects. */
  async function lookAgain(every: number): Promise<void> {
    try {
      if (!isStopped && (await guard?.hasLost(every))) await reload();
      if (!journal) faults.clear("sync");
    } catch (error) {
      faults.report("sync", undefined, error);
    }
  }

  guard?.onLost(() => void lookAgain(lookEvery));
  // Without a timer it is looked where something is written anyway.
  if (!journal || journal.interval === 0) parts.onTouched(() => void lookAgain(lookEvery));
  if (!journal) {
    return {
      ...DEAF,
      follow: (take) => void (follower = take),
      flush: () => lookAgain(0),
      stop: () => void (isStopped = true),
    };
  }

  const sync = createSync({
    journal,
    interval,
    clock,
    faults,
    instance,
    take,
    async hasLost(changes, now) {
      const isNamed = changes.some(({ key }) => key === parts.birthKey);
      return (await guard?.hasLost(now || isNamed ? 0 : lookEvery)) ?? false;
    },
    reload,
    // What could not be written goes out now, not after its own wait.
    onBack() {
      void Promise.all([parts.cooldowns.flush(), parts.marks.flush(), parts.credentials.flush()]);
    },
  });
  parts.onWritten(sync.announce);

  async function take(changes: Change[]): Promise<void> {
    await drift.measure();
    const ours = changes.filter(({ key }) => key.startsWith(`${parts.base}:`));
    for (const { key, value } of ours) parts.creations.hear(key, value);
    const credentials = hear(ours, kinds.credential, parts.credentials);
    for (const { key, record } of credentials) {
      known.credentials.note(key, record);
      parts.removals.track(key, record);
    }
    const marks = hear(ours, kinds.mark, parts.marks);
    for (const { key, record } of marks) known.marks.note(key, record);
    const cooldowns = hear(ours, kinds.cooldown, parts.cooldowns);
    for (const { key, record } of cooldowns) known.cooldowns.note(key, record);
    await follower?.({
      cooldowns: cooldowns.map(asSeen),
      marks: marks.map(({ record }) => record),
      credentials: await openAll(
        parts,
        credentials.map(({ record }) => record),
      ),
    });
  }

  function asSeen({ key, record }: FollowedRecord<CooldownRecord>): CooldownRecord {
    return parts.sights.asSeen(key, record);
  }

  function hear<R>(
    changes: readonly Change[],
    kind: RecordKind<R>,
    writer: WriteBehind<R>,
  ): FollowedRecord<R>[] {
    const heard: FollowedRecord<R>[] = [];
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
  function repair<R>(key: string, record: R, kind: RecordKind<R>, writer: WriteBehind<R>): void {
    const written = parts.recent.get(key) as R | undefined;
    if (written !== undefined) writer.put(key, kind.merge(written, record));
  }

  return {
    follow: (take) => void (follower = take),
    begin: sync.begin,
    start: () => follower && sync.start(),
    flush: sync.flush,
    stop() {
      isStopped = true;
      sync.stop();
    },
    health() {
      const seenAt = sync.seenAt();
      return {
        sync: journal.tier,
        viewAge: seenAt === undefined ? undefined : clock.now() - seenAt,
      };
    },
  };
}

interface FollowedRecord<R> {
  key: string;
  record: R;
}
