// The tokens of one acquirer: each is a credential that joins the pool, is used up, and is removed (H4, H7, H8).
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { CredentialRecord, DisableRecord, TokenRecord } from "../contract/records.ts";
import type { FreshToken } from "../contract/token-source.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { AcquirerDeps, AcquirerPool } from "./acquirer-deps.ts";
import {
  newCredentialId,
  toCredential,
  toCredentialRecord,
  toTokenRecord,
  toTokenSource,
  toTombstone,
} from "./acquired-records.ts";

/** Used-up tokens stay visible, disabled, until this many others have been used up after them. */
const SPENT_KEPT = 10;

export class AcquiredCredentials {
  readonly #deps: AcquirerDeps;
  readonly #config: AcquirerConfig;
  readonly #pool: AcquirerPool;
  /** Number of requests by credential, in order of joining. */
  readonly #requests = new Map<string, number>();
  readonly #spent = new Set<string>();
  #joined = 0;

  constructor(deps: AcquirerDeps, config: AcquirerConfig) {
    this.#deps = deps;
    this.#config = config;
    this.#pool = deps.pools.get(config.upstream)!;
  }

  /** How many are in use: available, or cooling down. */
  live(): number {
    return this.#live().length;
  }

  /** How many have joined since the start, created by this instance or by another. */
  joined(): number {
    return this.#joined;
  }

  /** Adds a token that was requested at `askedAt`, UTC epoch ms: its lifetime counts from then. */
  async join(token: FreshToken, askedAt: number): Promise<void> {
    const { clock, state, reporter } = this.#deps;
    const now = clock.now();
    const id = newCredentialId(this.#config, (one) => this.#pool.has(one));
    const record = toTokenRecord(id, token, { askedAt, now });
    // A token that cannot be stored serves until a restart; its attempt has been counted. A stored one returns after a restart.
    await state.tokens.write(record).catch((error: unknown) => this.#reportUnstored(id, error));
    state.putCredential(toCredentialRecord(id, this.#config, now));
    this.#add(id, record);
    reporter.info(`acquirer ${this.#config.id} has a new token: credential ${id}`);
  }

  /** Adds and removes credentials as the store has them. Rejects when a token cannot be read. */
  async restore(records: readonly CredentialRecord[]): Promise<void> {
    for (const { id, credential } of records) {
      if (!credential && this.#requests.has(id)) this.#remove(id);
      if (credential?.origin !== this.#config.id || this.#requests.has(id)) continue;
      // Without its token a credential can never serve. It may have been added during the read.
      const record = await this.#deps.state.tokens.read(id);
      if (record && !this.#requests.has(id)) this.#add(id, record);
    }
  }

  /**
   * Counts a request. Returns how many requests are left on all live tokens together; `undefined` when that is unknown, or the
   * credential belongs to another acquirer.
   */
  recordUse(credential: string): number | undefined {
    const { expectedRequests } = this.#config;
    const before = this.#requests.get(credential);
    if (before === undefined) return undefined;
    this.#requests.set(credential, before + 1);
    if (expectedRequests === undefined) return undefined;
    if (this.#isUsedUp(credential) && !this.#deps.health.get(credential)) this.#disable(credential);
    const left = (id: string): number => expectedRequests - this.#requests.get(id)!;
    return this.#live().reduce((sum, id) => sum + left(id), 0);
  }

  applyMark({ credential, disabled }: DisableRecord): void {
    if (!this.#requests.has(credential)) return;
    if (disabled && disabled.cause !== "operator") this.#retire(credential);
    else this.#spent.delete(credential);
  }

  #live(): string[] {
    return [...this.#requests.keys()].filter((id) => !this.#deps.health.get(id));
  }

  #add(id: string, record: TokenRecord): void {
    const { clock, state, keeper, health } = this.#deps;
    const now = clock.now();
    this.#requests.set(id, state.counters(id)?.requests ?? 0);
    this.#joined++;
    keeper.join(id, toTokenSource(this.#config), record);
    this.#pool.add([toCredential(id, this.#config)], now);
    if (health.get(id)) {
      this.#pool.setDisabled(id, true);
      this.#retire(id);
    } else if (this.#isUsedUp(id)) this.#disable(id);
  }

  #remove(id: string): void {
    const { clock, keeper, health } = this.#deps;
    this.#requests.delete(id);
    this.#spent.delete(id);
    this.#pool.remove([id], clock.now());
    keeper.leave(id);
    health.forget(id);
  }

  // Used up is final: no reset is assumed, and no request is sent to find out (H4).
  #disable(id: string): void {
    const { clock, health, reporter } = this.#deps;
    const reason = `its ${this.#config.expectedRequests} expected requests are used up`;
    health.disable(id, { cause: "exhausted", reason, at: clock.now() });
    reporter.info(`credential ${id} is disabled: ${reason}`);
  }

  #isUsedUp(id: string): boolean {
    return (this.#requests.get(id) ?? 0) >= (this.#config.expectedRequests ?? Infinity);
  }

  #retire(id: string): void {
    const { clock, state } = this.#deps;
    this.#spent.add(id);
    for (const old of this.#spent) {
      if (this.#spent.size <= SPENT_KEPT) return;
      this.#remove(old);
      state.putCredential(toTombstone(old, clock.now()));
      state.tokens.forget(old).catch((error: unknown) => this.#reportUnstored(old, error));
    }
  }

  #reportUnstored(id: string, error: unknown): void {
    this.#deps.reporter.error(
      `the token of credential ${id} could not be written to the state store: ${describeFault(error)}`,
    );
  }
}
