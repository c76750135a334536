// One source of anonymous tokens: when it makes the next, what a failure means, and which tokens of it are in use (H3-H10).
import type { FreshToken } from "../contract/token-source.ts";
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Key } from "../contract/credential.ts";
import type { CredentialRecord, DisableRecord } from "../contract/state.ts";
import type { AcquirerStatus } from "../contract/relay-status.ts";
import { TokenError } from "../tokens/token-error.ts";
import { describeFault } from "../shared/describe-error.ts";
import { createCreationCooldown } from "./creation-cooldown.ts";
import { createToken, judgeFailure, LIMITED } from "./create-token.ts";
import type { Attempted, CreationLimiter } from "./creation-limiter.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";
import { toDurationText, toISOTime } from "../shared/times.ts";
import { createAcquiredCredentials } from "./acquired-credentials.ts";

/** What an acquirer may still bring. Times are UTC epoch ms. */
export type Forecast =
  | { kind: "creating" }
  | {
      kind: "later";
      at: number;
      key: Key | undefined;
      /** Which step of the last creation failed, and how; `undefined` where the provider's limit was all. */
      failure: string | undefined;
    };

/** The status of an acquirer in its own terms: its tier is a number. */
export type AcquirerView = Omit<AcquirerStatus, "tier"> & { tier: number };

export interface Acquirer {
  readonly config: AcquirerConfig;
  /** Begins to create a token where one may be made; nothing otherwise. */
  trigger(): void;
  forecast(now: number): Forecast | undefined;
  /** Why none can be made, whatever the time is; `undefined` where one can, or an operator has said that none is. */
  unavailableReason(): string | undefined;
  /** A request goes out with this credential. */
  recordUse(credential: string): void;
  /** A credential was put out of use, or back. */
  applyMark(mark: DisableRecord): void;
  /** Takes in what the store says of this acquirer's tokens. */
  restore(records: readonly CredentialRecord[]): Promise<void>;
  status(): AcquirerView;
  close(): Promise<void>;
}

/** Why nothing is created on a store that cannot tell who else does (H2). */
export const UNSAFE =
  "the store's leases are best effort, and others could create at the same time; `instances: 1` says that there are none";

/** An instance that finds another at it looks again so often, and for so long. */
const LOOK_AGAIN = 500;
const LOOK_FOR = 40_000;
/** Nothing is tried for so long after the store has failed. */
const STORE_PAUSE = 5_000;

