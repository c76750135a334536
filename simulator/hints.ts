// States the wait of a refusal in the requested places.
import type { HintPlace, SimulatedDialect } from "./behaviour.ts";

/** A wait, and where it is stated. */
export interface Hint {
  /** ms */
  wait: number;
  places: ReadonlySet<HintPlace>;
  /** UTC epoch ms, for waits that are stated as dates. */
  now: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Returns the headers that state a wait. */
export function hintHeaders(
  { wait, places, now }: Hint,
  dialect: SimulatedDialect | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (places.has("retry-after")) headers["retry-after"] = String(Math.ceil(wait / SECOND));
  if (places.has("retry-after-date")) headers["retry-after"] = new Date(now + wait).toUTCString();
  if (places.has("retry-after-ms")) headers["retry-after-ms"] = String(wait);
  return places.has("reset-header") ? { ...headers, ...resetHeaders(wait, now, dialect) } : headers;
}

/** Returns Google's `RetryInfo`, where the wait is stated there. */
export function retryInfo({ wait, places }: Hint): object[] {
  if (!places.has("retry-info")) return [];
  return [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${wait / SECOND}s` }];
}

/** Returns the reset in Google's `ErrorInfo`, where the wait is stated there. */
export function quotaReset({ wait, places, now }: Hint): Record<string, string> {
  if (!places.has("quota-reset")) return {};
  const quotaResetTimeStamp = new Date(now + wait).toISOString().replace(/\.\d+/, "");
  return { quotaResetDelay: toDuration(wait), quotaResetTimeStamp };
}

/** Formats a duration as these APIs do: `5h5m47s`, `1.5s`, `300ms`. */
export function toDuration(ms: number): string {
  if (ms < SECOND) return `${ms}ms`;
  const hours = Math.floor(ms / HOUR);
  const minutes = Math.floor((ms % HOUR) / MINUTE);
  const seconds = `${(ms % MINUTE) / SECOND}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function resetHeaders(
  wait: number,
  now: number,
  dialect: SimulatedDialect | undefined,
): Record<string, string> {
  if (dialect !== "anthropic") {
    return {
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": toDuration(wait),
    };
  }
  return {
    "anthropic-ratelimit-requests-remaining": "0",
    "anthropic-ratelimit-requests-reset": new Date(now + wait).toISOString(),
  };
}
