/** The shapes of stored records, and how much of a stored value is believed. */
import type { Key } from "../../contract/credential.ts";
import type {
  CooldownRecord,
  CredentialRecord,
  DisabledMark,
  DisableRecord,
} from "../../contract/records.ts";
import { isReason } from "../../shared/reasons.ts";
import type { KeyKind } from "./record-keys.ts";
import { mergeCooldowns, mergeCredentials, mergeMarks } from "./merge.ts";
import type { StoredValue } from "../store/storage.ts";

export const VERSION = 1;

/** What a stored value turned out to be. Only a `record` is believed; a `newer` one is never overwritten. */
export type RecordReading<R> =
  | { is: "absent" }
  | { is: "record"; record: R }
  | { is: "newer" }
  | { is: "broken" };

/** One kind of record: how it is named, stored, believed and merged. */
export interface RecordKind<R> {
  letter: KeyKind;
  name: string;
  parts(record: R): readonly string[];
  toStored(record: R): StoredValue;
  /** `undefined` where one field is not what it must be. */
  fromStored(fields: Fields): R | undefined;
  merge(a: R, b: R): R;
}

export type Fields = Readonly<Record<string, unknown>>;

/** Reads what a driver returned for one key, where anything may come back but what was stored. */
export function readStored<R>(
  kind: Pick<RecordKind<R>, "name" | "fromStored">,
  value: unknown,
): RecordReading<R> {
  if (value === null || value === undefined) return { is: "absent" };
  if (!isFields(value)) return { is: "broken" };
  if (isCount(value["v"]) && value["v"] > VERSION) return { is: "newer" };
  if (value["v"] !== VERSION || value["kind"] !== kind.name) return { is: "broken" };
  const record = kind.fromStored(value);
  return record === undefined ? { is: "broken" } : { is: "record", record };
}

export const COOLDOWN: RecordKind<CooldownRecord> = {
  letter: "c",
  name: "cooldown",
  parts: ({ key }) => [key.upstream, key.credential, key.pool, key.family],
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
    // JSON knows no Infinity: for ever is the last day a Date can say.
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
    return { key, reason, until, writtenAt, epoch, incidents, stated };
  },
  merge: mergeCooldowns,
};

export const MARK: RecordKind<DisableRecord> = {
  letter: "m",
  name: "mark",
  parts: ({ credential }) => [credential],
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

/** Credentials made at run time; `apiKey` is sealed text here. */
export const CREDENTIAL: RecordKind<CredentialRecord> = {
  letter: "k",
  name: "credential",
  parts: ({ id }) => [id],
  toStored: ({ id, credential, revision, writtenAt }) => ({
    v: VERSION,
    kind: "credential",
    id,
    credential: credential ? withoutUndefined(credential) : false,
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

type Made = NonNullable<CredentialRecord["credential"]>;

function withoutUndefined(credential: Made): StoredValue {
  const entries = Object.entries(credential).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as StoredValue;
}

function readCredential(fields: Fields): Made | undefined {
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

export const LAST_TIME = 8_640_000_000_000_000;

const CAUSES: Readonly<Record<DisabledMark["cause"], true>> = {
  auth: true,
  forbidden: true,
  operator: true,
  exhausted: true,
  relogin: true,
};

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

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
