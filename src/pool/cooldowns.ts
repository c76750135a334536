// The one table of cooldowns: which key is closed until when, and why. A key opens by itself when its time has come.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/state.ts";
import type { Reason } from "../contract/verdict.ts";

export const ANY = "*";

export interface Cooldown extends CooldownRecord {
  /** When this window opened; a request sent before it proves nothing new (C6). */
  openedAt: number;
  /** The wait was stated and proved too short once: the ladder has taken over (C4). */
  distrusted: boolean;
}

/** What is asked of the table when a key was refused. */
export interface Refused {
  key: Key;
  reason: Reason;
  /** The stated wait, ready to use; `null` where none was stated. */
  hint: number | null;
  /** Chooses the wait for the n-th incident where none was stated. */
  ladder: (incidents: number) => number;
  /** When the refused request was sent. */
  sentAt: number;
}

/** Failures of one key within this time are one incident (C6). */
const INCIDENT = 2_000;
/** The ladder starts anew so long after the end of the last cooldown (C7). */
export const DECAY = 3_600_000;
/** The same refusal so soon after a stated window has ended shows that the statement was wrong (C4). */
const RIGHT_AFTER = 10_000;

export class Cooldowns {
  /** Credential → `pool \n family` → cooldown; nested, because most credentials have none. */
  readonly #table = new Map<string, Map<string, Cooldown>>();
  /** How many entries each `pool \n family` has, over all credentials. */
  readonly #families = new Map<string, number>();

  /** Returns until when a key is closed, counting only the very same level; 0 where it is open. */
  until(credential: string, pool: string, family: string, now: number): number {
    const until = this.#table.get(credential)?.get(`${pool}\n${family}`)?.until ?? 0;
    return until > now ? until : 0;
  }

  get(key: Key): Cooldown | undefined {
    return this.#table.get(credentialOf(key))?.get(`${key.pool}\n${key.family}`);
  }

  /** Returns every cooldown that closes a credential for a target now, from the narrowest to the widest level (D3). */
  closing(
    credential: string,
    { upstream, pool, family }: Omit<Key, "credential">,
    now: number,
  ): Cooldown[] {
    const keys: Key[] = [
      { credential, upstream, pool, family },
      { credential, upstream, pool: ANY, family: ANY },
      { credential: ANY, upstream, pool, family },
      { credential: ANY, upstream, pool: ANY, family: ANY },
    ];
    return keys
      .map((key) => this.get(key))
      .filter((it) => it !== undefined && it.until > now) as Cooldown[];
  }

  hasFamily(pool: string, family: string): boolean {
    return this.#families.has(`${pool}\n${family}`);
  }

  /**
   * Takes a refusal in. Returns the cooldown that it opened, or `undefined` where it belongs to an incident
   * that is already known: a straggler neither extends nor shortens a window (D6).
   */
  refuse({ key, reason, hint, ladder, sentAt }: Refused, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (known && (sentAt < known.openedAt || now - known.openedAt < INCIDENT)) return undefined;
    const isDecayed = !known || now >= known.until + DECAY;
    const incidents = isDecayed ? 1 : known.incidents + (climbs(reason) ? 1 : 0);
    const distrusted =
      !isDecayed && known.reason === reason && known.stated && now - known.until < RIGHT_AFTER;
    const wait = hint === null || distrusted ? Math.max(hint ?? 0, ladder(incidents)) : hint;
    return this.#put({
      key,
      reason,
      until: now + wait,
      writtenAt: now,
      epoch: known?.epoch ?? 0,
      incidents,
      stated: hint !== null && !distrusted,
      openedAt: now,
      distrusted,
    });
  }

  /** A request sent at `sentAt` succeeded: clears this key, unless the success is older than the window (D5, C7). */
  succeed(key: Key, sentAt: number, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || sentAt < known.openedAt) return undefined;
    return this.clear(key, now);
  }

  /** Opens a key on purpose and forgets its incidents; the raised epoch makes that win over any later `until`. */
  clear(key: Key, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known) return undefined;
    return this.#put({
      ...known,
      until: now,
      writtenAt: now,
      epoch: known.epoch + 1,
      incidents: 0,
    });
  }

  /** Takes in what a store remembers. The writer's clock may be wrong: it locks at most as long as it meant to (K12). */
  restore(record: CooldownRecord, now: number): Cooldown | undefined {
    const known = this.get(record.key);
    const until = Math.min(record.until, now + Math.max(0, record.until - record.writtenAt));
    if (
      known &&
      (known.epoch > record.epoch || (known.epoch === record.epoch && known.until >= until))
    )
      return undefined;
    return this.#put({
      ...record,
      until,
      openedAt: Math.min(record.writtenAt, now),
      distrusted: false,
    });
  }

  *all(now: number): Iterable<Cooldown> {
    for (const keys of this.#table.values())
      for (const it of keys.values()) if (it.until > now) yield it;
  }

  /** Forgets what can no longer matter. Returns the forgotten families. */
  prune(now: number): void {
    for (const keys of this.#table.values())
      for (const it of keys.values()) if (now >= it.until + DECAY) this.#remove(it.key);
  }

  #put(cooldown: Cooldown): Cooldown {
    const { key } = cooldown;
    const name = `${key.pool}\n${key.family}`;
    let keys = this.#table.get(credentialOf(key));
    if (!keys) this.#table.set(credentialOf(key), (keys = new Map()));
    if (!keys.has(name)) this.#families.set(name, (this.#families.get(name) ?? 0) + 1);
    keys.set(name, cooldown);
    return cooldown;
  }

  #remove(key: Key): void {
    const name = `${key.pool}\n${key.family}`;
    const keys = this.#table.get(credentialOf(key));
    if (!keys?.delete(name)) return;
    if (keys.size === 0) this.#table.delete(credentialOf(key));
    const left = this.#families.get(name)! - 1;
    if (left > 0) this.#families.set(name, left);
    else this.#families.delete(name);
  }
}

// Levels above a credential belong to an upstream; `\n` cannot stand in a credential's id together with them by chance.
function credentialOf(key: Key): string {
  return key.credential === ANY ? `${ANY}\n${key.upstream}` : key.credential;
}

// Only a quota climbs; a 5xx or a burst never makes the next quota window longer (C7).
function climbs(reason: Reason): boolean {
  return reason === "QUOTA_EXHAUSTED";
}
