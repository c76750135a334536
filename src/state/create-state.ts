/** The relay's state beyond the process: loads it, writes changes, and reports the health of the store. */
import type { Leases } from "../contract/lease.ts";
import type { State, StateHealth } from "../contract/state.ts";
import { settledWithin } from "../shared/wait.ts";
import { StateLoader } from "./load-state.ts";
import { loadCredentials } from "./records/load-records.ts";
import type { RecordKind } from "./records/record-kinds.ts";
import { RecordSubmitter } from "./records/submit-records.ts";
import type { WriteBehind } from "./records/write-behind.ts";
import type { StateOptions } from "./state-options.ts";
import { createStateParts, type StateParts } from "./state-parts.ts";
import { driverName } from "./store/storage.ts";
import { type ChangeFollower, createChangeFollower } from "./sync/follow-changes.ts";

/** Creates the state over `options.storage`. Reads nothing before `load()`, and starts no timer before there is work. */
export function createState(options: StateOptions): State {
  const parts = createStateParts(options);
  const { kinds, cooldowns, marks, credentials, counters, log } = parts;
  const submitter = new RecordSubmitter(parts);
  const follower = createChangeFollower(parts, options.sync === false ? undefined : options.sync);
  const loader = new StateLoader(parts, follower);
  let closing: Promise<void> | undefined;

  function put<R>(kind: RecordKind<R>, writer: WriteBehind<R>, record: R): void {
    if (closing) log.debug(`state: a ${kind.name} record came after \`close\` and was not stored`);
    else submitter.put(kind, writer, record);
  }

  async function flush(): Promise<void> {
    await submitter.settled();
    const writers = [cooldowns, marks, credentials, parts.countersWriter];
    await Promise.all(writers.map((writer) => writer.flush()));
    await follower.flush();
  }

  async function close(): Promise<void> {
    loader.beginClose();
    await closeParts(parts, flush());
    loader.stop();
  }

  return {
    follow: (take) => follower.follow(take),
    load: () => loader.load(),
    unread: () => loader.unread(),
    putCooldown: (record) => put(kinds.cooldown, cooldowns, record),
    putMark: (record) => put(kinds.mark, marks, record),
    putCredential(record) {
      // A close that begins while the key is being sealed does not prevent the write.
      if (closing) put(kinds.credential, credentials, record);
      else submitter.putCredential(kinds.credential, credentials, record);
    },
    listCredentials: async () => {
      await submitter.settled();
      return loadCredentials(parts);
    },
    leases: withWholeStore(parts),
    tokens: parts.tokens,
    creations: parts.creations,
    count: (credential, failed) => counters.count(credential, failed),
    counters: (credential) => counters.get(credential),
    flush,
    close: () => (closing ??= close()),
    health: () => healthOf(parts, follower, loader.isLoaded),
  };
}

function healthOf(parts: StateParts, follower: ChangeFollower, loaded: boolean): StateHealth {
  return {
    driver: driverName(parts.root, parts.base),
    loaded,
    proven: parts.prover?.proof(),
    leases: parts.leases.tier,
    ...follower.health(),
    sealed: parts.seal.isSealing,
    pendingWrites: parts.pendingWrites(),
    fault: parts.faults.last(),
    setAside: parts.quarantine.keys(),
  };
}

// Irrevocable actions wait while other instances may still know records that an emptied store has lost.
function withWholeStore({ leases, ownLeases, prover, guard }: StateParts): Leases {
  return {
    tier: leases.tier,
    time: leases.time,
    async acquire(name, ttl, onlyWhole = false) {
      if (ownLeases && prover?.isLagging()) {
        // What an earlier process of this instance has written last may not be visible yet.
        const isEarly = prover.isForgetful() && prover.proof()!.lag < SEEN_AFTER;
        return onlyWhole && isEarly ? undefined : ownLeases.acquire(name, ttl);
      }
      if (onlyWhole && guard && !(await guard.isWhole())) return undefined;
      return leases.acquire(name, ttl);
    },
  };
}

/** On a store that returns writes late, nothing irrevocable is done for so long after the start, unless the first write is seen, ms. */
const SEEN_AFTER = 4_000;

/** A driver that hangs must not keep the host from closing, ms. */
const CLOSE_WAIT = 5_000;

async function closeParts(parts: StateParts, flushed: Promise<void>): Promise<void> {
  const { cooldowns, marks, credentials, countersWriter, expiry, tombstones, log } = parts;
  await settledWithin(flushed, CLOSE_WAIT, parts.clock);
  const timed = [cooldowns, marks, credentials, countersWriter, expiry, tombstones, parts.prover];
  for (const part of timed) part?.stop();
  const lost = parts.unwritten();
  if (lost > 0)
    log.error(`state: ${lost} records could not be written before the relay closed and are lost`);
}