export function createAcquirer(
  rooms: AcquirerDeps,
  config: AcquirerConfig,
  limiter: CreationLimiter,
): Acquirer {
  const { clock, health, reporter, hooks, state, waiting } = rooms;
  const { id, upstream, maxLive, limits } = config;
  const block = createCreationCooldown(rooms, config);
  const tokens = createAcquiredCredentials(rooms, config);
  let making: Promise<void> | undefined;
  let pauseUntil = 0;
  let lastFailure: string | undefined;
  let giveUp: (() => void) | undefined;
  let isClosed = false;

  /** Why none is made, whatever the time is. */
  function obstacle(): string | undefined {
    if (isClosed) return "the relay is closing";
    if (!rooms.isSafe()) return UNSAFE;
    if (!rooms.isLoaded()) return "the state has not been loaded";
    return health.get(id) && "out of use";
  }

  function nextAt(now: number): number {
    return Math.max(pauseUntil, limiter.nextAt(limits), block.until(now));
  }

  function trigger(): void {
    const now = clock.now();
    if (making || tokens.live() >= maxLive || obstacle() !== undefined || nextAt(now) > now) return;
    making = make()
      .catch((error: unknown) =>
        reporter.error(`acquirer ${id} failed on its own: ${describeFault(error)}`),
      )
      .finally(() => {
        making = undefined;
        // Whoever waited for it looks again, whatever came of it.
        waiting.wakeAll(upstream);
      });
  }

  async function make(): Promise<void> {
    const begunAt = clock.now();
    const joined = tokens.joined();
    const isWanted = async (): Promise<boolean> => {
      await state
        .listCredentials()
        .then(tokens.restore)
        .catch((error: unknown) => {
          if (!rooms.isOnly) throw error;
        });
      return !isClosed && tokens.joined() === joined && tokens.live() < maxLive;
    };
    for (;;) {
      const sentAt = clock.now();
      const keep = (token: FreshToken): Promise<void> => made(token, sentAt);
      const came = await limiter.attempt(limits, isWanted, create, keep);
      if (came.kind !== "held" || clock.now() - begunAt >= LOOK_FOR) return settle(came, sentAt);
      await pause(LOOK_AGAIN);
      // The holder's token is ours, too.
      if (!(await isWanted().catch(() => false))) return;
    }
  }

  function create(): Promise<FreshToken> {
    if (isClosed) return Promise.reject(new TokenError({ step: "create", code: "CLOSED" }));
    return createToken(rooms, config.source, (stop) => (giveUp = stop)).finally(
      () => (giveUp = undefined),
    );
  }

  async function made(token: FreshToken, sentAt: number): Promise<void> {
    tell(true, undefined, undefined, sentAt);
    block.succeeded(sentAt);
    lastFailure = undefined;
    await tokens.join(token, sentAt);
    waiting.wakeAll(upstream);
    // A store that hangs must hold up neither the next creation nor the relay's end.
    await Promise.race([state.flush(), pause(STORE_PAUSE)]);
    giveUp?.();
  }

  function settle(came: Attempted<FreshToken>, sentAt: number): void {
    const now = clock.now();
    switch (came.kind) {
      case "failed":
        return failed(came.error, sentAt);
      case "down":
        pauseUntil = now + STORE_PAUSE;
        return reporter.warn(
          `acquirer ${id} makes no token: its limiter cannot be read or written (${describeFault(came.error)})`,
        );
      case "held":
        pauseUntil = now + STORE_PAUSE;
        return;
      default:
        return;
    }
  }

  function failed(error: unknown, sentAt: number): void {
    const { step, code, verdict } = judgeFailure(error);
    lastFailure = LIMITED.has(verdict.reason) ? undefined : `${step}: ${code}`;
    tell(false, step, code, sentAt);
    // Creating alone: tokens that exist, their refreshes and other credentials go on.
    if (verdict.scope !== "none") block.refused(verdict, sentAt);
    const now = clock.now();
    const at = nextAt(now);
    const next =
      at > now ? `; the next is created in ${toDurationText(at - now)} at the earliest` : "";
    reporter.warn(
      `acquirer ${id} got no token: ${step} failed, ${code} (${verdict.evidence})${next}`,
    );
  }

  function tell(
    ok: boolean,
    step: string | undefined,
    code: string | undefined,
    sentAt: number,
  ): void {
    hooks.emit("creation", {
      acquirer: id,
      upstream,
      ok,
      step,
      code,
      duration: clock.now() - sentAt,
    });
  }

  function pause(time: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(time, resolve);
      giveUp = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    config,
    trigger,
    forecast(now) {
      if (making) return { kind: "creating" };
      if (tokens.live() >= maxLive || obstacle() !== undefined) return undefined;
      const at = nextAt(now);
      const key = block.until(now) === at ? block.key : undefined;
      return { kind: "later", at, key, failure: lastFailure };
    },
    unavailableReason: () => (health.get(id) ? undefined : obstacle()),
    recordUse(credential) {
      const left = tokens.recordUse(credential);
      if (left !== undefined && config.lowWater !== undefined && left <= config.lowWater) trigger();
    },
    applyMark: tokens.applyMark,
    restore: tokens.restore,
    status() {
      const now = clock.now();
      const at = nextAt(now);
      const cause = block.until(now) > 0 ? block.reason() : "the limiter";
      return {
        id,
        upstream,
        tier: config.tier,
        live: tokens.live(),
        maxLive,
        creating: making !== undefined,
        attempts: limiter.counts(),
        nextAt: at > now ? toISOTime(at) : undefined,
        blocked: obstacle() ?? (at > now ? cause : undefined),
      };
    },
    async close() {
      isClosed = true;
      giveUp?.();
      await making;
    },
  };
}
