// Quotas: a number of calls per credential × model, until a reset.
import type { Clock } from "../src/contract/clock.ts";
import type { Refuse, SimulatedDialect } from "./behaviour.ts";
import { toDuration } from "./hints.ts";
import type { Asked } from "./inbound.ts";
import { fits } from "./rules.ts";

export interface Quota {
  /** Credentials that the quota applies to, by name or secret; may contain `*`. @default all, each with its own count */
  credential?: string | readonly string[];
  model?: string | readonly string[];
  path?: string | readonly string[];
  /** Number of calls allowed in one window. */
  limit: number;
  /** Length of a window, in ms, from its first call on. Omitted: the quota is never renewed. */
  per?: number;
  /** What has its own count. @default "credential-model" */
  by?: "credential-model" | "credential" | "model" | "upstream";
  /** How it refuses. The wait is the time to the reset unless one is given. @default `quota`, `rate-limit` up to a minute */
  refuse?: Partial<Refuse>;
  /** Refuses without stating a wait. @default false */
  silent?: boolean;
}

/** The decision of the quotas on one call. */
export interface Admission {
  refuse?: Refuse;
  /** Rate-limit headers of an allowed call. */
  headers?: Record<string, string>;
}

export interface Quotas {
  /** Counts a call where all quotas allow it; otherwise returns the refusal and counts nothing. */
  admit(asked: Asked, credential: string): Admission;
  /** Starts all windows again. */
  refill(): void;
}

interface Window {
  used: number;
  /** UTC epoch ms; `Infinity` where there is no reset. */
  until: number;
}

interface Hit {
  quota: Quota;
  window: Window;
}

const MINUTE = 60_000;
const NOTHING: Admission = {};

/** Creates quotas, all unused. */
export function createQuotas(quotas: readonly Quota[], clock: Clock): Quotas {
  const windows = new Map<string, Window>();
  const windowOf = (quota: Quota, index: number, asked: Asked, credential: string): Window => {
    const key = `${index} ${keyOf(quota, asked, credential)}`;
    const found = windows.get(key);
    if (found !== undefined && found.until > clock.now()) return found;
    const fresh = { used: 0, until: clock.now() + (quota.per ?? Infinity) };
    windows.set(key, fresh);
    return fresh;
  };
  return {
    admit(asked, credential) {
      const hits: Hit[] = [];
      for (const [index, quota] of quotas.entries()) {
        if (!concerns(quota, asked, credential)) continue;
        hits.push({ quota, window: windowOf(quota, index, asked, credential) });
      }
      if (hits.length === 0) return NOTHING;
      const spent = hits.find(({ quota, window }) => window.used >= quota.limit);
      if (spent !== undefined) return { refuse: toRefuse(spent, clock.now()) };
      for (const { window } of hits) window.used++;
      return { headers: toHeaders(hits[0] as Hit, asked.dialect, clock.now()) };
    },
    refill: () => windows.clear(),
  };
}

function concerns(quota: Quota, asked: Asked, credential: string): boolean {
  const { credential: whom, model, path } = quota;
  if (asked.dialect === "auth" || asked.dialect === undefined) return false;
  if (whom !== undefined && !fits(whom, credential) && !fits(whom, asked.secret)) return false;
  if (path !== undefined && !fits(path, asked.path)) return false;
  return model === undefined || fits(model, asked.model ?? "");
}

function keyOf(quota: Quota, asked: Asked, credential: string): string {
  switch (quota.by ?? "credential-model") {
    case "credential":
      return credential;
    case "model":
      return asked.model ?? "";
    case "upstream":
      return "";
    default:
      return JSON.stringify([credential, asked.model]);
  }
}

function toRefuse({ quota, window }: Hit, now: number): Refuse {
  const kind = (quota.per ?? Infinity) <= MINUTE ? "rate-limit" : "quota";
  const wait = quota.silent || window.until === Infinity ? undefined : window.until - now;
  return { kind, wait, ...quota.refuse };
}

function toHeaders(
  { quota, window }: Hit,
  dialect: SimulatedDialect | undefined,
  now: number,
): Record<string, string> {
  const limit = String(quota.limit);
  const remaining = String(quota.limit - window.used);
  const hasReset = window.until !== Infinity;
  if (dialect === "anthropic") {
    const prefix = "anthropic-ratelimit-requests";
    const headers: Record<string, string> = {
      [`${prefix}-limit`]: limit,
      [`${prefix}-remaining`]: remaining,
    };
    if (hasReset) headers[`${prefix}-reset`] = new Date(window.until).toISOString();
    return headers;
  }
  if (dialect !== "openai") return {};
  const headers: Record<string, string> = {
    "x-ratelimit-limit-requests": limit,
    "x-ratelimit-remaining-requests": remaining,
  };
  if (hasReset) headers["x-ratelimit-reset-requests"] = toDuration(window.until - now);
  return headers;
}
