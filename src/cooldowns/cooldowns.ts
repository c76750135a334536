// The cooldowns of a relay: which key is closed until when, and why. A key opens by itself when its cooldown ends.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import { ANY } from "../shared/patterns.ts";
import { REASONS } from "../shared/reasons.ts";
import { type Cooldown, CooldownTable, closedUntil, ownerOf } from "./cooldown-table.ts";
import {
  countingAt,
  forgetAt,
  fromRecord,
  isBefore,
  isNewer,
  isSameIncident,
  provedShort,
  type Refusal,
} from "./cooldown-rules.ts";
import { Pace, PACED_FOR } from "./pace.ts";

/** One request's place in the paced return of a key. */
export interface Admission {
  key: Key;
  pace: Pace;
  /** Number of the wave that has admitted the request. */
  wave: number;
}

/** Maximum number of keys, and how many expired ones are deleted with each new key and at each pruning. */
const LIMIT = 100_000;
const ALONG_THE_WAY = 4;
const AT_ONCE = 10_000;

export class Cooldowns {
  readonly #table: CooldownTable;

  constructor({ limit = LIMIT }: { limit?: number } = {}) {
    this.#table = new CooldownTable(limit);
  }

  /** Number of keys, closed or not. */
  get size(): number {
    return this.#table.size;
  }

  /** Until when a key is closed, UTC epoch ms, without the levels above it; 0 if it is open. */
  until(credential: string, pool: string, family: string, now: number): number {
    const known = this.#table.find(credential, pool, family);
    const until = known ? closedUntil(known) : 0;
    return until > now ? until : 0;
  }

  get(key: Key): Cooldown | undefined {
    return this.#table.get(key);
  }

