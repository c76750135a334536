// The secrets that credentials present: static keys, and tokens, of which each has one in memory and one refresh at a time, beside the
// requests (rows G). A cached secret is returned at once, so that a credential is selected and its request sent in one turn.
import type { TokenSource } from "../contract/token-source.ts";
import type { CancelTimer } from "../contract/clock.ts";
import type { TokenRecord } from "../contract/records.ts";
import { settledWithin } from "../shared/wait.ts";
import { type FailureDeps, recordFailure } from "./record-failure.ts";
import { type RefreshDeps, REFRESH_TIMEOUT } from "./refresh-deps.ts";
import { refresh } from "./refresh-token.ts";
import { TokenError } from "./token-error.ts";
import {
  createTokenSlot,
  endOf,
  isInMargin,
  secretsOf,
  type TokenSlot,
  usableToken,
} from "./token-slot.ts";
import { type TokenStatus, toTokenStatus } from "./token-status.ts";

export interface TokenProviderOptions extends RefreshDeps, FailureDeps {
  /** Static key of a credential; `undefined` when it has none. */
  keyOf(credential: string): string | undefined;
  /** Sources by credential, read once. */
  sources: Iterable<readonly [credential: string, source: TokenSource]>;
  isDisabled(credential: string): boolean;
  /** Called after each refresh. `duration` is in ms. */
  onRefresh(event: {
    credential: string;
    ok: boolean;
    code: string | undefined;
    duration: number;
  }): void;
  /** Called after a failed refresh, before `onRefresh`. */
  onFailed(credential: string, error: unknown, code: string): void;
  /** Number of refreshes in the background at the same time; `false`: tokens are refreshed only for requests (G4). */
  background: number | false;
}

/** Interval of the background refresh, in ms. */
const BACKGROUND_INTERVAL = 15_000;
/** Time for refreshes that were aborted at shutdown to write that and to release their leases, in ms. */
const CLOSE_WAIT = 5_000;
/** After the upstream refused a token that had just been issued: time until the next refresh, in ms. */
const RETRY_AFTER_REJECTION = 60_000;

