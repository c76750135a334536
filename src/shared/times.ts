// Formats times: durations for log lines and messages, points in time for the status and the hooks.

import type { Clock } from "../contract/clock.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Largest first; a duration is followed by the next smaller unit where that is not 0. */
const UNITS = [
  { name: "d", length: DAY },
  { name: "h", length: HOUR },
  { name: "min", length: MINUTE },
  { name: "s", length: SECOND },
] as const;
/** The last point in time (UTC epoch ms) with a four-digit year, which every reader of ISO dates accepts. */
const LAST = 253_402_300_799_999;

/** Formats a duration in ms: `450 ms`, `1.5 s`, `12 s`, `5 min`, `5 h 5 min`, `2 d 3 h`. At most two units; the rest is cut off. */
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

/** Formats how long something lasted, in ms, in whole seconds: `less than 1 s`, `12 s`, `5 h 5 min`. */
export function toSpanText(ms: number): string {
  return ms < SECOND ? "less than 1 s" : toDurationText(Math.floor(ms / SECOND) * SECOND);
}

/**
 * Formats a wait in ms that starts at `now` (UTC epoch ms), from a minute up with its end: `5 h 5 min, until 17:09 UTC`; with the date
 * where that is not today in UTC: `2 h, until 2026-11-29 01:00 UTC`. The end shown is never earlier than the real one.
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

/** The same for a line that programs search, too: whole seconds, and from a minute up how people say them: `300 s (5 min, until 12:05 UTC)`. */
export function toSecondsText(ms: number, now: number): string {
  const text = toWaitText(ms, now);
  return ms < MINUTE || !Number.isFinite(ms) ? text : `${Math.ceil(ms / SECOND)} s (${text})`;
}

/** Formats a wait in seconds, with the number for programs: `12 s`, `5 h 5 min (18,347 s)`. */
export function toRetryText(seconds: number): string {
  const text = toDurationText(seconds * SECOND);
  return seconds * SECOND < MINUTE || !Number.isFinite(seconds)
    ? text
    : `${text} (${grouped(seconds)} s)`;
}

/**
 * Formats a point in time (UTC epoch ms) as an ISO UTC string. Never throws: before 1970 it is 1970, after the year 9999 (waits without an
 * end) the end of that year.
 */
export function toISOTime(at: number): string {
  return new Date(at > 0 ? Math.min(LAST, at) : 0).toISOString();
}

/** Whole seconds from `now` to `until` (both UTC epoch ms), rounded up; 0 where `until` has passed. */
export function secondsUntil(until: number, now: number): number {
  return Math.max(0, Math.ceil((until - now) / SECOND));
}

function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** The time of the machine's wall clock, UTC epoch ms: for times that other processes compare, or that a service states (K12). */
export function wallTime(clock: Clock): number {
  return clock.wall?.() ?? clock.now();
}
