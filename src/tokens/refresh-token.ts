// One refresh, alone among all instances: read what others have done, ask, store, and only then use (G6, G7, M4).
import type { Clock } from "../contract/clock.ts";
import type { Lease, Leases } from "../contract/lease.ts";
import type { TokenRecord } from "../contract/records.ts";
import type { TokenStore } from "../contract/state.ts";
import { hashSecret, isSameSecret } from "../state/secrets/secret-hash.ts";
import { readClaims } from "./jwt-claims.ts";
import { skewOf } from "./clock-skew.ts";
import { type TokenSlot, usableToken } from "./token-slot.ts";
import { TokenError } from "./token-error.ts";

export interface RefreshDeps {
  clock: Clock;
  fetch: typeof fetch;
  leases: Leases;
  tokens: TokenStore;
  /** True where this is the only instance, whatever the store says. */
  isOnly: boolean;
  /** Whether the state has been loaded: without it a rotating token is not touched (K15). */
  isLoaded(): boolean;
  /** Says loudly that a rotated refresh token could not be stored. */
  alarm(id: string): void;
}

/** A refresh is given up after so long, whoever waits for it (G10). */
export const REFRESH_TIME = 30_000;
/** A lease outlives the refresh that is made under it. */
const LEASE_TIME = REFRESH_TIME + 15_000;
/** Who does not get the lease looks again so often for what its holder has written, and so long at most. */
const LOOK_AGAIN = 200;
const PATIENCE = LEASE_TIME + 5_000;
/** A refresh token whose use is unknown is sent so many times in all (M4). */
const SENT_AT_MOST = 2;
const LONGEST_PAUSE = 30_000;

/** Gets a newer token into the slot, from another instance or from the source. Throws a `TokenError`. */
export async function refresh(
  rooms: RefreshDeps,
  slot: TokenSlot,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = rooms;
  const known = await readNewer(rooms, slot);
  if (known === "adopted") return;
  if (known === "down" || !rooms.isLoaded()) return refreshAlone(rooms, slot, signal);
  for (const end = clock.now() + PATIENCE; ;) {
    // A store that was emptied may have had a newer refresh token: it comes back from whoever knows it.
    const lease = await rooms.leases.acquire(`token:${slot.id}`, LEASE_TIME, slot.source.rotates);
    if (lease) return await underLease(rooms, slot, lease, signal);
    if (clock.now() >= end || signal.aborted)
      throw new TokenError({ step: "refresh", code: "STORE" });
    await pause(clock, LOOK_AGAIN);
    if ((await readNewer(rooms, slot)) === "adopted") return;
  }
}

// Nobody can be asked who else is refreshing. Where the refresh token stays the same, two refreshes do no harm (G7).
async function refreshAlone(
  rooms: RefreshDeps,
  slot: TokenSlot,
  signal: AbortSignal,
): Promise<void> {
  // Nor may the only instance send what an unread store may have the successor of (K15).
  const isSafe = rooms.isOnly && rooms.isLoaded() && slot.hasRead;
  if (slot.source.rotates && !isSafe) throw new TokenError({ step: "refresh", code: "STORE" });
  const generation = (slot.record?.generation ?? 0) + 1;
  const { record, isGood } = await ask(rooms, slot, generation, signal);
  adopt(slot, record);
  // Stored when the store is back; where nothing rotates not at all: it can be had again.
  store(rooms, slot, record).catch(() => {});
  assertGood(isGood);
}

async function underLease(
  rooms: RefreshDeps,
  slot: TokenSlot,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  try {
    // The holder before us may have written in between.
    const known = await readNewer(rooms, slot);
    if (known === "adopted") return;
    if (known === "down") return await refreshAlone(rooms, slot, signal);
    const generation = Math.max(lease.generation, (slot.record?.generation ?? 0) + 1);
    // Nothing is declared that cannot be sent any more.
    if (signal.aborted) throw new TokenError({ step: "refresh", code: "TIMEOUT" });
    const unsure = slot.source.rotates ? await declare(rooms, slot, generation) : 0;
    const asking = ask(rooms, slot, generation, signal);
    const { record, isGood } = await asking.catch(async (error: unknown) => {
      if (slot.source.rotates) await settle(rooms, slot, generation, unsure);
      throw error;
    });
    await store(rooms, slot, record);
    adopt(slot, record);
    assertGood(isGood);
  } finally {
    await lease.release();
  }
}

/** Takes in what the store has, where it is newer. `down` where it cannot be read. */
async function readNewer(
  { tokens, clock }: RefreshDeps,
  slot: TokenSlot,
): Promise<"adopted" | "known" | "down"> {
  let record: TokenRecord | undefined;
  try {
    record = await tokens.read(slot.id);
  } catch {
    return "down";
  }
  slot.hasRead = true;
  if (!record || !(await isOfThisLine(slot, record))) return "known";
  if (slot.record && record.generation <= slot.record.generation) return "known";
  // Written by a clock ahead of ours, it ends as much earlier by ours (K12).
  const ahead = Math.max(0, record.writtenAt - clock.now());
  const { expiresAt, issuedAt, skew } = record;
  slot.record = {
    ...record,
    expiresAt: expiresAt === undefined ? undefined : expiresAt - ahead,
    issuedAt: issuedAt - ahead,
    skew: skew === undefined ? undefined : skew + ahead,
  };
  return usableToken(slot, clock.now()) === undefined ? "known" : "adopted";
}

