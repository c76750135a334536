/** Tokens and refresh intents as they are stored. */
import type { IntentRecord, TokenRecord } from "../../contract/records.ts";
import { type Fields, withoutUndefined } from "../../shared/json.ts";
import type { StoredValue } from "../store/storage.ts";
import { isCount, isName, isTime, VERSION } from "./record-kinds.ts";
import type { RingKind } from "./record-ring.ts";

/** A token as it is stored: its secrets sealed, the other fields readable. */
export interface SealedToken extends Omit<TokenRecord, "accessToken" | "refreshToken"> {
  secrets: string;
}

export const TOKEN: RingKind<SealedToken> = {
  letter: "t",
  name: "token",
  toStored: ({ expiresAt, skew, unsure, ...rest }) => {
    const { credential, generation, issuedAt, originHash, writtenAt, secrets } = rest;
    const required = { credential, generation, issuedAt, originHash, writtenAt, secrets };
    const optional = withoutUndefined({ expiresAt, skew, unsure: unsure || undefined });
    return { v: VERSION, kind: "token", ...required, ...optional } as StoredValue;
  },
  fromStored(fields) {
    const { credential, generation, secrets, issuedAt, originHash, writtenAt } = fields;
    if (!isName(credential) || !isCount(generation) || !isName(secrets)) return undefined;
    if (!isTime(issuedAt) || !isTime(writtenAt) || typeof originHash !== "string") return undefined;
    const optional = optionalFields(fields);
    return (
      optional && { credential, generation, issuedAt, originHash, writtenAt, secrets, ...optional }
    );
  },
};

export const INTENT: RingKind<IntentRecord> = {
  letter: "n",
  name: "intent",
  toStored: ({ credential, generation, tokenHash, writtenAt }) => ({
    v: VERSION,
    kind: "intent",
    credential,
    generation,
    tokenHash,
    writtenAt,
  }),
  fromStored({ credential, generation, tokenHash, writtenAt }) {
    if (!isName(credential) || !isCount(generation) || !isName(tokenHash) || !isTime(writtenAt))
      return undefined;
    return { credential, generation, tokenHash, writtenAt };
  },
};

function optionalFields({
  expiresAt,
  skew,
  unsure,
}: Fields): Pick<SealedToken, "expiresAt" | "skew" | "unsure"> | undefined {
  if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
  if (skew !== undefined && !isSpan(skew)) return undefined;
  if (unsure !== undefined && !isCount(unsure)) return undefined;
  return { expiresAt, skew, unsure };
}

/** A duration in ms, which may be negative. */
function isSpan(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
