// The tokens of all credentials: one in memory for each, refreshed beside the requests, by one refresh at a time (rows G).
import type { Auth } from "./auth.ts";
import type { TokenSource } from "../contract/token-source.ts";
import type { CancelTimer } from "../contract/clock.ts";
import type { TokenRecord } from "../contract/records.ts";
import type { Refusal, Verdict } from "../contract/verdict.ts";
import { type RefreshDeps, REFRESH_TIME, refresh } from "./refresh-token.ts";
import { createTokenSlot, endOf, isInMargin, type TokenSlot, usableToken } from "./token-slot.ts";
import { TokenError } from "./token-error.ts";

export interface TokenProviderOptions extends RefreshDeps {
  /** The static key of a credential; `undefined` where it has none. */
  keyOf(credential: string): string | undefined;
  /** Sources by credential, gone through once. */
  sources: Iterable<readonly [credential: string, source: TokenSource]>;
  /** Reads an endpoint's refusal. */
  judge(refusal: Refusal): Verdict;
  isDisabled(credential: string): boolean;
  /** The grant is gone: nothing but a new one helps (G8). */
  onRelogin(credential: string, reason: string): void;
  /** A refresh has ended. */
  onRefresh(event: {
    credential: string;
    ok: boolean;
    code: string | undefined;
    duration: number;
  }): void;
  /** A refresh has failed, with this error. Told before `onRefresh`. */
  onFailed(credential: string, error: unknown, code: string): void;
  /** Refreshes beside all requests, so many at a time; `false`: only when a request comes (G4). */
  background: number | false;
}

/** What is told of a token; never any part of it. */
export interface TokenStatus {
  kind: string;
  /** UTC epoch ms; `undefined` where there is none, or nobody knows. */
  expiresAt: number | undefined;
  refreshes: number;
  unsure: number;
  lastError: string | undefined;
  relogin: string | undefined;
  retryAt: number | undefined;
}

/** Our own words for what another try cannot mend. */
const LAST: ReadonlySet<string> = new Set(["UNSURE", "NO_REFRESH"]);
const FIRST_RETRY = 5_000;
const LONGEST_RETRY = 300_000;
const BACKGROUND_EVERY = 15_000;
/** A refresh that was broken off still notes that, and gives its lease back: a store that hangs must not keep the host. */
const CLOSE_WAIT = 5_000;
/** A token that was refused as soon as it came is not asked for again before. */
const REFUSED_AGAIN = 60_000;

export class TokenProvider implements Auth {
  readonly #options: TokenProviderOptions;
  readonly #slots = new Map<string, TokenSlot>();
  readonly #controllers = new Set<AbortController>();
  #cancelTimer: CancelTimer | undefined;
  #isClosed = false;

  constructor(options: TokenProviderOptions) {
    this.#options = options;
    for (const [id, source] of options.sources) this.#slots.set(id, createTokenSlot(id, source));
    if (options.background !== false) this.#tickLater();
  }

  /** Takes a credential in; without a record its token is read from the store when it is first needed. */
  join(credential: string, source: TokenSource, record: TokenRecord | undefined): void {
    this.#slots.set(credential, createTokenSlot(credential, source, record));
  }

  leave(credential: string): void {
    this.#slots.delete(credential);
  }

