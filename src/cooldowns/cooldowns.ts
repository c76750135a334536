// The one table of cooldowns: which key is closed until when, and why. A key opens by itself when its time has come.
import type { Key } from "../contract/credential.ts";
import type { CooldownRecord } from "../contract/records.ts";
import type { Reason } from "../contract/verdict.ts";
import { ANY } from "../shared/patterns.ts";
import { REASONS } from "../shared/reasons.ts";
import { type Cooldown, CooldownTable, closedUntil, ownerOf } from "./cooldown-table.ts";

/** What is asked of the table when a key was refused. */
export interface Refusal {
  key: Key;
  reason: Reason;
  /** The stated wait, ready to use; `null` where none was stated. */
  hint: number | null;
  /** Chooses the wait for the n-th incident where none was stated. */
  ladder: (incidents: number) => number;
  /** When the refused request was sent. */
  sentAt: number;
  /** The upstream stated more than the longest wait: the end is ours, and a trial is due then (C4). */
  isCapped?: boolean;
  /** False for a refusal that is no step on the ladder (C9). @default true */
  isStep?: boolean;
}

/** Failures of one key within this time are one incident (C6). */
const INCIDENT = 2_000;
/** The ladder starts anew so long after the end of the last cooldown (C7). */
export const DECAY = 3_600_000;
/** The same refusal so soon after a stated window has ended shows that the statement was wrong (C4). */
const RIGHT_AFTER = 10_000;
/** A trial that has neither succeeded nor failed by then makes room for another. */
const TRIAL = 60_000;
/** How many keys are remembered at most, and how many of the dead are taken out with each new one, and at each pruning. */
const LIMIT = 100_000;
const ALONG_THE_WAY = 4;
const AT_ONCE = 10_000;

export class Cooldowns {
  readonly #table: CooldownTable;

  constructor({ limit = LIMIT }: { limit?: number } = {}) {
    this.#table = new CooldownTable(limit);
  }

  /** How many keys are remembered, closed or not. */
  get size(): number {
    return this.#table.size;
  }

  /** Returns until when a key is closed, counting only the very same level; 0 where it is open. */
  until(credential: string, pool: string, family: string, now: number): number {
    const known = this.#table.find(credential, pool, family);
    const until = known ? closedUntil(known) : 0;
    return until > now ? until : 0;
  }

  get(key: Key): Cooldown | undefined {
    return this.#table.get(key);
  }

  /** Returns every cooldown that closes a credential for a target now, from the narrowest to the widest level (D3). */
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
   * Begins a trial of every level that stands between a credential and a target whose end was our own choice and has
   * come. Returns the cooldowns on trial; all others stay away from them until `endTrial`, `succeed` or `refuse`.
   */
  beginTrials(credential: string, target: Omit<Key, "credential">, now: number): Cooldown[] {
    if (this.size === 0) return [];
    return this.#levels(credential, target)
      .filter((it) => !it.stated && !it.isOver && closedUntil(it) <= now)
      .map((it) => this.#put({ ...it, openedAt: now, trialUntil: now + TRIAL }, now));
  }

  /** Ends a trial that showed nothing: the next request may try. Returns false where it is over already. */
  endTrial({ key, openedAt, trialUntil }: Cooldown, now: number): boolean {
    const known = this.get(key);
    if (!known || known.openedAt !== openedAt || known.trialUntil !== trialUntil) return false;
    this.#put({ ...known, trialUntil: 0 }, now);
    return true;
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

  /** Returns the cooldown of the upstream itself that closes a target longest; `undefined` where none does. */
  sharedBy({ upstream, pool, family }: Omit<Key, "credential">, now: number): Cooldown | undefined {
    const shared = ownerOf({ credential: ANY, upstream });
    const narrow = this.#table.find(shared, pool, family);
    const wide = this.#table.find(shared, ANY, ANY);
    const isWide = wide && (!narrow || closedUntil(wide) > closedUntil(narrow));
    const longer = isWide ? wide : narrow;
    return longer && closedUntil(longer) > now ? longer : undefined;
  }

  /**
   * Takes a refusal in. Returns the cooldown that it opened, or `undefined` where it belongs to an incident
   * that is already known: a straggler neither extends nor shortens a window (D6).
   */
  refuse(refused: Refusal, now: number): Cooldown | undefined {
    const { key, reason, hint, ladder, sentAt, isStep = true, isCapped } = refused;
    const last = this.get(key);
    if (last && (isBefore(sentAt, last) || isSameIncident(last, now))) return undefined;
    const known = last && now < last.until + DECAY ? last : undefined;
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
        trialUntil: 0,
      },
      now,
    );
  }

