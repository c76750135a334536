/** Durations and points in time as upstreams write them. */

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const PART =
  /[\s,]*(?:and\s+)?(\d{1,15}(?:\.\d{1,12})?)\s*(milliseconds?|msecs?|ms|毫秒|seconds?|secs?|s|秒|minutes?|mins?|m|分钟|分|hours?|hrs?|h|小时|days?|d|天|weeks?|w|周)(?![a-z])/iy;

/**
 * Reads a duration in ms, rounded up: `5h5m47s`, `500ms`, `2 hours 5 minutes`, a bare number of seconds, `{seconds, nanos}`. Null for
 * anything else and for ≤ 0.
 */
export function parseDuration(value: unknown): number | null {
  if (typeof value === "number") return toWait(value * UNITS["s"]!);
  if (typeof value === "string") return parseText(value.slice(0, 80).trim());
  if (typeof value !== "object" || value === null || !("seconds" in value || "nanos" in value))
    return null;
  const { seconds = 0, nanos = 0 } = value as { seconds?: unknown; nanos?: unknown };
  return toWait(Number(seconds) * 1_000 + Number(nanos) / 1_000_000);
}

function parseText(text: string): number | null {
  if (/^\d+(?:\.\d+)?$/.test(text)) return toWait(Number(text) * 1_000);
  const read = readDuration(text, 0);
  return read && read.end === text.length ? toWait(read.ms) : null;
}

/** `1:23:45`; with two parts, hours and minutes could not be distinguished. */
const CLOCK = /(\d{1,4}):([0-5]\d):([0-5]\d(?:\.\d{1,9})?)(?![\d:])/y;

function readClock(text: string, from: number): { ms: number; end: number } | undefined {
  CLOCK.lastIndex = from;
  const [, hours, minutes, seconds] = CLOCK.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const ms = (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  return { ms, end: CLOCK.lastIndex };
}

/** Reads the duration that begins at `from`, with its unit, and returns where it ends. */
export function readDuration(text: string, from: number): { ms: number; end: number } | undefined {
  let ms = 0;
  let end = from;
  for (let part = partAt(text, end); part; part = partAt(text, end)) {
    ms += part.ms;
    end = part.end;
  }
  return end > from ? { ms, end } : readClock(text, from);
}

function partAt(text: string, at: number): { ms: number; end: number } | undefined {
  PART.lastIndex = at;
  const [, amount, unit] = PART.exec(text) ?? [];
  return amount && unit
    ? { ms: Number(amount) * unitOf(unit.toLowerCase()), end: PART.lastIndex }
    : undefined;
}

function unitOf(word: string): number {
  const chinese = { 毫秒: "ms", 秒: "s", 分钟: "m", 分: "m", 小时: "h", 天: "d", 周: "w" }[word];
  if (chinese) return UNITS[chinese]!;
  return word.startsWith("ms") || word.startsWith("milli") ? 1 : UNITS[word[0]!]!;
}

/** Rounds a wait up to whole ms; ignores the rounding errors of floating point numbers. */
export function toWait(ms: number): number | null {
  return ms > 0 && Number.isFinite(ms) ? Math.max(1, Math.ceil(ms - 1e-6)) : null;
}

/** Reads a point in time as UTC epoch ms: epoch seconds or ms (distinguished by size), or a date with its zone. Null for anything else. */
export function parseInstant(value: unknown): number | null {
  const text =
    typeof value === "number" ? String(value) : typeof value === "string" ? value.trim() : "";
  if (/^\d{9,16}(?:\.\d{1,9})?$/.test(text)) return toEpoch(Number(text));
  if (text.length > 64 || !/(?:Z|GMT|UTC|[+-]\d\d:?\d\d)$/i.test(text)) return null;
  const at = Date.parse(trimFraction(text));
  return Number.isNaN(at) ? null : at;
}

function toEpoch(count: number): number {
  if (count > 1e15) return count / 1_000;
  return count > 1e11 ? count : count * 1_000;
}

/** Cuts nanoseconds to ms: not every engine's `Date.parse` accepts nine digits. */
function trimFraction(text: string): string {
  return text.replace(/(\.\d{3})\d+/, "$1");
}
