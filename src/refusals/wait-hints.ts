/** Waits that a refusal states, in priority order (C1): fields, then the message, then headers. */
import type { Refusal } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";
import type { Hint } from "./refusal-case.ts";
import { parseDuration, parseInstant, readDuration, toWait } from "./durations.ts";
import { resetOfHeaders } from "./reset-headers.ts";

type Reader = (value: unknown, receivedAt: number) => number | null;

const duration: Reader = (value) => parseDuration(value);
const milliseconds: Reader = (value) =>
  isNumeric(value) ? toWait(Number(value)) : parseDuration(value);
const instant: Reader = (value, receivedAt) => {
  const at = parseInstant(value);
  return at === null ? null : toWait(at - receivedAt);
};
const either: Reader = (value, receivedAt) =>
  instant(value, receivedAt) ?? (isEpoch(value) ? null : duration(value, receivedAt));

/** Fields in the order of C1, by name in lower case without separators. */
const FIELDS: readonly [RegExp, Reader][] = [
  [/^retrydelay$/, duration],
  [/^quotaresetdelay$/, duration],
  [
    /^(?:quotareset(?:timestamp|time|at)|resettime(?:stamp)?|resetat|resetdate|nextreset(?:time|at)?|retryat)$/,
    either,
  ],
  [/^(?:retryafter(?:seconds|secs?)?|retryin(?:seconds)?|waitseconds|waittime)$/, either],
  [/^retryafterm(?:s|illis|illiseconds)$/, milliseconds],
  [/^resets?(?:in|after)(?:seconds|secs?)?$/, duration],
  [/^resetsat$/, either],
  [/^estimatedtime$/, duration],
];

/** Finds the wait that a refusal states; undefined where it states none. */
export function findHint(refusal: Refusal, reading: BodyReading): Hint | undefined {
  const { receivedAt } = refusal;
  return (
    hintInFields(reading, receivedAt) ??
    hintInMessage(reading.text, receivedAt) ??
    hintInRetryHeaders((name) => refusal.header(name) ?? reading.headers.get(name), receivedAt) ??
    resetOfHeaders((name) => refusal.header(name) ?? reading.headers.get(name), receivedAt)
  );
}

function hintInFields(reading: BodyReading, receivedAt: number): Hint | undefined {
  for (const [pattern, read] of FIELDS) {
    for (const [name, value] of reading.waits) {
      const wait = pattern.test(name) ? read(value, receivedAt) : null;
      if (wait !== null) return { wait, from: name, window: false };
    }
  }
  return undefined;
}

const PHRASE =
  /\b(?:resets?|retry|retrying|try(?: it)? again|wait|available(?: again)?|replenished|renewed|refreshed|restored|retry[_-]after)[\s:,]{1,3}(?:(?:again|after|in|for|another|about|approximately|at least)[\s:]{1,3}){0,3}~?(?=\d)/gi;
const CHINESE =
  /(\d{1,9}(?:\.\d{1,9})?)\s?个?(毫秒|秒|分钟|分|小时|天)钟?(?:之后|以后|后)|(?:等待|还需|剩余)(?:时间)?[:： ]{0,2}(\d{1,9})\s?个?(毫秒|秒|分钟|小时|天)/;
const DATE =
  /\b(\d{4}-\d\d-\d\d)(?:T| at |\s)(\d\d:\d\d(?::\d\d)?(?:\.\d{1,9})?)\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?/g;

/** A number is a wait only directly after such a phrase (C3). */
export function hintInMessage(text: string, receivedAt: number): Hint | undefined {
  const wait = durationInMessage(text) ?? instantInMessage(text, receivedAt);
  return wait === null ? undefined : { wait, from: "message", window: false };
}

function durationInMessage(text: string): number | null {
  for (const phrase of text.matchAll(PHRASE)) {
    const read = readDuration(text, phrase.index + phrase[0].length);
    const wait = read ? toWait(read.ms) : null;
    if (wait !== null) return wait;
  }
  const chinese = CHINESE.exec(text);
  return chinese ? parseDuration(`${chinese[1] ?? chinese[3]}${chinese[2] ?? chinese[4]}`) : null;
}

function instantInMessage(text: string, receivedAt: number): number | null {
  for (const found of text.matchAll(DATE)) {
    const before = text.slice(Math.max(0, found.index - 40), found.index);
    if (!/reset|again|until|after|access|available|将在|于|至|到|后|重置|恢复|解除/i.test(before))
      continue;
    const zone = found[3] ?? zoneOfLanguage(text);
    const at = zone
      ? parseInstant(`${found[1]}T${found[2]}${zone.replace(/UTC|GMT/i, "Z")}`)
      : null;
    if (at !== null) return toWait(at - receivedAt);
  }
  const epoch = /\b(?:limit reached\||resets?(?: at)? )(\d{10}|\d{13})\b/i.exec(text);
  const at = epoch ? parseInstant(epoch[1]) : null;
  return at === null ? null : toWait(at - receivedAt);
}

/** A date without a time zone is not used, except in Chinese text: China has one time zone. */
function zoneOfLanguage(text: string): string | undefined {
  return /[\u4e00-\u9fff]/.test(text) ? "+08:00" : undefined;
}

function hintInRetryHeaders(
  header: (name: string) => string | undefined,
  receivedAt: number,
): Hint | undefined {
  for (const name of ["retry-after-ms", "x-ms-retry-after-ms"]) {
    const wait = milliseconds(header(name), receivedAt);
    if (wait !== null) return { wait, from: name, window: false };
  }
  const value = header("retry-after");
  const wait = value === undefined ? null : either(value, receivedAt);
  return wait === null ? undefined : { wait, from: "retry-after", window: false };
}

function isNumeric(value: unknown): boolean {
  return (
    typeof value === "number" ||
    (typeof value === "string" && /^\d{1,15}(?:\.\d{1,12})?$/.test(value.trim()))
  );
}

function isEpoch(value: unknown): boolean {
  return isNumeric(value) && Number(value) >= 1e9;
}