  /**
   * A request sent at `sentAt` succeeded: clears this key, unless the success is older than the window (D5, C7).
   * Returns what has changed for others; nothing has where there was neither a window nor a ladder.
   */
  succeed(key: Key, sentAt: number, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || known.isOver || isBefore(sentAt, known)) return undefined;
    if (known.until > now) return this.clear(key, now);
    // The window has ended by itself. Its epoch stays: another instance may have met a new one meanwhile.
    const over = { ...known, incidents: 0, writtenAt: now, isOver: true, trialUntil: 0 };
    this.#put(over, now);
    return known.incidents > 0 || known.trialUntil > now ? over : undefined;
  }

  /** Opens a key on purpose and forgets its incidents; the raised epoch makes that win over any later `until`. */
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
        trialUntil: 0,
      },
      now,
    );
  }

  /**
   * The end of a window that we had chosen is known now. Returns the window with its true end, `undefined` where it is not
   * that window any more; the raised epoch makes an earlier end win, too (A16).
   */
  restate({ key, openedAt }: Cooldown, until: number, now: number): Cooldown | undefined {
    const known = this.get(key);
    if (!known || known.openedAt !== openedAt || known.stated || known.until <= now)
      return undefined;
    const { epoch } = known;
    return this.#put({ ...known, until, writtenAt: now, epoch: epoch + 1, stated: true }, now);
  }

  /** Takes in what a store remembers. That a writer's clock may be wrong is seen to where records are read (K12). */
  restore(record: CooldownRecord, now: number): Cooldown | undefined {
    const known = this.get(record.key);
    if (known && !isNewer(record, known)) return undefined;
    return this.#put(fromRecord(record, now), now);
  }

  /** All cooldowns in force. */
  *all(now: number): Iterable<Cooldown> {
    for (const it of this.#table.all()) if (it.until > now) yield it;
  }

  /** Keys that are closed now, those on trial included. */
  *closed(now: number): Iterable<Key> {
    for (const it of this.#table.all()) if (closedUntil(it) > now) yield it.key;
  }

  /** Forgets what can no longer matter. */
  prune(now: number): void {
    this.#table.forget(now, AT_ONCE);
  }

  #put(cooldown: Cooldown, now: number): Cooldown {
    this.#table.forget(now, ALONG_THE_WAY);
    this.#table.put(cooldown, forgetAt(cooldown));
    return cooldown;
  }
}

// Whatever went out in the very millisecond in which a window opened went out before it: nothing does afterwards.
function isBefore(sentAt: number, { openedAt, until }: Cooldown): boolean {
  return sentAt < openedAt || (sentAt === openedAt && until > openedAt);
}

function isSameIncident({ openedAt, until }: Cooldown, now: number): boolean {
  return until > now && now - openedAt < INCIDENT;
}

function provedShort(known: Cooldown, { reason, sentAt }: Refusal, now: number): boolean {
  const wasTrusted = known.stated || known.distrusted;
  const isRightAfter = sentAt >= known.until && now - known.until < RIGHT_AFTER;
  return wasTrusted && !known.isOver && known.reason === reason && isRightAfter;
}

// Field by field: a spread that fields are added to costs fifteen times as much, and a start has many of them.
function fromRecord(record: CooldownRecord, now: number): Cooldown {
  const { key, reason, until, writtenAt, epoch, incidents, stated } = record;
  return {
    key,
    reason,
    until,
    writtenAt,
    epoch,
    incidents,
    stated,
    openedAt: Math.min(writtenAt, now),
    distrusted: false,
    isOver: incidents === 0 && until <= now,
    trialUntil: 0,
  };
}

function isNewer(record: CooldownRecord, known: Cooldown): boolean {
  return record.epoch === known.epoch ? record.until > known.until : record.epoch > known.epoch;
}

// For as long as a ladder counts, and a straggler may come; a clearing, for as long as a store may hold what it cleared.
function forgetAt({ until, epoch }: Cooldown): number {
  return until + (epoch > 0 ? 3 : 1) * DECAY;
}