  getCached(credential: string): string | undefined {
    const slot = this.#slots.get(credential);
    if (!slot) return this.#options.keyOf(credential);
    const now = this.#options.clock.now();
    const token = usableToken(slot, now);
    // The request goes on with the token that still holds, while one refresh runs beside it (G2).
    if (token !== undefined && isInMargin(slot, now) && this.#mayRefresh(slot, now))
      void this.#refresh(slot);
    return token;
  }

  isRenewable(credential: string): boolean {
    return this.#slots.has(credential);
  }

  unavailableReason(credential: string): { detail: string; retryAt: number } | undefined {
    const slot = this.#slots.get(credential);
    if (!slot) return undefined;
    const why = slot.inFlight ? "takes its time" : (slot.lastError?.split(" ")[0] ?? "is due");
    return { detail: `refresh: ${why}`, retryAt: slot.retryAt };
  }

  /** Resolves with whether there is a token now. Joins the refresh under way; begins none while the last failure is young. */
  async ensure(credential: string): Promise<boolean> {
    const slot = this.#slots.get(credential);
    if (!slot) return this.#options.keyOf(credential) !== undefined;
    if (this.getCached(credential) !== undefined) return true;
    if (slot.inFlight) return slot.inFlight;
    return this.#mayRefresh(slot, this.#options.clock.now()) ? this.#refresh(slot) : false;
  }

  /** The upstream has refused a token: it is not presented again. False where a newer one is there already. */
  reject(credential: string, secret: string, isNew: boolean): boolean {
    const slot = this.#slots.get(credential);
    if (!slot || slot.record?.accessToken !== secret) return false;
    slot.refused = secret;
    if (isNew) slot.retryAt = this.#options.clock.now() + REFUSED_AGAIN;
    return true;
  }

  /** A new grant was configured, or an operator says so: what was said of the old one holds no more. */
  reset(credential: string): void {
    const slot = this.#slots.get(credential);
    if (slot) Object.assign(slot, { relogin: undefined, failures: 0, retryAt: 0 });
  }

  status(credential: string): TokenStatus | undefined {
    const slot = this.#slots.get(credential);
    if (!slot) return undefined;
    const { source, refreshes, unsure, lastError, relogin, retryAt } = slot;
    const end = endOf(slot);
    return {
      kind: source.kind,
      expiresAt: slot.record && end !== Infinity ? end : undefined,
      refreshes,
      unsure,
      lastError,
      relogin,
      retryAt: retryAt > this.#options.clock.now() ? retryAt : undefined,
    };
  }

  /** Resolves when no refresh is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight());
  }

  #inFlight(): Promise<boolean>[] {
    return [...this.#slots.values()].flatMap(({ inFlight }) => inFlight ?? []);
  }

  /**
   * Begins no more refreshes. Those under way get `grace` ms to finish: one that is broken off may have used its refresh token up.
   * Resolves when their tokens are stored and their leases free, or cannot be.
   */
  async close(grace: number): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer?.();
    if (await this.#waitUntilSettled(grace)) return;
    for (const controller of this.#controllers) controller.abort();
    await this.#waitUntilSettled(CLOSE_WAIT);
  }

  /** Tells whether no refresh is under way any more, after so long at most. */
  async #waitUntilSettled(ms: number): Promise<boolean> {
    const running = this.#inFlight();
    if (running.length === 0) return true;
    let cancel: CancelTimer = () => {};
    const late = new Promise<boolean>(
      (resolve) => (cancel = this.#options.clock.after(ms, () => resolve(false))),
    );
    const isDone = await Promise.race([Promise.all(running).then(() => true), late]);
    cancel();
    return isDone;
  }

  #mayRefresh(slot: TokenSlot, now: number): boolean {
    const isOut = slot.relogin !== undefined || this.#options.isDisabled(slot.id);
    return !this.#isClosed && !slot.inFlight && !isOut && now >= slot.retryAt;
  }

  /** One refresh at a time, which belongs to nobody's request (G5, G10). Never rejects. */
  #refresh(slot: TokenSlot): Promise<boolean> {
    const refreshing = this.#runRefresh(slot).finally(() => (slot.inFlight = undefined));
    slot.inFlight = refreshing;
    return refreshing;
  }

  async #runRefresh(slot: TokenSlot): Promise<boolean> {
    const { clock, onRefresh } = this.#options;
    const startedAt = clock.now();
    const controller = new AbortController();
    this.#controllers.add(controller);
    const cancel = clock.after(REFRESH_TIME, () => controller.abort());
    let code: string | undefined;
    try {
      await refresh(this.#options, slot, controller.signal);
      assertOther(slot);
      Object.assign(slot, { failures: 0, retryAt: 0, lastError: undefined });
    } catch (error) {
      code = await this.#failed(slot, error);
      this.#options.onFailed(slot.id, error, code);
    } finally {
      cancel();
      this.#controllers.delete(controller);
    }
    const ok = usableToken(slot, clock.now()) !== undefined;
    onRefresh({
      credential: slot.id,
      ok: code === undefined,
      code,
      duration: clock.now() - startedAt,
    });
    return ok;
  }

  async #failed(slot: TokenSlot, error: unknown): Promise<string> {
    const { clock, judge } = this.#options;
    const code = error instanceof TokenError ? error.code : "SOURCE";
    const refusal = error instanceof TokenError && code === "REFUSED" ? error.refusal : undefined;
    const verdict = refusal && judge(refusal);
    const isPermanent = LAST.has(code) || verdict?.disables === true;
    if (isPermanent && (await this.#hasChanged(slot))) return code;
    slot.lastError = verdict ? `${verdict.reason} (${verdict.evidence})` : code;
    if (isPermanent) {
      slot.relogin = slot.lastError;
      this.#options.onRelogin(slot.id, slot.lastError);
      return code;
    }
    const ladder = Math.min(FIRST_RETRY * 2 ** slot.failures++, LONGEST_RETRY);
    slot.retryAt = clock.now() + Math.max(verdict?.hint ?? 0, ladder);
    return code;
  }

  // Somebody else may have used the refresh token just before, and stored the next one (G8).
  async #hasChanged(slot: TokenSlot): Promise<boolean> {
    const sent = slot.record?.refreshToken ?? slot.source.refreshToken;
    try {
      const record = await this.#options.tokens.read(slot.id);
      if (
        !record ||
        record.refreshToken === sent ||
        record.generation <= (slot.record?.generation ?? -1)
      )
        return false;
      slot.record = record;
      return true;
    } catch {
      return false;
    }
  }

  #tickLater(): void {
    const { clock } = this.#options;
    if (this.#isClosed) return;
    this.#cancelTimer = clock.after(
      BACKGROUND_EVERY,
      () => void this.#tick().finally(() => this.#tickLater()),
    );
  }

  /** Refreshes what is about to end; what nobody has ever asked for stays as it is (G4). */
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

// A server may give what it gave before: Firebase within a second, others for as long as the token lives. Refused once, it is
// refused again, and asking at every request would bring the same.
function assertOther({ record, refused }: TokenSlot): void {
  if (refused !== undefined && record?.accessToken === refused)
    throw new TokenError({ step: "refresh", code: "SAME" });
}
