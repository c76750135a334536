/** Reset headers of rate-limit windows: OpenAI's, the common `x-ratelimit-*`, Anthropic's, and those of the IETF drafts. */
import { parseDuration, parseInstant, toWait } from "./durations.ts";
import type { Hint } from "./refusal-case.ts";

type Lookup = (name: string) => string | undefined;

/** Header names of a window's reset, and of its remaining amount. */
const WINDOWS: readonly [reset: string, remaining: string][] = [
  ...["x-ratelimit", "x-rate-limit", "ratelimit"].flatMap((stem) =>
    [
      "",
      "-requests",
      "-tokens",
      "-requests-day",
      "-tokens-minute",
      "-requests-minute",
      "-tokens-day",
    ].map((kind): [string, string] => [`${stem}-reset${kind}`, `${stem}-remaining${kind}`]),
  ),
  ...["-requests", "-tokens", "-input-tokens", "-output-tokens", "-unified"].map(
    (kind): [string, string] => [
      `anthropic-ratelimit${kind}-reset`,
      `anthropic-ratelimit${kind}-remaining`,
    ],
  ),
];

interface Window {
  wait: number;
  from: string;
  spent: boolean;
}

/** Returns the reset of the windows with 0 remaining; where none is known, the longest one. */
export function resetOfHeaders(header: Lookup, receivedAt: number): Hint | undefined {
  const windows = [...namedWindows(header, receivedAt), ...draftWindows(header("ratelimit"))];
  const spent = windows.filter((window) => window.spent);
  const longest = (spent.length > 0 ? spent : windows).reduce<Window | undefined>(
    (best, window) => (best && best.wait >= window.wait ? best : window),
    undefined,
  );
  return longest && { wait: longest.wait, from: longest.from, window: true };
}

function namedWindows(header: Lookup, receivedAt: number): Window[] {
  const windows: Window[] = [];
  for (const [reset, remaining] of WINDOWS) {
    const wait = waitOf(header(reset), receivedAt);
    if (wait !== null) windows.push({ wait, from: reset, spent: isZero(header(remaining)) });
  }
  return windows;
}

function waitOf(value: string | undefined, receivedAt: number): number | null {
  if (value === undefined) return null;
  const at = parseInstant(value);
  return at === null ? parseDuration(value) : toWait(at - receivedAt);
}

function isZero(value: string | undefined): boolean {
  return value !== undefined && /^\s*0+(?:\.0+)?\s*$/.test(value);
}

/** `"default";r=0;t=30` of the newer draft, `limit=10, remaining=0, reset=30` of the older one. */
function draftWindows(value: string | undefined): Window[] {
  const windows: Window[] = [];
  for (const item of value?.slice(0, 1_024).split(/,(?=\s*")/) ?? []) {
    const wait = parseDuration(/\b(?:t|reset)\s?=\s?(\d+)/.exec(item)?.[1]);
    if (wait === null) continue;
    windows.push({
      wait,
      from: "ratelimit",
      spent: /\b(?:r|remaining)\s?=\s?0(?:[;,\s]|$)/.test(item),
    });
  }
  return windows;
}