// Another refresh token configured begins another line: what the store has of the old one says nothing (F3).
async function isOfThisLine({ source }: TokenSlot, { originHash }: TokenRecord): Promise<boolean> {
  if (source.refreshToken === undefined || originHash === "") return true;
  return await isSameSecret(source.refreshToken, originHash);
}

/**
 * Writes that a refresh token is about to be sent. Who finds such a note without the token it was to bring knows that its
 * writer died between the server's answer and the store: sent once more it may be refused as used, and no third time.
 * Returns how many have died so.
 */
async function declare(
  { tokens, clock }: RefreshDeps,
  slot: TokenSlot,
  generation: number,
): Promise<number> {
  const token = refreshTokenOf(slot);
  if (token === undefined) return 0;
  try {
    // What is known of deaths before an outage stands in the record that settled it.
    let sent = slot.record?.unsure ?? 0;
    for (const { tokenHash } of await tokens.intents(slot.id))
      if (await isSameSecret(token, tokenHash)) sent++;
    if (sent >= SENT_AT_MOST) throw new TokenError({ step: "refresh", code: "UNSURE" });
    if (sent > 0) slot.unsure++;
    const tokenHash = await hashSecret(token);
    await tokens.writeIntent({
      credential: slot.id,
      generation,
      tokenHash,
      writtenAt: clock.now(),
    });
    return sent;
  } catch (error) {
    throw error instanceof TokenError
      ? error
      : new TokenError({ step: "refresh", code: "STORE", cause: error });
  }
}

/** We live, and know that nothing has come of it: what we declared says no more that somebody died (G9), what others did still does. */
async function settle(
  { tokens, clock }: RefreshDeps,
  slot: TokenSlot,
  generation: number,
  unsure: number,
): Promise<void> {
  const now = clock.now();
  const { refreshToken } = slot.source;
  const originHash = refreshToken === undefined ? "" : await hashSecret(refreshToken);
  const nothing = { accessToken: "", expiresAt: now, issuedAt: now, refreshToken, originHash };
  const old = slot.record ?? nothing;
  const record: TokenRecord = { ...old, credential: slot.id, generation, unsure, writtenAt: now };
  await tokens.write(record).then(
    () => (slot.record = record),
    () => {},
  );
}

async function ask(
  { clock, fetch }: RefreshDeps,
  slot: TokenSlot,
  generation: number,
  signal: AbortSignal,
): Promise<{ record: TokenRecord; isGood: boolean }> {
  const { source } = slot;
  const startedAt = clock.now();
  const refreshToken = refreshTokenOf(slot);
  const fresh = await unlessAborted(source.refresh({ refreshToken, fetch, clock, signal }), signal);
  const skew = (slot.skew = skewOf(fresh, startedAt, clock.now()));
  const record: TokenRecord = {
    credential: slot.id,
    generation,
    accessToken: fresh.accessToken,
    expiresAt:
      fresh.expiresAt ??
      (fresh.expiresIn === undefined ? undefined : startedAt + fresh.expiresIn * 1_000),
    issuedAt: startedAt,
    skew,
    refreshToken: fresh.refreshToken ?? refreshToken,
    originHash: source.refreshToken === undefined ? "" : await hashSecret(source.refreshToken),
    writtenAt: clock.now(),
  };
  assertOwn(slot, record);
  const isGood = usableToken({ ...slot, record, refused: undefined }, clock.now()) !== undefined;
  return { isGood, record: isGood ? record : withOldToken(slot, record) };
}

function assertGood(isGood: boolean): void {
  if (!isGood) throw new TokenError({ step: "refresh", code: "EXPIRED" });
}

// A source that does not listen to its signal must not keep everybody waiting (G10).
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new TokenError({ step: "refresh", code: "TIMEOUT" }));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

// The access token is of no use, but the refresh token that came with it is the only one that is good now (G7).
function withOldToken({ record: old }: TokenSlot, record: TokenRecord): TokenRecord {
  const { accessToken = "", expiresAt = record.issuedAt, issuedAt = record.issuedAt } = old ?? {};
  return { ...record, accessToken, expiresAt, issuedAt };
}

function assertOwn(slot: TokenSlot, record: TokenRecord): void {
  const before = slot.record && readClaims(slot.record.accessToken)?.subject;
  const after = readClaims(record.accessToken)?.subject;
  if (before !== undefined && after !== undefined && before !== after)
    throw new TokenError({ step: "refresh", code: "OTHER_ACCOUNT" });
}

// Until a rotated refresh token is stored, a kill would lose it: it is not used before (G7).
async function store(
  { tokens, clock, alarm }: RefreshDeps,
  slot: TokenSlot,
  record: TokenRecord,
): Promise<void> {
  for (let tried = 1; ; tried++) {
    try {
      return await tokens.write(record);
    } catch (error) {
      if (!slot.source.rotates) return;
      // Another instance has stored a newer one under a later lease: ours is read by nobody (M3).
      if ((error as { code?: unknown }).code === "STALE_GENERATION")
        throw new TokenError({ step: "refresh", code: "STORE" });
      if (tried === 1) alarm(slot.id);
      await pause(clock, Math.min(1_000 * 2 ** tried, LONGEST_PAUSE));
    }
  }
}

function adopt(slot: TokenSlot, record: TokenRecord): void {
  if (slot.record && slot.record.generation > record.generation) return;
  if (record.accessToken !== slot.refused) slot.refused = undefined;
  slot.record = record;
  slot.refreshes++;
}

/** The refresh token to send: the newest that is known. */
function refreshTokenOf({ record, source }: TokenSlot): string | undefined {
  return record?.refreshToken ?? source.refreshToken;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
