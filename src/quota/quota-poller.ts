// How much of each credential's quota is left: read from answers, asked at intervals (A9), and asked once after a refusal (A16).
import type { CancelTimer, Clock } from "../contract/clock.ts";
import type { Key } from "../contract/credential.ts";
import type { QuotaAnswer, QuotaSource } from "../contract/quota-source.ts";
import type { Target } from "../contract/target.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { QuotaReading } from "./quota-index.ts";
import { readQuotaHeaders } from "./quota-headers.ts";
import { describeFault } from "../shared/describe-error.ts";
import { ANY } from "../shared/patterns.ts";

export interface QuotaPoller {
  /** Reads the headers of an answer. Costs nothing where nobody wants to know. */
  readHeaders(
    header: (name: string) => string | undefined,
    credential: string,
    target: Target,
  ): void;
  /** Asks when a key that was closed by a wait of our own choice opens; at most once at a time for each. Resolves with UTC epoch ms. */
  resetOf(key: Key, model: string): Promise<number | undefined>;
  /** Begins to ask at intervals. */
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
  fetch: typeof fetch;
  /** The family that shares a model's limit. */
  familyOf(model: string): string;
}

/** A quota source is given up after so long, ms. */
const PATIENCE = 10_000;
/** Credentials asked at the same time. */
const AT_ONCE = 4;

export function createQuotaPoller(
  { config, pools, tokens, disabled, clock, reporter }: QuotaPollerDeps,
  { fetch, familyOf }: QuotaPollerOptions,
): QuotaPoller {
  const { strategy, protect } = config.scheduling;
  const isWanted = strategy === "quota" || typeof strategy === "function" || protect !== false;
  const asking = new Map<string, Promise<QuotaAnswer | undefined>>();
  const open = new Set<AbortController>();
  const timers = new Map<string, CancelTimer>();
  let isStopped = false;

  async function ask(
    upstream: string,
    credential: string,
    model: string | undefined,
  ): Promise<QuotaAnswer | undefined> {
    const { quota } = config.upstreams.get(upstream)!;
    const secret = tokens.getCached(credential);
    if (!quota || secret === undefined || isStopped) return undefined;
    const controller = new AbortController();
    open.add(controller);
    const cancel = clock.after(PATIENCE, () => controller.abort());
    try {
      const given = new Promise<undefined>((resolve) =>
        controller.signal.addEventListener("abort", () => resolve(undefined), { once: true }),
      );
      const question = { credential, secret, model, fetch, signal: controller.signal };
      return await Promise.race([quota(question), given]);
    } catch (error) {
      reporter.warn(`the quota of ${credential} could not be asked for: ${describeFault(error)}`);
      return undefined;
    } finally {
      cancel();
      open.delete(controller);
    }
  }

  function once(
    upstream: string,
    credential: string,
    model: string | undefined,
  ): Promise<QuotaAnswer | undefined> {
    const name = `${credential}\n${model ?? ""}`;
    const known = asking.get(name);
    if (known) return known;
    const asked = ask(upstream, credential, model).finally(() => asking.delete(name));
    asking.set(name, asked);
    return asked;
  }

  function learn(upstream: string, credential: string, answer: QuotaAnswer): void {
    take(upstream, credential, { pool: ANY, family: ANY, model: ANY }, answer);
    for (const [model, left] of Object.entries(answer.models ?? {}))
      for (const { name: pool } of config.upstreams.get(upstream)!.pools)
        take(upstream, credential, { pool, family: familyOf(model), model }, left);
  }

  function take(
    upstream: string,
    credential: string,
    of: { pool: string; family: string; model: string },
    { remaining, resetAt }: Pick<QuotaAnswer, "remaining" | "resetAt">,
  ): void {
    if (typeof remaining !== "number" || !(remaining >= 0)) return;
    const now = clock.now();
    const reading = { remaining: Math.min(1, remaining), resetAt: toTime(resetAt), at: now };
    pools.get(upstream)?.setQuota(credential, of, reading, now);
  }

  async function poll(upstream: string): Promise<void> {
    const waiting = pools.get(upstream)!.credentials.filter(({ id }) => !disabled.get(id));
    const work = async (): Promise<void> => {
      for (let one = waiting.pop(); one && !isStopped; one = waiting.pop()) {
        const answer = await once(upstream, one.id, undefined);
        if (answer) learn(upstream, one.id, answer);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    schedule(upstream);
  }

  function schedule(upstream: string): void {
    const { quotaEvery } = config.upstreams.get(upstream)!;
    if (quotaEvery === false || isStopped) return;
    timers.set(
      upstream,
      clock.after(quotaEvery, () => void poll(upstream)),
    );
  }

  return {
    readHeaders(header, credential, { upstream, pool, family, model }) {
      if (!isWanted) return;
      const left = readQuotaHeaders(header, clock.now());
      if (left) take(upstream, credential, { pool, family, model }, left);
    },
    async resetOf({ upstream, credential }, model) {
      const answer = await once(upstream, credential, model);
      return toTime(answer?.models?.[model]?.resetAt ?? answer?.resetAt);
    },
    start() {
      for (const { name, quotaEvery } of config.upstreams.values())
        if (quotaEvery !== false) void poll(name);
    },
    stop() {
      isStopped = true;
      for (const cancel of timers.values()) cancel();
      for (const controller of open) controller.abort();
    },
  };
}

function toTime(at: Date | number | undefined): number | undefined {
  const time = at instanceof Date ? at.getTime() : at;
  return typeof time === "number" && Number.isFinite(time) ? time : undefined;
}
