/** Tokens, one record a generation: a few places in a ring, so that nothing is ever written over the newest one (G7, M3). */
import type { Fields } from "../shared/json.ts";
import type { IntentRecord, TokenRecord, TokenStore } from "../contract/state.ts";
import type { Quarantine } from "./store/quarantine.ts";
import type { ClockOffset } from "./store/clock-offset.ts";
import type { Faults } from "./store/store-faults.ts";
import { createSemaphore } from "../shared/semaphore.ts";
import type { StateKeys } from "./records/record-keys.ts";
import { createKnownRecords } from "./records/known-records.ts";
import {
  isCount,
  isName,
  isTime,
  type RecordReading,
  readStored,
  VERSION,
} from "./records/record-kinds.ts";
import type { Seal } from "./secrets/seal.ts";
import { readItem, readItems, type StateStorage, type StoredValue } from "./store/storage.ts";

export interface TokenStoreParts {
  storage: StateStorage;
  keys: StateKeys;
  seal: Seal;
  quarantine: Quarantine;
  faults: Faults;
  clockOffset: Pick<ClockOffset, "offset">;
}

/**
 * A generation stands in the place that its number says, or in the next one where the newest of all stands there: numbers
 * are skipped by holders that wrote nothing. Each looks at all places before it writes.
 */
const PLACES = 4;

const WRITTEN_BACK_AT_ONCE = 32;

/** A record as it is stored: what is secret in it sealed, the rest to be looked at by anybody. */
interface Sealed extends Omit<TokenRecord, "accessToken" | "refreshToken"> {
  secrets: string;
}

/** Tokens that can be put back into a store that was emptied. */
export interface KeptTokens extends TokenStore {
  /** Stores again what is missing of the newest tokens known, and of what was declared. Rejects when it cannot. */
  writeBack(isGone: (credential: string) => Promise<boolean>): Promise<void>;
}