export class TokenProvider {
  readonly #options: TokenProviderOptions;
  readonly #slots = new Map<string, TokenSlot>();
  readonly #controllers = new Set<AbortController>();
  #cancelTimer: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: TokenProviderOptions) {
    this.#options = options;
    for (const [id, source] of options.sources) this.#slots.set(id, createTokenSlot(id, source));
    if (options.background !== false) this.#scheduleTick();
  }

  /** Adds a credential made at run time. Without a record, its token is read from the store when it is first needed. */
  join(credential: string, source: TokenSource, record: TokenRecord | undefined): void {
    this.#slots.set(credential, createTokenSlot(credential, source, record));
  }

  /** Removes a credential. */
  leave(credential: string): void {
    this.#slots.delete(credential);
  }

  /** The secret to send now; `undefined` when a token has to be awaited with `ensure`. */
  getCached(credential: string): string | undefined {
    const slot = this.#slots.get(credential);
    if (!slot) return this.#options.keyOf(credential);
    const now = this.#options.clock.now();
    const token = usableToken(slot, now);
    // The request uses the token that is still valid while one refresh runs (G2).
    if (token !== undefined && isInMargin(slot, now) && this.#mayRefresh(slot, now))
      void this.#refresh(slot);
    return token;
  }

  /** The secrets of a credential with tokens: the present ones and those of its source, which no text may quote. */
  secretsOf(credential: string): string[] {
    const slot = this.#slots.get(credential);
    return slot ? secretsOf(slot) : [];
  }

  /** True when a refused secret can be replaced by a new one. */
  isRenewable(credential: string): boolean {
    return this.#slots.has(credential);
  }

  /** Why there is no token, for people, and when a refresh is allowed, UTC epoch ms; `undefined` for a static key. */
  unavailableReason(credential: string): { detail: string; retryAt: number } | undefined {
    const slot = this.#slots.get(credential);
    if (!slot) return undefined;
    const reason = slot.inFlight ? "in progress" : (slot.lastError?.split(" ")[0] ?? "due");
    return { detail: `refresh: ${reason}`, retryAt: slot.retryAt };
  }

  /**
   * Waits for a secret. Resolves with true when there is one, and never rejects. Joins a refresh under way; starts none before the
   * retry time of the last failure.
   */
  async ensure(credential: string): Promise<boolean> {
    const slot = this.#slots.get(credential);
    if (!slot) return this.#options.keyOf(credential) !== undefined;
    if (this.getCached(credential) !== undefined) return true;
    if (slot.inFlight) return slot.inFlight;
    return this.#mayRefresh(slot, this.#options.clock.now()) ? this.#refresh(slot) : false;
  }

  /**
   * Notes that the upstream has refused a secret, which is not sent again. `isNew`: although it had just been issued. False when it is
   * not the current secret.
   */
  reject(credential: string, secret: string, isNew: boolean): boolean {
    const slot = this.#slots.get(credential);
    if (!slot || slot.record?.accessToken !== secret) return false;
    slot.refused = secret;
    if (isNew) slot.retryAt = this.#options.clock.now() + RETRY_AFTER_REJECTION;
    return true;
  }

  /** Forgets failures: after a new grant, or when an operator enables the credential. */
  reset(credential: string): void {
    const slot = this.#slots.get(credential);
    if (slot) Object.assign(slot, { relogin: undefined, failures: 0, retryAt: 0 });
  }

  status(credential: string): TokenStatus | undefined {
    const slot = this.#slots.get(credential);
    return slot && toTokenStatus(slot, this.#options.clock.now());
  }

  /** Resolves when no refresh is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight());
  }

  #inFlight(): Promise<boolean>[] {
    return [...this.#slots.values()].flatMap(({ inFlight }) => inFlight ?? []);
  }

  /**
   * Starts no more refreshes. Those under way have `grace` ms to finish: an aborted one may have used its refresh token. Resolves when
   * their tokens are stored and their leases released, or cannot be.
   */
  async close(grace: number): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    if (await this.#settlesWithin(grace)) return;
    for (const controller of this.#controllers) controller.abort();
    await this.#settlesWithin(CLOSE_WAIT);
  }

  /** Resolves with true when no refresh is under way, with false after `ms`. */
  async #settlesWithin(ms: number): Promise<boolean> {
    const running = this.#inFlight();
    if (running.length === 0) return true;
    return settledWithin(Promise.all(running), ms, this.#options.clock);
  }

  #mayRefresh(slot: TokenSlot, now: number): boolean {
    const isOut = slot.relogin !== undefined || this.#options.isDisabled(slot.id);
    return !this.#isClosed && !slot.inFlight && !isOut && now >= slot.retryAt;
  }

  /** Runs one refresh, independent of the request that started it (G5, G10). Never rejects. */
  #refresh(slot: TokenSlot): Promise<boolean> {
    const refreshing = this.#runRefresh(slot).finally(() => (slot.inFlight = undefined));
    slot.inFlight = refreshing;
    return refreshing;
  }

  async #runRefresh(slot: TokenSlot): Promise<boolean> {
    const { clock, onRefresh, onFailed } = this.#options;
    const startedAt = clock.now();
    const controller = new AbortController();
    this.#controllers.add(controller);
    const cancel = clock.after(REFRESH_TIMEOUT, () => controller.abort());
    let code: string | undefined;
    try {
      await refresh(this.#options, slot, controller.signal);
      assertNotRefused(slot);
      Object.assign(slot, { failures: 0, retryAt: 0, lastError: undefined });
    } catch (error) {
      code = await recordFailure(this.#options, slot, error);
      onFailed(slot.id, error, code);
    } finally {
      cancel();
      this.#controllers.delete(controller);
    }
    const hasToken = usableToken(slot, clock.now()) !== undefined;
    const duration = clock.now() - startedAt;
    onRefresh({ credential: slot.id, ok: code === undefined, code, duration });
    return hasToken;
  }

  #scheduleTick(): void {
    const { clock } = this.#options;
    if (this.#isClosed) return;
    this.#cancelTimer = clock.after(
      BACKGROUND_INTERVAL,
      () => void this.#tick().finally(() => this.#scheduleTick()),
    );
  }

  /** Refreshes tokens that are about to expire. A token that no request has needed yet is not requested (G4). */
  async #tick(): Promise<void> {
    const { clock, background } = this.#options;
    const due = [...this.#slots.values()].filter(
      (slot) => slot.record && (isInMargin(slot, clock.now()) || endOf(slot) <= clock.now()),
    );
    const work = async (): Promise<void> => {
      for (let slot = due.pop(); slot; slot = due.pop())
        if (this.#mayRefresh(slot, clock.now())) await this.#refresh(slot);
    };
    await Promise.all(Array.from({ length: Number(background) }, work));
  }
}

// A server may return the token that it returned before: Firebase within a second, others for its whole lifetime. Refused once, it
// would be refused again, and a refresh for each request would return the same.
function assertNotRefused({ record, refused }: TokenSlot): void {
  if (refused !== undefined && record?.accessToken === refused)
    throw new TokenError({ step: "refresh", code: "SAME" });
}
