/** How far our clock is from the one that all instances share, so that a point in time is the same moment to each (K12). */
import type { Clock } from "../../contract/clock.ts";
import type { Log } from "../../contract/log.ts";
import type { CooldownRecord } from "../../contract/state.ts";
import { toDurationText } from "../../shared/times.ts";
import { LAST_TIME, type RecordKind } from "../records/record-kinds.ts";

export interface ClockOffset {
  /** Compares the clocks, now and then. Never rejects: where the store cannot tell, what was known stays. */
  measure(): Promise<void>;
  /** The shared clock less ours, ms, as far as it matters; 0 where there is no shared clock. */
  offset(): number;
  /** Makes a kind of cooldown that is stored by the shared clock and read by ours. */
  cooldownKind(kind: RecordKind<CooldownRecord>): RecordKind<CooldownRecord>;
}

/** Less is the way to the store and back, and matters to nobody. */
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
    // An answer that took long says little.
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
    // For ever stays for ever.
    until: until >= LAST_TIME ? until : Math.min(LAST_TIME, moved(until)),
    writtenAt: moved(writtenAt),
  };
}