export function createTokenStore(parts: TokenStoreParts): KeptTokens {
  const { storage, keys, seal, faults, clockOffset } = parts;
  /** By credential, sealed as they are stored. */
  const known = {
    tokens: createKnownRecords(laterOf<Sealed>),
    intents: createKnownRecords(laterOf<IntentRecord>),
  };

  const placesOf = async (kind: "t" | "n", credential: string): Promise<string[]> => {
    const key = await keys.of(kind, [credential]);
    return Array.from({ length: PLACES }, (_, place) => `${key}-${place}`);
  };

  /** Another process may be in mid-write: what is still broken at a second look is. */
  async function look<R>(kind: RingKind<R>, credential: string): Promise<RingPlace<R>[]> {
    const found = await reporting("token read", async () => {
      const places = await placesOf(kind.letter, credential);
      const values = new Map((await readItems(storage, places)).map((it) => [it.key, it.value]));
      return Promise.all(
        places.map(async (key) => {
          const reading = readStored(kind, values.get(key));
          if (reading.kind !== "broken") return { key, reading };
          return { key, reading: readStored(kind, await readItem(storage, key)) };
        }),
      );
    });
    faults.clear("token read");
    return found;
  }

  async function readRing<R>(kind: RingKind<R>, credential: string): Promise<R[]> {
    const found: R[] = [];
    for (const { key, reading } of await look(kind, credential)) {
      if (reading.kind === "record") found.push(reading.record);
      else await reporting("token", () => refuse(parts, key, reading));
    }
    return found;
  }

  async function write<R extends { generation: number }>(
    kind: RingKind<R>,
    credential: string,
    generation: number,
    value: StoredValue,
  ): Promise<void> {
    const places = await look(kind, credential);
    for (const { key, reading } of places)
      if (reading.kind === "newer") await reporting("token", () => refuse(parts, key, reading));
    const newest = newestOf(places);
    // Somebody with a later lease was here: nobody would read ours.
    if (newest && newest.generation > generation) throw new StaleGeneration();
    const own = places[generation % PLACES]!;
    const isTaken = newest?.place === own && newest.generation < generation;
    const target = isTaken ? places[(generation + 1) % PLACES]! : own;
    await reporting("token", async () => {
      await refuse(parts, target.key, target.reading);
      await storage.setItem(target.key, value);
    });
    faults.clear("token");
  }

  async function writeMissing<R extends Generation & { credential: string }>(
    kind: RingKind<R>,
    record: R,
    value: StoredValue,
  ): Promise<void> {
    const newest = newestOf(await look(kind, record.credential));
    if (newest && newest.generation >= record.generation) return;
    await write(kind, record.credential, record.generation, value).catch((error: unknown) => {
      if (!(error instanceof StaleGeneration)) throw error;
    });
  }

  return {
    async read(credential) {
      const records = await readRing(TOKEN, credential);
      const newest = records.toSorted((a, b) => b.generation - a.generation)[0];
      if (newest) known.tokens.note(credential, newest);
      return newest && reporting("token", () => opened(newest));
    },
    async write(record) {
      const { credential, generation, accessToken, refreshToken, ...open } = record;
      const place = `token ${credential} ${generation}`;
      const text = JSON.stringify({ accessToken, refreshToken });
      const secrets = await reporting("token", () => seal.seal(text, place));
      const told = shiftTimes(open, clockOffset.offset());
      const sealed: Sealed = { credential, generation, ...told, secrets };
      await write(TOKEN, credential, generation, tokenToStored(sealed));
      known.tokens.note(credential, sealed);
    },
    async intents(credential) {
      const [intents, tokens] = await Promise.all([
        readRing(INTENT, credential),
        readRing(TOKEN, credential),
      ]);
      const newest = Math.max(0, ...tokens.map(({ generation }) => generation));
      return intents
        .filter(({ generation }) => generation > newest)
        .toSorted((a, b) => a.generation - b.generation);
    },
    async writeIntent(record) {
      const { credential, generation } = record;
      await write(INTENT, credential, generation, intentToStored(record));
      known.intents.note(credential, record);
    },
    async writeBack(isGone) {
      const gate = createSemaphore(WRITTEN_BACK_AT_ONCE);
      const back = async (credential: string, sealed: Sealed): Promise<void> => {
        if (await isGone(credential)) return;
        await writeMissing(TOKEN, sealed, tokenToStored(sealed));
      };
      const none = new Map<string, never>();
      await Promise.all(
        known.tokens.missingFrom(none).map(([id, sealed]) => gate.run(() => back(id, sealed))),
      );
      for (const [credential, intent] of known.intents.missingFrom(none)) {
        // Settled since: its token says so.
        if ((known.tokens.get(credential)?.generation ?? -1) >= intent.generation) continue;
        if (!(await isGone(credential))) await writeMissing(INTENT, intent, intentToStored(intent));
      }
    },
    async forget(credential) {
      known.tokens.drop(credential);
      known.intents.drop(credential);
      const places = await Promise.all([placesOf("t", credential), placesOf("n", credential)]);
      await Promise.all(places.flat().map((key) => storage.removeItem(key)));
    },
  };

  async function opened({ secrets, ...open }: Sealed): Promise<TokenRecord> {
    const place = `token ${open.credential} ${open.generation}`;
    const { accessToken, refreshToken } = JSON.parse(await seal.open(secrets, place)) as Pick<
      TokenRecord,
      "accessToken" | "refreshToken"
    >;
    return { ...shiftTimes(open, -clockOffset.offset()), accessToken, refreshToken };
  }

  async function reporting<T>(
    during: "token" | "token read",
    work: () => Promise<T> | T,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      faults.report(during, undefined, error);
      throw error;
    }
  }
}

/** The same record told by a clock that is `ahead` of the one it is told by now (K12). */
function shiftTimes<T extends Pick<TokenRecord, "expiresAt" | "issuedAt" | "writtenAt" | "skew">>(
  record: T,
  ahead: number,
): T {
  if (ahead === 0) return record;
  const { expiresAt, issuedAt, writtenAt, skew } = record;
  const moved = (at: number): number => Math.max(0, at + ahead);
  return {
    ...record,
    expiresAt: expiresAt === undefined ? undefined : moved(expiresAt),
    issuedAt: moved(issuedAt),
    writtenAt: moved(writtenAt),
    skew: skew === undefined ? undefined : skew - ahead,
  };
}

