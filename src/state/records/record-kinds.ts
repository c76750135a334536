/** The kinds of stored records, and the validation of stored values. */
import type { Key } from "../../contract/credential.ts";
import type {
  CooldownRecord,
  CredentialRecord,
  DisabledMark,
  DisableRecord,
} from "../../contract/records.ts";
import { isReason } from "../../shared/reasons.ts";
import { type Fields, isFields, withoutUndefined } from "../../shared/json.ts";
import type { KeyKind } from "./record-keys.ts";
import { mergeCooldowns, mergeCredentials, mergeMarks } from "./merge.ts";
import type { StoredValue } from "../store/storage.ts";

export const VERSION = 1;

/** The result of reading a stored value. Only a `record` is used; a `newer` one, of a later version, is never overwritten. */
export type RecordReading<R> =
  | { kind: "absent" }
  | { kind: "record"; record: R }
  | { kind: "newer" }
  | { kind: "broken" };

/** One kind of record: how it is named, stored, validated and merged. */
export interface RecordKind<R> {
  letter: KeyKind;
  name: string;
  nameParts(record: R): readonly string[];
  toStored(record: R): StoredValue;
  /** `undefined` if a field has an invalid value. */
  fromStored(fields: Fields): R | undefined;
  merge(a: R, b: R): R;
}

/** Validates what a driver returned for one key: it may differ from what was stored. */
export function readStored<R>(
  kind: Pick<RecordKind<R>, "name" | "fromStored">,
  value: unknown,
): RecordReading<R> {
  if (value === null || value === undefined) return { kind: "absent" };
  if (!isFields(value)) return { kind: "broken" };
  if (isCount(value["v"]) && value["v"] > VERSION) return { kind: "newer" };
  if (value["v"] !== VERSION || value["kind"] !== kind.name) return { kind: "broken" };
  const record = kind.fromStored(value);
  return record === undefined ? { kind: "broken" } : { kind: "record", record };
}

export const COOLDOWN: RecordKind<CooldownRecord> = {
  letter: "c",
  name: "cooldown",
  nameParts: ({ key }) => [key.upstream, key.credential, key.pool, key.family],
  toStored: ({ key, reason, until, writtenAt, epoch, incidents, stated }) => ({
    v: VERSION,
    kind: "cooldown",
    key: {
      credential: key.credential,
      upstream: key.upstream,
      pool: key.pool,
      family: key.family,
    },
    reason,
    // JSON has no Infinity: an unlimited time is stored as the last time that a `Date` can hold.
    until: Math.min(until, LAST_TIME),
    writtenAt,
    epoch,
    incidents,
    stated,
  }),
  fromStored({ key, reason, until, writtenAt, epoch, incidents, stated }) {
    if (!isKey(key) || !isReason(reason) || typeof stated !== "boolean") return undefined;
    if (!isTime(until) || !isTime(writtenAt)) return undefined;
    if (!isCount(epoch) || !isCount(incidents)) return undefined;
    // No wait is longer without a probe (C4): a damaged `until` closes a key no longer than that either.
    const last = writtenAt + LONGEST_WAIT;
    const isCapped = until > last;
    return {
      key,
      reason,
      until: isCapped ? last : until,
      writtenAt,
      epoch,
      incidents,
      stated: stated && !isCapped,
    };
  },
  merge: mergeCooldowns,
};

export const MARK: RecordKind<DisableRecord> = {
  letter: "m",
  name: "mark",
  nameParts: ({ credential }) => [credential],
  toStored: ({ credential, disabled, secretHash, revision, writtenAt }) => ({
    v: VERSION,
    kind: "mark",
    credential,
    disabled: disabled
      ? { cause: disabled.cause, reason: disabled.reason, at: disabled.at }
      : false,
    secretHash,
    revision,
    writtenAt,
  }),
  fromStored({ credential, disabled, secretHash, revision, writtenAt }) {
    if (!isName(credential) || typeof secretHash !== "string") return undefined;
    if (!isCount(revision) || !isTime(writtenAt)) return undefined;
    if (disabled === false) {
      return { credential, disabled: undefined, secretHash, revision, writtenAt };
    }
    return isDisabled(disabled)
      ? { credential, disabled, secretHash, revision, writtenAt }
      : undefined;
  },
  merge: mergeMarks,
};

/** Credentials made at run time. `apiKey` is sealed here. */
export const CREDENTIAL: RecordKind<CredentialRecord> = {
  letter: "k",
  name: "credential",
  nameParts: ({ id }) => [id],
  toStored: ({ id, credential, revision, writtenAt }) => ({
    v: VERSION,
    kind: "credential",
    id,
    credential: credential ? (withoutUndefined(credential) as StoredValue) : false,
    revision,
    writtenAt,
  }),
  fromStored({ id, credential, revision, writtenAt }) {
    if (!isName(id) || !isCount(revision) || !isTime(writtenAt)) return undefined;
    if (credential === false) return { id, credential: undefined, revision, writtenAt };
    const read = isFields(credential) ? readCredential(credential) : undefined;
    return read && { id, credential: read, revision, writtenAt };
  },
  merge: mergeCredentials,
};

type RuntimeCredential = NonNullable<CredentialRecord["credential"]>;

function readCredential(fields: Fields): RuntimeCredential | undefined {
  const { label, upstream, tier, weight, allow, deny, maxInFlight, origin, apiKey, createdAt } =
    fields;
  const isNumber = (value: unknown): value is number => Number.isFinite(value);
  if (!isName(label) || !isName(upstream) || !isName(origin) || !isTime(createdAt))
    return undefined;
  if (!isNumber(tier) || !isNumber(weight)) return undefined;
  if (maxInFlight !== undefined && !isCount(maxInFlight)) return undefined;
  if (apiKey !== undefined && !isName(apiKey)) return undefined;
  if (!isNames(allow) || !isNames(deny)) return undefined;
  return { label, upstream, tier, weight, allow, deny, maxInFlight, origin, apiKey, createdAt };
}

function isNames(value: unknown): value is readonly string[] | undefined {
  return value === undefined || (Array.isArray(value) && value.every(isName));
}

/** The longest wait of a stored cooldown, in ms; a probe follows (C4). */
const LONGEST_WAIT = 24 * 3_600_000;
export const LAST_TIME = 8_640_000_000_000_000;

const CAUSES: Readonly<Record<DisabledMark["cause"], true>> = {
  auth: true,
  forbidden: true,
  operator: true,
  exhausted: true,
  relogin: true,
};

export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

export function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= LAST_TIME;
}

export function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isKey(value: unknown): value is Key {
  if (!isFields(value)) return false;
  return [value["credential"], value["upstream"], value["pool"], value["family"]].every(isName);
}

function isDisabled(value: unknown): value is DisabledMark {
  if (!isFields(value)) return false;
  const { cause, reason, at } = value;
  if (typeof cause !== "string" || !Object.hasOwn(CAUSES, cause)) return false;
  return typeof reason === "string" && isTime(at);
}
