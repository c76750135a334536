// One source of anonymous tokens: when it creates the next, what a failure means, and which of its tokens are in use (H3-H10).
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Key } from "../contract/credential.ts";
import type { AcquirerStatus } from "../contract/relay-status.ts";
import type { CredentialRecord, DisableRecord } from "../contract/records.ts";
import type { FreshToken } from "../contract/token-source.ts";
import { hideTokenLike } from "../observe/secret-directory.ts";
import { describeFault } from "../shared/describe-error.ts";
import { toDurationText, toISOTime } from "../shared/times.ts";
import { pause } from "../shared/wait.ts";
import { TokenError } from "../tokens/token-error.ts";
import { AcquiredCredentials } from "./acquired-credentials.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";
import { createToken, classifyFailure, LIMITED } from "./create-token.ts";
import { createCreationCooldown, type CreationCooldown } from "./creation-cooldown.ts";
import type { AttemptOutcome, CreationLimiter } from "./creation-limiter.ts";

/** When an acquirer may provide the next token. Times are UTC epoch ms. */
export type Forecast =
  | { kind: "creating" }
  | {
      kind: "later";
      at: number;
      key: Key | undefined;
      /** Which step of the last creation failed, and how; `undefined` when only the provider's limit stopped it. */
      failure: string | undefined;
    };

/** The status of an acquirer, with its tier as a number. */
export type AcquirerView = Omit<AcquirerStatus, "tier"> & { tier: number };

/** Why nothing is created on a store without atomic locks (H2). */
export const UNSAFE =
  "the state store has no atomic lock, so another instance could create one at the same time: use a Redis, SQL or fs storage, or set `instances: 1`";

/** While another instance creates, its result is looked for this often, and for this long, ms. */
const LOOK_AGAIN = 500;
const LOOK_FOR = 40_000;
/** No attempt is made for this long after the store has failed, ms. */
const STORE_PAUSE = 5_000;

export class Acquirer {
  readonly config: AcquirerConfig;
  readonly #deps: AcquirerDeps;
  readonly #limiter: CreationLimiter;
  readonly #cooldown: CreationCooldown;
  readonly #tokens: AcquiredCredentials;
  #creating: Promise<void> | undefined;
  #pauseUntil = 0;
  #lastFailure: string | undefined;
  /** Ends the call or the pause under way. */
  #interrupt: (() => void) | undefined;
  #isClosed = false;

  constructor(deps: AcquirerDeps, config: AcquirerConfig, limiter: CreationLimiter) {
    this.config = config;
    this.#deps = deps;
    this.#limiter = limiter;
    this.#cooldown = createCreationCooldown(deps, config);
    this.#tokens = new AcquiredCredentials(deps, config);
  }

