/** The relay's memory beyond the process: what is loaded, what is written, how the store is. */
import type { Leases } from "../contract/lease.ts";
import type { CredentialRecord, LoadedState, State } from "../contract/state.ts";
import { followClient } from "./drivers/client-events.ts";
import { createPostgresTable } from "./store/create-postgres-table.ts";
import { loadCredentials, readStore, applyStored } from "./records/load-records.ts";
import { createStateParts } from "./state-parts.ts";
import type { StateOptions } from "./state-options.ts";
import type { StateParts } from "./state-parts.ts";
import { readStored } from "./records/record-kinds.ts";
import { createChangeFollower } from "./sync/follow-changes.ts";
import type { RecordKind } from "./records/record-kinds.ts";
import { driverName } from "./store/storage.ts";
import type { WriteBehind } from "./records/write-behind.ts";

/** Creates the memory over `options.storage`. Reads nothing before `load()`, starts no timer before there is work. */
export function createState(options: StateOptions): State {
  const parts = createStateParts(options);
  const { cooldowns, marks, credentials, counters, faults, log } = parts;
  const { kinds } = parts;
  const submit = createSubmit(parts);
  const listening = createChangeFollower(parts, options.sync === false ? undefined : options.sync);
  let loading: Promise<LoadedState> | undefined;
  let closing: Promise<void> | undefined;
  let loaded = false;
  let stopHearing: (() => void) | undefined;

  async function read(): Promise<LoadedState> {
    try {
      stopHearing ??= followClient(parts.storage, parts.base, {
        onError: (error) => faults.report("connect", undefined, error),
        onReady: () => faults.clear("connect"),
      });
      await createPostgresTable(parts.storage, parts.base);
      // What is written while we read is heard afterwards.
      await Promise.all([parts.clockOffset.measure(), listening.begin()]);
      const state = await applyStored(parts, await readStore(parts));
      await parts.guard?.begin();
      loaded = true;
      if (!closing) listening.start();
      faults.clear("load");
      return state;
    } catch (error) {
      faults.report("load", undefined, error);
      throw error;
    }
  }

  function put<R>(kind: RecordKind<R>, writer: WriteBehind<R>, record: R): void {
    if (closing) log.debug(`state: a ${kind.name} came after close and is not stored`);
    else submit.put(kind, writer, record);
  }

  async function sealed(record: CredentialRecord): Promise<CredentialRecord> {
    const { id, credential } = record;
    if (credential?.apiKey === undefined) return record;
    const apiKey = await parts.seal.seal(credential.apiKey, `credential ${id}`);
    return { ...record, credential: { ...credential, apiKey } };
  }

  async function flush(): Promise<void> {
    await submit.settled();
    await Promise.all([
      cooldowns.flush(),
      marks.flush(),
      credentials.flush(),
      parts.countersWriter.flush(),
    ]);
    await listening.flush();
  }

  function stop(): void {
    listening.stop();
    stopHearing?.();
  }

  return {
    follow: listening.follow,
    load: () => (loading ??= read().finally(() => (loading = undefined))),
    putCooldown: (record) => put(kinds.cooldown, cooldowns, record),
    putMark: (record) => put(kinds.mark, marks, record),
    putCredential(record) {
      // Sealed only after a close that was asked for meanwhile, it is stored all the same.
      if (closing) put(kinds.credential, credentials, record);
      else submit.after(sealed(record), (it) => submit.put(kinds.credential, credentials, it));
    },
    listCredentials: async () => {
      // What is on its way is there, too.
      await submit.settled();
      return loadCredentials(parts);
    },
    leases: wholeOnly(parts),
    tokens: parts.tokens,
    creations: parts.creations,
    count: counters.count,
    counters: counters.get,
    flush,
    close: () => (closing ??= closeParts(parts, flush()).then(stop)),
    health: () => ({
      driver: driverName(parts.storage, parts.base),
      loaded,
      leases: parts.leases.tier,
      ...listening.health(),
      sealed: parts.seal.isSealing,
      pendingWrites: parts.pendingWrites(),
      fault: faults.last(),
      setAside: parts.quarantine.keys(),
    }),
  };
}

// What cannot be undone waits while others may still know what an emptied store has lost.
function wholeOnly({ leases, guard }: StateParts): Leases {
  return {
    tier: leases.tier,
    time: leases.time,
    async acquire(name, ttl, onlyWhole = false) {
      if (onlyWhole && guard && !(await guard.isWhole())) return undefined;
      return leases.acquire(name, ttl);
    },
  };
}

interface Submit {
  /** Names `record` and hands it to its writer: in this turn where its name is known. */
  put<R>(kind: RecordKind<R>, writer: WriteBehind<R>, record: R): void;
  /** Puts what is still being made. */
  after<R>(making: Promise<R>, put: (record: R) => void): void;
  /** Resolves when every record given so far has reached its writer. */
  settled(): Promise<void>;
}

function createSubmit({ keys, faults, log }: StateParts): Submit {
  const naming = new Set<Promise<void>>();

  function put<R>(kind: RecordKind<R>, writer: WriteBehind<R>, record: R): void {
    // What we would not believe ourselves is a fault of ours, and must not replace what is good.
    if (readStored(kind, kind.toStored(record)).kind !== "record") {
      return log.error(`state: a ${kind.name} with impossible values is not stored`);
    }
    const key = keys.of(kind.letter, kind.nameParts(record));
    if (typeof key === "string") return writer.put(key, record);
    after(key, (name) => writer.put(name, record));
  }

  function after<R>(making: Promise<R>, use: (made: R) => void): void {
    const named: Promise<void> = making
      .then(use)
      .catch((error: unknown) => faults.report("crypto", undefined, error))
      .finally(() => naming.delete(named));
    naming.add(named);
  }

  async function settled(): Promise<void> {
    while (naming.size > 0) await Promise.all(naming);
  }

  return { put, after, settled };
}

// A driver that hangs must not keep the host from closing.
const CLOSE_WAIT = 5000;

async function closeParts(parts: StateParts, flushed: Promise<void>): Promise<void> {
  await atMost(parts, flushed);
  for (const part of [
    parts.cooldowns,
    parts.marks,
    parts.credentials,
    parts.countersWriter,
    parts.expiry,
    parts.tombstones,
  ]) {
    part.stop();
  }
  const lost = parts.pendingWrites();
  if (lost > 0) parts.log.error(`state: closed with ${lost} records that could not be stored`);
}

function atMost({ clock }: StateParts, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(CLOSE_WAIT, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
