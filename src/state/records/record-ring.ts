/** Records with one generation each, in a ring of a few places, so that no write ever replaces the newest one (G7, M3). */
import type { Fields } from "../../shared/json.ts";
import type { Quarantine } from "../store/quarantine.ts";
import type { Faults } from "../store/store-faults.ts";
import { readItem, readItems, type StateStorage, type StoredValue } from "../store/storage.ts";
import { type RecordReading, readStored } from "./record-kinds.ts";
import type { StateKeys } from "./record-keys.ts";

/** Each write of a credential's record is made under a lease, whose generation it carries. */
export interface GenerationRecord {
  credential: string;
  generation: number;
}

export interface RingKind<R> {
  letter: "t" | "n";
  name: string;
  toStored(record: R): StoredValue;
  /** `undefined` if a field has an invalid value. */
  fromStored(fields: Fields): R | undefined;
}

export interface RingDeps {
  storage: StateStorage;
  keys: StateKeys;
  quarantine: Quarantine;
  faults: Faults;
}

/**
 * A generation is stored in the place of its number modulo this, or in the next place if the newest generation is there: numbers
 * are skipped by holders that wrote nothing. A writer reads all places before it writes.
 */
const PLACES = 4;

interface RingPlace<R> {
  key: string;
  reading: RecordReading<R>;
}

export class RecordRing<R extends GenerationRecord> {
  readonly #deps: RingDeps;
  readonly #kind: RingKind<R>;

  constructor(deps: RingDeps, kind: RingKind<R>) {
    this.#deps = deps;
    this.#kind = kind;
  }

  /** Every generation that is stored. Rejects when the store cannot be read, or holds a record of a newer version. */
  async read(credential: string): Promise<R[]> {
    return (await this.readAll(credential)).records;
  }

  /** The same, and the keys of the places that hold a broken record. */
  async readAll(credential: string): Promise<{ records: R[]; torn: string[] }> {
    const records: R[] = [];
    const torn: string[] = [];
    for (const place of await this.#look(credential)) {
      if (place.reading.kind === "record") records.push(place.reading.record);
      else await this.#reporting("token", () => this.#assertWritable(place));
      if (place.reading.kind === "broken") torn.push(place.key);
    }
    return { records, torn };
  }

  /** Removes broken records, which have been copied to quarantine. */
  async clear(torn: readonly string[]): Promise<void> {
    await Promise.all(torn.map((key) => this.#deps.storage.removeItem(key)));
  }

  /** Rejects with `StaleGeneration` when a later generation is stored already. */
  async write(record: R): Promise<void> {
    const { credential, generation } = record;
    const places = await this.#look(credential);
    for (const place of places)
      if (place.reading.kind === "newer")
        await this.#reporting("token", () => this.#assertWritable(place));
    const newest = newestOf(places);
    // A later lease has written: no reader would use this record.
    if (newest && newest.generation > generation) throw new StaleGeneration();
    const own = places[generation % PLACES]!;
    const isTaken = newest?.place === own && newest.generation < generation;
    const target = isTaken ? places[(generation + 1) % PLACES]! : own;
    await this.#reporting("token", async () => {
      await this.#assertWritable(target);
      await this.#deps.storage.setItem(target.key, this.#kind.toStored(record));
    });
    this.#deps.faults.clear("token");
  }

  /** Writes `record` unless its generation or a later one is stored. */
  async writeMissing(record: R): Promise<void> {
    const newest = newestOf(await this.#look(record.credential));
    if (newest && newest.generation >= record.generation) return;
    await this.write(record).catch((error: unknown) => {
      if (!(error instanceof StaleGeneration)) throw error;
    });
  }

  async remove(credential: string): Promise<void> {
    const keys = await this.#keysOf(credential);
    await Promise.all(keys.map((key) => this.#deps.storage.removeItem(key)));
  }

  async #look(credential: string): Promise<RingPlace<R>[]> {
    const found = await this.#reporting("token read", () => this.#readPlaces(credential));
    this.#deps.faults.clear("token read");
    return found;
  }

  async #readPlaces(credential: string): Promise<RingPlace<R>[]> {
    const { storage } = this.#deps;
    const keys = await this.#keysOf(credential);
    const values = new Map((await readItems(storage, keys)).map((it) => [it.key, it.value]));
    return Promise.all(
      keys.map(async (key) => {
        const reading = readStored(this.#kind, values.get(key));
        if (reading.kind !== "broken") return { key, reading };
        // Another process may be in mid-write: only a value that is broken at the second read counts as broken.
        return { key, reading: readStored(this.#kind, await readItem(storage, key)) };
      }),
    );
  }

  async #keysOf(credential: string): Promise<string[]> {
    const key = await this.#deps.keys.of(this.#kind.letter, [credential]);
    return Array.from({ length: PLACES }, (_, place) => `${key}-${place}`);
  }

  // A broken place is one whose writer died in mid-write: it is copied to quarantine, and the writer has left an intent. A record
  // of a newer version may be the newest token: going on without it would send a refresh token that has been used.
  async #assertWritable({ key, reading }: RingPlace<R>): Promise<void> {
    const { quarantine } = this.#deps;
    if (reading.kind === "broken") await quarantine.keep(key);
    if (reading.kind !== "newer") return;
    quarantine.skipNewer(key);
    throw new UnreadableRecord(key);
  }

  async #reporting<T>(during: "token" | "token read", work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#deps.faults.report(during, undefined, error);
      throw error;
    }
  }
}

interface Newest<R> {
  place: RingPlace<R>;
  generation: number;
}

function newestOf<R extends GenerationRecord>(
  places: readonly RingPlace<R>[],
): Newest<R> | undefined {
  let newest: Newest<R> | undefined;
  for (const place of places) {
    if (place.reading.kind !== "record") continue;
    const { generation } = place.reading.record;
    if (!newest || generation > newest.generation) newest = { place, generation };
  }
  return newest;
}

/** A later lease has written already: no reader would use this record. */
class StaleGeneration extends Error {
  override name = "StaleGeneration";
  readonly code = "STALE_GENERATION";
  constructor() {
    super("a later generation is stored already");
  }
}

/** A record of a newer version, which must not be overwritten. */
class UnreadableRecord extends Error {
  override name = "UnreadableRecord";
  readonly code = "NEWER_RECORD";
}