interface Generation {
  generation: number;
}

function laterOf<R extends Generation>(a: R, b: R): R {
  return b.generation > a.generation ? b : a;
}

interface RingKind<R> {
  letter: "t" | "n";
  name: string;
  fromStored(fields: Fields): R | undefined;
}

interface RingPlace<R> {
  key: string;
  reading: RecordReading<R>;
}

function newestOf<R extends { generation: number }>(
  places: readonly RingPlace<R>[],
): { place: RingPlace<R>; generation: number } | undefined {
  let newest: { place: RingPlace<R>; generation: number } | undefined;
  for (const place of places) {
    if (place.reading.kind !== "record") continue;
    const { generation } = place.reading.record;
    if (!newest || generation > newest.generation) newest = { place, generation };
  }
  return newest;
}

/** A later lease has written already: what was to be written is read by nobody. */
export class StaleGeneration extends Error {
  override name = "StaleGeneration";
  readonly code = "STALE_GENERATION";
  constructor() {
    super("a later generation stands in the store already");
  }
}

/** A record that must not be written over stands in the way. */
class UnreadableRecord extends Error {
  override name = "UnreadableRecord";
  readonly code = "NEWER_RECORD";
}

// A broken place is one that a writer died in: it is kept aside, and whoever died has left an intent. One of a newer version
// may be the newest token there is: going on without it would send a refresh token that has been used.
async function refuse(
  { quarantine }: TokenStoreParts,
  key: string,
  { kind }: RecordReading<unknown>,
): Promise<void> {
  if (kind === "broken") await quarantine.keep(key);
  if (kind !== "newer") return;
  quarantine.skipNewer(key);
  throw new UnreadableRecord(key);
}

/** Milliseconds, backwards too. */
function isSpan(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function tokenToStored({ expiresAt, skew, unsure, ...rest }: Sealed): StoredValue {
  const { credential, generation, issuedAt, originHash, writtenAt, secrets } = rest;
  const stored: StoredValue = {
    v: VERSION,
    kind: TOKEN.name,
    credential,
    generation,
    issuedAt,
    originHash,
    writtenAt,
    secrets,
  };
  if (expiresAt !== undefined) stored["expiresAt"] = expiresAt;
  if (skew !== undefined) stored["skew"] = skew;
  if (unsure) stored["unsure"] = unsure;
  return stored;
}

function intentToStored(record: IntentRecord): StoredValue {
  const { credential, generation, tokenHash, writtenAt } = record;
  return { v: VERSION, kind: INTENT.name, credential, generation, tokenHash, writtenAt };
}

const TOKEN: RingKind<Sealed> = {
  letter: "t",
  name: "token",
  fromStored(fields) {
    const {
      credential,
      generation,
      expiresAt,
      issuedAt,
      originHash,
      writtenAt,
      skew,
      unsure,
      secrets,
    } = fields;
    if (!isName(credential) || !isCount(generation) || !isName(secrets)) return undefined;
    if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
    if (skew !== undefined && !isSpan(skew)) return undefined;
    if (!isTime(issuedAt) || !isTime(writtenAt) || typeof originHash !== "string") return undefined;
    if (unsure !== undefined && !isCount(unsure)) return undefined;
    const known = { credential, generation, expiresAt, issuedAt, originHash, writtenAt, secrets };
    return { ...known, skew, unsure };
  },
};

const INTENT: RingKind<IntentRecord> = {
  letter: "n",
  name: "intent",
  fromStored({ credential, generation, tokenHash, writtenAt }) {
    if (!isName(credential) || !isCount(generation) || !isName(tokenHash) || !isTime(writtenAt))
      return undefined;
    return { credential, generation, tokenHash, writtenAt };
  },
};