  /** The cooldowns that close a credential for a target now, from the narrowest to the widest level (D3). */
  closing(
    credential: string,
    { upstream, pool, family }: Omit<Key, "credential">,
    now: number,
  ): Cooldown[] {
    return this.#levels(credential, { upstream, pool, family }).filter(
      (it) => closedUntil(it) > now,
    );
  }

  /**
   * Takes a place in the paced return of every level between a credential and a target whose cooldown has ended: the only one at first
   * (F4), one of a wave later (F8). A level without a free place is closed to other requests until `settle`, `succeed` or `refuse`.
   */
  beginProbes(credential: string, target: Omit<Key, "credential">, now: number): Admission[] {
    if (this.size === 0) return [];
    const admissions: Admission[] = [];
    for (const it of this.#levels(credential, target)) {
      const pace = this.#paceOf(it, now);
      if (pace) admissions.push({ key: it.key, pace, wave: this.#admit(it, pace, now) });
    }
    return admissions;
  }

  /**
   * Gives a place back: its request was served, or has ended without an answer that counts. Returns how many
   * requests a key admits that was closed to others before; 0 if nothing has changed for them.
   */
  settle({ key, pace, wave }: Admission, isServed: boolean, now: number): number {
    const known = this.get(key);
    if (known?.pace !== pace || !pace.isActive(now)) return 0;
    if (isServed) pace.serve(wave, now);
    else pace.release(wave);
    if (known.probeUntil === pace.closedUntil) return 0;
    this.#put({ ...known, probeUntil: pace.closedUntil }, now);
    return pace.places;
  }

  /** The pace of a level that may be used now; `undefined` if its requests are not paced. Begins it with the first request. */
  #paceOf(it: Cooldown, now: number): Pace | undefined {
    if (closedUntil(it) > now) return undefined;
    if (it.pace?.isActive(now)) return it.pace;
    if (it.isOver || (it.stated && now >= it.until + PACED_FOR)) return undefined;
    const pace = it.pace ?? new Pace();
    pace.begin(!it.stated, now);
    this.#put({ ...it, pace, openedAt: now }, now);
    return pace;
  }

  #admit({ key }: Cooldown, pace: Pace, now: number): number {
    const wave = pace.admit(now);
    const known = this.get(key)!;
    const openedAt = pace.isTrial ? now : known.openedAt;
    if (known.probeUntil !== pace.closedUntil)
      this.#put({ ...known, openedAt, probeUntil: pace.closedUntil }, now);
    return wave;
  }

  #levels(credential: string, { upstream, pool, family }: Omit<Key, "credential">): Cooldown[] {
    const shared = ownerOf({ credential: ANY, upstream });
    return [
      this.#table.find(credential, pool, family),
      this.#table.find(credential, ANY, ANY),
      this.#table.find(shared, pool, family),
      this.#table.find(shared, ANY, ANY),
    ].filter((it) => it !== undefined);
  }

  /** The cooldown of the upstream itself that closes a target longest; `undefined` if none does. */
  sharedBy({ upstream, pool, family }: Omit<Key, "credential">, now: number): Cooldown | undefined {
    const shared = ownerOf({ credential: ANY, upstream });
    const narrow = this.#table.find(shared, pool, family);
    const wide = this.#table.find(shared, ANY, ANY);
    const isWide = wide && (!narrow || closedUntil(wide) > closedUntil(narrow));
    const longer = isWide ? wide : narrow;
    return longer && closedUntil(longer) > now ? longer : undefined;
  }

  /**
   * Applies a refusal. Returns the cooldown that it has begun, or `undefined` if it belongs to a known incident: a late
   * refusal neither extends nor shortens a cooldown (D6).
   */
  refuse(refused: Refusal, now: number): Cooldown | undefined {
    const { key, reason, hint, ladder, sentAt, isStep = true, isCapped } = refused;
    const last = this.get(key);
    if (last && (isBefore(sentAt, last) || isSameIncident(last, now))) return undefined;
    const known = countingAt(last, now);
    const step = isStep && REASONS[reason].climbs ? 1 : 0;
    const incidents = (known?.incidents ?? 0) + step;
    const distrusted = known !== undefined && provedShort(known, refused, now);
    const wait = hint === null || distrusted ? Math.max(hint ?? 0, ladder(incidents)) : hint;
    return this.#put(
      {
        key,
        reason,
        until: Math.max(now + wait, last?.until ?? 0),
        writtenAt: now,
        epoch: last?.epoch ?? 0,
        incidents,
        stated: hint !== null && !distrusted && !isCapped,
        openedAt: now,
        distrusted,
        isOver: false,
        probeUntil: 0,
        pace: (last?.pace ?? new Pace()).afterRefusal(now - sentAt),
      },
      now,
    );
  }

  /**
   * A request that was sent at `sentAt` has succeeded: opens this key, unless the success is older than the cooldown (D5, C7).
   * Returns what has changed for other instances; `undefined` if there was neither a cooldown nor a backoff.
   */
  succeed(key: Key, sentAt: number, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || known.isOver || isBefore(sentAt, known)) return undefined;
    if (known.until > now) return this.#openPaced(known, now);
    // The cooldown has ended by itself. Its epoch stays: another instance may have begun a new one meanwhile.
    const isPaced = known.pace?.isActive(now) && !known.pace.isTrial;
    const probeUntil = isPaced ? known.probeUntil : 0;
    const over = { ...known, incidents: 0, writtenAt: now, isOver: true, probeUntil };
    this.#put(over, now);
    return known.incidents > 0 || known.probeUntil > now ? over : undefined;
  }

  // A request that was sent into the cooldown was served: the others return as after a probe.
  #openPaced({ key, pace = new Pace() }: Cooldown, now: number): Cooldown | undefined {
    const cleared = this.clear(key, now);
    if (!cleared) return undefined;
    pace.beginServed(now);
    return this.#put({ ...cleared, pace }, now);
  }

  /** Opens a key and resets its backoff. The raised epoch overrides any later `until` of another instance. */
  clear(key: Key, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || (closedUntil(known) <= now && known.incidents === 0)) return undefined;
    return this.#put(
      {
        ...known,
        until: Math.min(known.until, now),
        writtenAt: now,
        epoch: known.epoch + 1,
        incidents: 0,
        distrusted: false,
        isOver: true,
        probeUntil: 0,
        pace: undefined,
      },
      now,
    );
  }

  /**
   * Replaces the end that the relay had chosen by the true one. Returns the cooldown, or `undefined` if it has been replaced
   * meanwhile. The raised epoch makes an earlier end win, too (A16).
   */
  restate({ key, openedAt }: Cooldown, until: number, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || known.openedAt !== openedAt || known.stated || known.until <= now)
      return undefined;
    const { epoch } = known;
    return this.#put({ ...known, until, writtenAt: now, epoch: epoch + 1, stated: true }, now);
  }

  /** Applies a record of the store. Wrong clocks of other instances are corrected where records are read (K12). */
  restore(record: CooldownRecord, now: number): Cooldown | undefined {
    const known = this.get(record.key);
    if (known && !isNewer(record, known)) return undefined;
    return this.#put(fromRecord(record, now), now);
  }

  /** All cooldowns that close a key now. */
  *all(now: number): Iterable<Cooldown> {
    for (const it of this.#table.all()) if (it.until > now) yield it;
  }

  /** Keys that are closed now, those under a probe included. */
  *closed(now: number): Iterable<Key> {
    for (const it of this.#table.all()) if (closedUntil(it) > now) yield it.key;
  }

  /** Deletes cooldowns that can no longer matter. */
  prune(now: number): void {
    this.#table.forget(now, AT_ONCE);
  }

  #put(cooldown: Cooldown, now: number): Cooldown {
    this.#table.forget(now, ALONG_THE_WAY);
    this.#table.put(cooldown, forgetAt(cooldown));
    return cooldown;
  }
}
