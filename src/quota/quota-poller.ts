// The remaining quota of each credential: read from answers, polled at intervals (A9), and requested once after a refusal (A16).
import type { CancelTimer, Clock } from "../contract/clock.ts";
import type { Key } from "../contract/credential.ts";
import type { QuotaAnswer, QuotaSource } from "../contract/quota-source.ts";
import type { Target } from "../contract/target.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Reporter } from "../observe/reporter.ts";
import { ANY } from "../shared/patterns.ts";
import { wallTime } from "../shared/times.ts";
import { readQuotaHeaders } from "./quota-headers.ts";
import { QuotaRequests } from "./quota-requests.ts";
import type { QuotaReading } from "./quota-index.ts";

export interface QuotaPoller {
  /** Reads the headers of an answer. Does nothing when neither strategy nor quota protection uses quotas. */
  readHeaders(
    header: (name: string) => string | undefined,
    credential: string,
    target: Target,
  ): void;
  /**
   * Requests when the limit of a key resets, after a cooldown that came from the backoff. Resolves with UTC epoch ms, or `undefined`
   * when that is unknown.
   */
  resetOf(key: Key, model: string): Promise<number | undefined>;
  /** Starts to poll at intervals. */
  start(): void;
  stop(): void;
}

export interface QuotaPollerDeps {
  config: {
    scheduling: { strategy: unknown; protect: unknown };
    upstreams: ReadonlyMap<string, QuotaUpstream>;
  };
  /** By upstream. */
  pools: ReadonlyMap<string, QuotaPool>;
  tokens: { getCached(credential: string): string | undefined };
  disabled: Pick<DisabledCredentials, "get">;
  clock: Clock;
  reporter: Pick<Reporter, "warn">;
}

interface QuotaUpstream {
  name: string;
  quota: QuotaSource | undefined;
  /** Time between two polls, in ms. */
  quotaEvery: number | false;
  pools: readonly { name: string }[];
}

interface QuotaPool {
  readonly credentials: readonly { id: string }[];
  setQuota(
    credential: string,
    of: { pool: string; family: string; model: string },
    reading: QuotaReading,
    now: number,
  ): void;
}

export interface QuotaPollerOptions {
  /** Passed on to quota sources. */
  fetch: typeof fetch;
  /** The family of models that share a model's limit. */
  familyOf(model: string): string;
  /** Called after a poll of an upstream that found full quotas, by credential. */
  onFull(upstream: string, full: ReadonlyMap<string, FullQuota>): void;
}

/** A quota that is full again, as its source says. */
export interface FullQuota {
  /** When the source was asked (the clock's time): an older refusal no longer holds. */
  askedAt: number;
  /** True for a family of models whose quota is full; `"*"` is every model. */
  isFull(family: string): boolean;
}

type Remaining = Pick<QuotaAnswer, "remaining" | "resetAt">;

/** Number of quota requests at the same time. */
const CONCURRENCY = 4;
/** Share of a quota from which it counts as full: other clients of the same account may have used a little. */
const FULL = 0.9;

export function createQuotaPoller(deps: QuotaPollerDeps, options: QuotaPollerOptions): QuotaPoller {
  return new Poller(deps, options);
}

class Poller implements QuotaPoller {
  readonly #deps: QuotaPollerDeps;
  readonly #familyOf: QuotaPollerOptions["familyOf"];
  readonly #onFull: QuotaPollerOptions["onFull"];
  readonly #requests: QuotaRequests;
  readonly #timers = new Map<string, CancelTimer>();
  readonly #usesHeaders: boolean;
  #isStopped = false;

