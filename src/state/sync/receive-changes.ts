/** Applies the changes that other instances have announced (M1, K5). */
import type { CooldownRecord } from "../../contract/records.ts";
import type { LoadedState } from "../../contract/state.ts";
import { isFields } from "../../shared/json.ts";
import { openAll } from "../records/load-records.ts";
import { readStored, type RecordKind } from "../records/record-kinds.ts";
import type { WriteBehind } from "../records/write-behind.ts";
import type { StateParts } from "../state-parts.ts";
import type { Change } from "./sync-loop.ts";

interface ReceivedRecord<R> {
  key: string;
  record: R;
}

/** Notes each record that is under our base; returns the changes as the relay applies them. */
export async function receiveChanges(
  parts: StateParts,
  changes: readonly Change[],
): Promise<LoadedState> {
  const { kinds, knownRecords, tombstones, firstSeen } = parts;
  await parts.clockOffset.measure();
  const ours = changes.filter(({ key }) => key.startsWith(`${parts.base}:`));
  for (const { key, value } of ours) parts.creations.receive(key, value);
  const credentials = receiveKind(parts, ours, kinds.credential, parts.credentials);
  for (const { key, record } of credentials) {
    knownRecords.credentials.note(key, record);
    tombstones.track(key, record);
  }
  const marks = receiveKind(parts, ours, kinds.mark, parts.marks);
  for (const { key, record } of marks) knownRecords.marks.note(key, record);
  const cooldowns = receiveKind(parts, ours, kinds.cooldown, parts.cooldowns);
  for (const { key, record } of cooldowns) knownRecords.cooldowns.note(key, record);
  const asSeen = ({ key, record }: ReceivedRecord<CooldownRecord>): CooldownRecord =>
    firstSeen.asSeen(key, record);
  return {
    cooldowns: cooldowns.map(asSeen),
    marks: marks.map(({ record }) => record),
    credentials: await openAll(
      parts,
      credentials.map(({ record }) => record),
    ),
  };
}

function receiveKind<R>(
  { recentWrites }: StateParts,
  changes: readonly Change[],
  kind: RecordKind<R>,
  writer: WriteBehind<R>,
): ReceivedRecord<R>[] {
  const received: ReceivedRecord<R>[] = [];
  for (const { key, value } of changes) {
    if (!isFields(value) || value["kind"] !== kind.name) continue;
    const reading = readStored(kind, value);
    if (reading.kind !== "record") continue;
    const { record } = reading;
    received.push({ key, record });
    // Two concurrent writes of one key may have left the lesser record in the store. A key holds one kind only.
    const written = recentWrites.get(key) as R | undefined;
    if (written !== undefined) writer.put(key, kind.merge(written, record));
  }
  return received;
}