  /** Begins to create a token if one is allowed now. */
  trigger(): void {
    const { clock, reporter, waiting } = this.#deps;
    const { id, upstream } = this.config;
    const now = clock.now();
    if (this.#creating || !this.#hasRoom() || this.#blockedBy() !== undefined) return;
    if (this.#nextAt(now) > now) return;
    this.#creating = this.#create()
      .catch((error: unknown) =>
        reporter.error(`acquirer ${id}: internal error: ${describeFault(error)}`),
      )
      .finally(() => {
        this.#creating = undefined;
        // Requests that waited for it select again, whatever the outcome.
        waiting.wakeAll(upstream);
      });
  }

  forecast(now: number): Forecast | undefined {
    if (this.#creating) return { kind: "creating" };
    if (!this.#hasRoom() || this.#blockedBy() !== undefined) return undefined;
    const at = this.#nextAt(now);
    const key = this.#cooldown.until(now) === at ? this.#cooldown.key : undefined;
    return { kind: "later", at, key, failure: this.#lastFailure };
  }

  /** Why no token can be created at any time; `undefined` when one can, or an operator has disabled the acquirer. */
  unavailableReason(): string | undefined {
    return this.#deps.health.get(this.config.id) ? undefined : this.#blockedBy();
  }

  /** Counts a request that is sent with this credential. */
  recordUse(credential: string): void {
    const { lowWater } = this.config;
    const left = this.#tokens.recordUse(credential);
    if (left !== undefined && lowWater !== undefined && left <= lowWater) this.trigger();
  }

  /** Applies that a credential was disabled or enabled. */
  applyMark(mark: DisableRecord): void {
    this.#tokens.applyMark(mark);
  }

  /** Applies the records of this acquirer's tokens in the store. Rejects when a token cannot be read. */
  restore(records: readonly CredentialRecord[]): Promise<void> {
    return this.#tokens.restore(records);
  }

  status(): AcquirerView {
    const { id, upstream, tier, maxLive } = this.config;
    const now = this.#deps.clock.now();
    const at = this.#nextAt(now);
    const cause = this.#cooldown.until(now) > 0 ? this.#cooldown.reason() : "the limiter";
    return {
      id,
      upstream,
      tier,
      live: this.#tokens.live(),
      maxLive,
      creating: this.#creating !== undefined,
      attempts: this.#limiter.counts(),
      nextAt: at > now ? toISOTime(at) : undefined,
      blocked: this.#blockedBy() ?? (at > now ? cause : undefined),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interrupt?.();
    await this.#creating;
  }

  #hasRoom(): boolean {
    return this.#tokens.live() < this.config.maxLive;
  }

  /** Why no token can be created, whatever the time is. */
  #blockedBy(): string | undefined {
    const { health, isSafe, isLoaded } = this.#deps;
    if (this.#isClosed) return "the relay is closing";
    if (!isSafe()) return UNSAFE;
    if (!isLoaded()) return "the state has not been loaded";
    return health.get(this.config.id) && "disabled";
  }

  #nextAt(now: number): number {
    const allowed = this.#limiter.nextAt(this.config.limits);
    return Math.max(this.#pauseUntil, allowed, this.#cooldown.until(now));
  }

  async #create(): Promise<void> {
    const { clock } = this.#deps;
    const begunAt = clock.now();
    const joined = this.#tokens.joined();
    const isWanted = (): Promise<boolean> => this.#isWanted(joined);
    for (;;) {
      const sentAt = clock.now();
      const outcome = await this.#limiter.attempt(
        this.config.limits,
        isWanted,
        () => this.#call(),
        (token) => this.#join(token, sentAt),
      );
      if (outcome.kind !== "held" || clock.now() - begunAt >= LOOK_FOR)
        return this.#settle(outcome, sentAt);
      await this.#pause(LOOK_AGAIN);
      // The token that the other instance has created serves this one, too.
      if (!(await isWanted().catch(() => false))) return;
    }
  }

  /** False when a token has joined since `joined` was read. Rejects when the store cannot be read, unless this instance is the only one. */
  async #isWanted(joined: number): Promise<boolean> {
    const { state, isOnly } = this.#deps;
    try {
      await this.#tokens.restore(await state.listCredentials());
    } catch (error) {
      if (!isOnly) throw error;
    }
    return !this.#isClosed && this.#tokens.joined() === joined && this.#hasRoom();
  }

  async #call(): Promise<FreshToken> {
    if (this.#isClosed) throw new TokenError({ step: "create", code: "CLOSED" });
    try {
      return await createToken(this.#deps, this.config.source, (stop) => (this.#interrupt = stop));
    } finally {
      this.#interrupt = undefined;
    }
  }

  async #join(token: FreshToken, sentAt: number): Promise<void> {
    const { state, waiting } = this.#deps;
    this.#emit(true, undefined, undefined, sentAt);
    this.#cooldown.succeeded(sentAt);
    this.#lastFailure = undefined;
    await this.#tokens.join(token, sentAt);
    waiting.wakeAll(this.config.upstream);
    // A store that hangs must delay neither the next creation nor the relay's end.
    await Promise.race([state.flush(), this.#pause(STORE_PAUSE)]);
    this.#interrupt?.();
  }

  #settle(outcome: AttemptOutcome<FreshToken>, sentAt: number): void {
    if (outcome.kind === "failed") return this.#fail(outcome.error, sentAt);
    if (outcome.kind !== "down" && outcome.kind !== "held") return;
    this.#pauseUntil = this.#deps.clock.now() + STORE_PAUSE;
    if (outcome.kind === "down")
      this.#deps.reporter.warn(
        `acquirer ${this.config.id} creates no token: the state store cannot be read or written (${describeFault(outcome.error)})`,
      );
  }

  #fail(error: unknown, sentAt: number): void {
    const { clock, reporter } = this.#deps;
    const { step, code: told, verdict } = classifyFailure(error);
    const code = hideTokenLike(told);
    this.#lastFailure = LIMITED.has(verdict.reason) ? undefined : `${step}: ${code}`;
    this.#emit(false, step, code, sentAt);
    // Stops creation alone: existing tokens, their refreshes and other credentials go on.
    if (verdict.scope !== "none") this.#cooldown.refused(verdict, sentAt);
    const now = clock.now();
    const at = this.#nextAt(now);
    const next =
      at > now ? `; the next is created in ${toDurationText(at - now)} at the earliest` : "";
    reporter.warn(
      `acquirer ${this.config.id} got no token: ${step} failed, ${code} (${hideTokenLike(verdict.evidence)})${next}`,
    );
  }

  #emit(ok: boolean, step: string | undefined, code: string | undefined, sentAt: number): void {
    const { hooks, clock } = this.#deps;
    const { id: acquirer, upstream } = this.config;
    const duration = clock.now() - sentAt;
    hooks.emit("creation", { acquirer, upstream, ok, step, code, duration });
  }

  #pause(time: number): Promise<void> {
    const { promise, end } = pause(time, this.#deps.clock);
    this.#interrupt = end;
    return promise;
  }
}