  constructor(deps: QuotaPollerDeps, { fetch, familyOf, onFull }: QuotaPollerOptions) {
    const { config, tokens, clock, reporter } = deps;
    const { strategy, protect } = config.scheduling;
    this.#deps = deps;
    this.#familyOf = familyOf;
    this.#onFull = onFull;
    this.#usesHeaders = strategy === "quota" || typeof strategy === "function" || protect !== false;
    this.#requests = new QuotaRequests({
      clock,
      fetch,
      getSecret: (credential) => tokens.getCached(credential),
      warn: (message) => reporter.warn(message),
    });
  }

  readHeaders(
    header: (name: string) => string | undefined,
    credential: string,
    { upstream, pool, family, model }: Target,
  ): void {
    if (!this.#usesHeaders) return;
    const remaining = readQuotaHeaders(header, wallTime(this.#deps.clock));
    if (remaining) this.#note(upstream, credential, { pool, family, model }, remaining);
  }

  async resetOf({ upstream, credential }: Key, model: string): Promise<number | undefined> {
    const answer = await this.#request(upstream, credential, model);
    return toTime(answer?.models?.[model]?.resetAt ?? answer?.resetAt);
  }

  start(): void {
    for (const { name, quotaEvery } of this.#deps.config.upstreams.values())
      if (quotaEvery !== false) void this.#poll(name);
  }

  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#requests.stop();
  }

  #request(
    upstream: string,
    credential: string,
    model: string | undefined,
  ): Promise<QuotaAnswer | undefined> {
    const { quota } = this.#deps.config.upstreams.get(upstream)!;
    return this.#requests.request(quota, credential, model);
  }

  async #poll(upstream: string): Promise<void> {
    const { pools, disabled, clock } = this.#deps;
    const full = new Map<string, FullQuota>();
    const left = pools.get(upstream)!.credentials.filter(({ id }) => !disabled.get(id));
    const work = async (): Promise<void> => {
      for (let one = left.pop(); one && !this.#isStopped; one = left.pop()) {
        const askedAt = clock.now();
        const answer = await this.#request(upstream, one.id, undefined);
        if (!answer) continue;
        this.#noteAnswer(upstream, one.id, answer);
        const families = this.#fullFamilies(answer);
        if (families) full.set(one.id, { askedAt, isFull: families });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    if (full.size > 0 && !this.#isStopped) this.#onFull(upstream, full);
    this.#schedule(upstream);
  }

  #schedule(upstream: string): void {
    const { config, clock } = this.#deps;
    const { quotaEvery } = config.upstreams.get(upstream)!;
    if (quotaEvery === false || this.#isStopped) return;
    const cancel = clock.after(quotaEvery, () => void this.#poll(upstream));
    this.#timers.set(upstream, cancel);
  }

  /** Which families of models have a full quota; `undefined` if none has. */
  #fullFamilies({ remaining, models = {} }: QuotaAnswer): FullQuota["isFull"] | undefined {
    const byFamily = new Map<string, boolean>();
    for (const [model, { remaining: left }] of Object.entries(models)) {
      const family = this.#familyOf(model);
      byFamily.set(family, isFull(left) && byFamily.get(family) !== false);
    }
    const isWhole = isFull(remaining);
    if (!isWhole && ![...byFamily.values()].includes(true)) return undefined;
    return (family) => byFamily.get(family) ?? isWhole;
  }

  #noteAnswer(upstream: string, credential: string, answer: QuotaAnswer): void {
    this.#note(upstream, credential, { pool: ANY, family: ANY, model: ANY }, answer);
    const { pools } = this.#deps.config.upstreams.get(upstream)!;
    for (const [model, remaining] of Object.entries(answer.models ?? {})) {
      const family = this.#familyOf(model);
      for (const { name: pool } of pools)
        this.#note(upstream, credential, { pool, family, model }, remaining);
    }
  }

  #note(
    upstream: string,
    credential: string,
    of: { pool: string; family: string; model: string },
    { remaining, resetAt }: Remaining,
  ): void {
    if (typeof remaining !== "number" || !(remaining >= 0)) return;
    const { clock } = this.#deps;
    const now = clock.now();
    const time = toTime(resetAt);
    // The upstream states the end by the wall clock; cooldowns and quotas run on our own (K12).
    const end = time === undefined ? undefined : time + now - wallTime(clock);
    const reading = { remaining: Math.min(1, remaining), resetAt: end, at: now };
    this.#deps.pools.get(upstream)?.setQuota(credential, of, reading, now);
  }
}

function isFull(remaining: number | undefined): boolean {
  return typeof remaining === "number" && remaining >= FULL;
}

function toTime(at: Date | number | undefined): number | undefined {
  const time = at instanceof Date ? at.getTime() : at;
  return typeof time === "number" && Number.isFinite(time) ? time : undefined;
}
