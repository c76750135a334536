// Times as people say them, for log lines and messages; and points in time as the status and the hooks give them.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Largest first; each is followed by the next smaller one where that is not 0. */
const UNITS = [
  { name: "d", length: DAY },
  { name: "h", length: HOUR },
  { name: "min", length: MINUTE },
  { name: "s", length: SECOND },
] as const;
/** The last point in time whose year has four digits, which every reader of ISO dates understands. */
const LAST = 253_402_300_799_999;

/**
 * Says a duration given in ms: `450 ms`, `1.5 s`, `12 s`, `5 min`, `5 h 5 min`, `2 d 3 h`. Two units at most; what is smaller
 * is cut off.
 */
export function toDurationText(ms: number): string {
  if (!(ms > 0)) return "0 ms";
  if (ms === Infinity) return "an unlimited time";
  if (ms < SECOND) return `${Math.max(1, Math.floor(ms))} ms`;
  if (ms < 10 * SECOND) return `${Math.floor(ms / 100) / 10} s`;
  const at = UNITS.findIndex(({ length }) => ms >= length);
  const unit = UNITS[at]!;
  const next = UNITS[at + 1];
  const first = `${grouped(Math.floor(ms / unit.length))} ${unit.name}`;
  const rest = next === undefined ? 0 : Math.floor((ms % unit.length) / next.length);
  return rest > 0 ? `${first} ${rest} ${next!.name}` : first;
}

/** Says how long something lasted, given in ms, in whole seconds: `less than 1 s`, `12 s`, `5 h 5 min`. */
export function toSpanText(ms: number): string {
  return ms < SECOND ? "less than 1 s" : toDurationText(Math.floor(ms / SECOND) * SECOND);
}

/**
 * Says how long a wait of so many ms lasts from `now` (UTC epoch ms) on, and from a minute up until when:
 * `5 h 5 min, until 17:09 UTC`; with the date where that is not today in UTC: `2 h, until 2026-11-29 01:00 UTC`.
 * The end is never earlier than the wait's own.
 */
export function toWaitText(ms: number, now: number): string {
  const wait = ms < SECOND ? ms : Math.ceil(ms / SECOND) * SECOND;
  const text = toDurationText(wait);
  if (wait < MINUTE || !Number.isFinite(wait)) return text;
  const end = toISOTime(Math.ceil((now + ms) / MINUTE) * MINUTE);
  const [day = "", time = ""] = end.split("T");
  const isToday = toISOTime(now).startsWith(day);
  return `${text}, until ${isToday ? "" : `${day} `}${time.slice(0, 5)} UTC`;
}

/** Says a wait given in seconds, for a reader who needs the number as well: `12 s`, `5 h 5 min (18,347 s)`. */
export function toRetryText(seconds: number): string {
  const text = toDurationText(seconds * SECOND);
  return seconds * SECOND < MINUTE || !Number.isFinite(seconds)
    ? text
    : `${text} (${grouped(seconds)} s)`;
}

/**
 * Gives a point in time (UTC epoch ms) as an ISO UTC string. Never throws: before 1970 it is 1970, after the year 9999 the end of
 * that year, for what was said to have no end.
 */
export function toISOTime(at: number): string {
  return new Date(at > 0 ? Math.min(LAST, at) : 0).toISOString();
}

/** Whole seconds from `now` to `until` (both UTC epoch ms), rounded up; 0 where that is over. */
export function secondsUntil(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / SECOND));
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
