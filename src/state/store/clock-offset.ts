/** The offset between this process's clock and the shared one, so that a stored time is the same moment on every instance (K12). */
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { CooldownRecord } from "../../contract/records.ts";
import { toDurationText } from "../../shared/times.ts";
import { LAST_TIME, type RecordKind } from "../records/record-kinds.ts";

export interface ClockOffset {
  /** Compares the clocks, at most once a minute. Never rejects: without an answer the last offset stays. */
  measure(): Promise<void>;
  /** The shared clock minus ours, ms; 0 for a difference within the tolerance, and without a shared clock. */
  offset(): number;
  /** Returns the kind of cooldowns with its times stored by the shared clock and read by ours. */
  cooldownKind(kind: RecordKind<CooldownRecord>): RecordKind<CooldownRecord>;
}

/** Smaller differences are within the latency of the store, ms. */
const TOLERATED = 2_000;
const EVERY = 60_000;

export function createClockOffset(
  clock: Clock,
  sharedTime: () => Promise<number>,
  log: Log,
): ClockOffset {
  let offset = 0;
  let measuredAt = Number.NEGATIVE_INFINITY;

  async function measure(): Promise<void> {
    const askedAt = clock.now();
    if (askedAt - measuredAt < EVERY) return;
    measuredAt = askedAt;
    const shared = await sharedTime().catch(() => Number.NaN);
    const now = clock.now();
    // An answer that took long is too inaccurate.
    if (Number.isNaN(shared) || now - askedAt > TOLERATED) return void (measuredAt = 0);
    const found = Math.round(shared - (askedAt + now) / 2);
    if (Math.abs(found - offset) > TOLERATED) change(Math.abs(found) > TOLERATED ? found : 0);
  }

  function change(to: number): void {
    offset = to;
    if (to === 0) log.info("state: our clock agrees with the store's again");
    else {
      const off = toDurationText(Math.round(Math.abs(to) / 1_000) * 1_000);
      log.warn(`state: our clock is ${off} ${to > 0 ? "behind" : "ahead of"} the store's`);
    }
  }

  return {
    measure,
    offset: () => offset,
    cooldownKind: (kind) => ({
      ...kind,
      toStored: (record) => kind.toStored(shift(record, offset)),
      fromStored(fields) {
        const record = kind.fromStored(fields);
        return record && shift(record, -offset);
      },
    }),
  };
}

function shift(record: CooldownRecord, by: number): CooldownRecord {
  if (by === 0) return record;
  const { until, writtenAt } = record;
  const moved = (at: number): number => Math.max(0, at + by);
  return {
    ...record,
    // An unlimited time is not shifted.
    until: until >= LAST_TIME ? until : Math.min(LAST_TIME, moved(until)),
    writtenAt: moved(writtenAt),
  };
}
