/** Tokens, one record a generation: a few places in a ring, so that nothing is ever written over the newest one (G7, M3). */
import type { IntentRecord, TokenRecord, TokenStore } from "../contract/state.ts";
import type { Aside } from "./aside.ts";
import type { Faults } from "./faults.ts";
import type { StateKeys } from "./keys.ts";
import {
  type Fields,
  isCount,
  isName,
  isTime,
  type Reading,
  readStored,
  VERSION,
} from "./records.ts";
import type { Seal } from "./seal.ts";
import { readItems, type StateStorage, type StoredValue } from "./storage.ts";

export interface TokenStoreParts {
  storage: StateStorage;
  keys: StateKeys;
  seal: Seal;
  aside: Aside;
  faults: Faults;
}

/**
 * A generation stands in the place that its number says. Whoever comes late by less than a whole round of leases cannot
 * reach the place of the newest one; and each reads a place before it writes there.
 */
const PLACES = 4;

/** A record as it is stored: what is secret in it sealed, the rest to be looked at by anybody. */
interface Sealed extends Omit<TokenRecord, "accessToken" | "refreshToken"> {
  secrets: string;
}

export function createTokenStore(parts: TokenStoreParts): TokenStore {
  const { storage, keys, seal, faults } = parts;

  const placesOf = async (kind: "t" | "n", credential: string): Promise<string[]> => {
    const key = await keys.of(kind, [credential]);
    return Array.from({ length: PLACES }, (_, place) => `${key}-${place}`);
  };

  async function readRing<R>(
    kind: { letter: "t" | "n"; name: string; fromStored(fields: Fields): R | undefined },
    credential: string,
  ): Promise<R[]> {
    const places = await placesOf(kind.letter, credential);
    const items = await readItems(storage, places);
    const found: R[] = [];
    for (const { key, value } of items) {
      const reading = readStored(kind, value);
      if (reading.is === "record") found.push(reading.record);
      else await refuse(parts, key, reading);
    }
    return found;
  }

  async function write(
    kind: {
      letter: "t" | "n";
      name: string;
      fromStored(fields: Fields): { generation: number } | undefined;
    },
    credential: string,
    generation: number,
    value: StoredValue,
  ): Promise<void> {
    const place = (await placesOf(kind.letter, credential))[generation % PLACES]!;
    const [item] = await readItems(storage, [place]);
    const reading = readStored(kind, item?.value);
    if (reading.is === "newer" || reading.is === "broken") await refuse(parts, place, reading);
    // Somebody with a later lease was here: nobody would read ours.
    if (reading.is === "record" && reading.record.generation > generation)
      throw new StaleGeneration();
    await storage.setItem(place, value);
    faults.clear("token");
  }

  return {
    async read(credential) {
      try {
        const records = await readRing(TOKEN, credential);
        const newest = records.toSorted((a, b) => b.generation - a.generation)[0];
        return newest && (await opened(newest));
      } catch (error) {
        throw reported(error);
      }
    },
    async write(record) {
      const { credential, generation, accessToken, refreshToken, ...open } = record;
      const place = `token ${credential} ${generation}`;
      const text = JSON.stringify({ accessToken, refreshToken });
      try {
        const secrets = await seal.seal(text, place);
        const { expiresAt, issuedAt, originHash, writtenAt } = open;
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
        await write(TOKEN, credential, generation, stored);
      } catch (error) {
        throw reported(error);
      }
    },
    async intents(credential) {
      try {
        const [intents, tokens] = await Promise.all([
          readRing(INTENT, credential),
          readRing(TOKEN, credential),
        ]);
        const newest = Math.max(0, ...tokens.map(({ generation }) => generation));
        return intents
          .filter(({ generation }) => generation > newest)
          .toSorted((a, b) => a.generation - b.generation);
      } catch (error) {
        throw reported(error);
      }
    },
    async writeIntent({ credential, generation, tokenHash, writtenAt }) {
      try {
        await write(INTENT, credential, generation, {
          v: VERSION,
          kind: INTENT.name,
          credential,
          generation,
          tokenHash,
          writtenAt,
        });
      } catch (error) {
        throw reported(error);
      }
    },
    async forget(credential) {
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
    return { ...open, accessToken, refreshToken };
  }

  function reported(error: unknown): unknown {
    if (!(error instanceof StaleGeneration)) faults.report("token", undefined, error);
    return error;
  }
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
  { aside }: TokenStoreParts,
  key: string,
  { is }: Reading<unknown>,
): Promise<void> {
  if (is === "broken") await aside.keep(key);
  if (is !== "newer") return;
  aside.leave(key);
  throw new UnreadableRecord(key);
}

const TOKEN: {
  letter: "t";
  name: string;
  fromStored(fields: Fields): Sealed | undefined;
} = {
  letter: "t",
  name: "token",
  fromStored({ credential, generation, expiresAt, issuedAt, originHash, writtenAt, secrets }) {
    if (!isName(credential) || !isCount(generation) || !isName(secrets)) return undefined;
    if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
    if (!isTime(issuedAt) || !isTime(writtenAt) || typeof originHash !== "string") return undefined;
    return { credential, generation, expiresAt, issuedAt, originHash, writtenAt, secrets };
  },
};

const INTENT: {
  letter: "n";
  name: string;
  fromStored(fields: Fields): IntentRecord | undefined;
} = {
  letter: "n",
  name: "intent",
  fromStored({ credential, generation, tokenHash, writtenAt }) {
    if (!isName(credential) || !isCount(generation) || !isName(tokenHash) || !isTime(writtenAt))
      return undefined;
    return { credential, generation, tokenHash, writtenAt };
  },
};
