// The remaining quota, read from the rate-limit headers of an answer: OpenAI's, which most APIs use, and Anthropic's.
import { parseDuration, parseInstant } from "../refusals/durations.ts";

type Lookup = (name: string) => string | undefined;

export interface QuotaLeft {
  /** Remaining share, 0 to 1. */
  remaining: number;
  /** When the quota resets, UTC epoch ms. */
  resetAt: number | undefined;
}

const KINDS = ["-requests", "-tokens", "", "-input-tokens", "-output-tokens"];
const STEMS = ["x-ratelimit", "anthropic-ratelimit", "x-rate-limit", "ratelimit"];

/** Header names for limit, remaining and reset of each window, in the two orders that APIs use. */
const WINDOWS: readonly (readonly [string, string, string])[] = STEMS.flatMap((stem) =>
  KINDS.map((kind) =>
    stem === "anthropic-ratelimit"
      ? ([`${stem}${kind}-limit`, `${stem}${kind}-remaining`, `${stem}${kind}-reset`] as const)
      : ([`${stem}-limit${kind}`, `${stem}-remaining${kind}`, `${stem}-reset${kind}`] as const),
  ),
);

/** Returns the window with the smallest remaining share; `undefined` when no header states one. `receivedAt` is UTC epoch ms. */
export function readQuotaHeaders(header: Lookup, receivedAt: number): QuotaLeft | undefined {
  let least: QuotaLeft | undefined;
  for (const [limit, remaining, reset] of WINDOWS) {
    const left = shareOf(header(remaining), header(limit));
    if (left === undefined || (least && least.remaining <= left)) continue;
    least = { remaining: left, resetAt: resetOf(header(reset), receivedAt) };
  }
  return least;
}

function shareOf(remaining: string | undefined, limit: string | undefined): number | undefined {
  if (remaining === undefined || limit === undefined) return undefined;
  const [left, most] = [Number.parseFloat(remaining), Number.parseFloat(limit)];
  return left >= 0 && most > 0 ? Math.min(1, left / most) : undefined;
}

function resetOf(value: string | undefined, receivedAt: number): number | undefined {
  if (value === undefined) return undefined;
  const wait = parseDuration(value);
  return parseInstant(value) ?? (wait === null ? undefined : receivedAt + wait);
}
