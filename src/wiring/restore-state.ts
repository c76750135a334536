// What the relay remembers: fills cooldowns and disabled credentials from the state at start, and writes what is disabled.
import type { CredentialRecord, DisableRecord } from "../contract/records.ts";
import type { LoadedState, State } from "../contract/state.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { Pool } from "../pool/pool.ts";
import { settledWithin } from "../shared/wait.ts";
import { hashSecret, isSameSecret } from "../state/secrets/secret-hash.ts";
import type { Base } from "./base.ts";

/** How long the first request waits for the state, in ms, before it goes on without it (K15). */
const LOAD_WAIT = 2_000;
/** A load that failed is repeated after this time, in ms. */
const RETRY_AFTER = 5_000;
/** Number of ids that one line names. */
const NAMED = 5;

export interface StateRestorerDeps extends Pick<Base, "config" | "reporter" | "clock"> {
  cooldowns: Cooldowns;
  disabled: DisabledCredentials;
  pools: ReadonlyMap<string, Pool>;
  state: Pick<State, "load" | "unread" | "follow" | "putMark">;
  /** Called with credentials that were added at run time, after the marks. */
  onCredentials(records: readonly CredentialRecord[]): Promise<void>;
  /** Called for each mark that was written before a restart, or by another instance. */
  onMark(mark: DisableRecord): void;
  /** Called when a load has ended, with whether it succeeded; and with `false` when it takes longer than a request waits. */
  onLoad(isLoaded: boolean): void;
}

export class StateRestorer {
  readonly #deps: StateRestorerDeps;
  readonly #writing = new Set<Promise<void>>();
  /** Credentials that are not chosen, because they may be disabled: their mark is listed and could not be read (K15). */
  #held: readonly string[] = [];
  #isStopped = false;
  #isWaitOver = false;
  /** When a load that failed is repeated, UTC epoch ms. */
  #retryAt: number | undefined;
  #loading: Promise<void> = Promise.resolve();
  /** Resolves after the first load, whether it succeeded or not. */
  readonly loaded: Promise<void>;

  constructor(deps: StateRestorerDeps) {
    this.#deps = deps;
    deps.state.follow((changes) => this.#apply(changes));
    this.loaded = this.#load();
  }

  /** Resolves when a request may go on: the load has ended, or has taken too long. */
  async waitForLoad(): Promise<void> {
    if (this.#isWaitOver) return;
    // Each request has a timer of its own: on Workers a timer ends with the request that set it.
    if (await settledWithin(this.loaded, LOAD_WAIT, this.#deps.clock)) return;
    this.#isWaitOver = true;
    this.#deps.onLoad(false);
  }

  /** Repeats a load that has failed, when it is due. On Workers no timer does, because it ends with the request that set it. */
  retry(): void {
    if (this.#retryAt !== undefined && this.#deps.clock.now() >= this.#retryAt) void this.#load();
  }

  /** Resolves when no load is under way. */
  settled(): Promise<void> {
    return this.#loading;
  }

  /** Writes a mark with the salted hash of its credential's secret, so that a changed secret is noticed after a restart (A1). */
  remember(mark: DisableRecord): Promise<void> {
    const written = this.#write(mark).finally(() => this.#writing.delete(written));
    this.#writing.add(written);
    return written;
  }

  /** Starts no further load. Resolves when every mark has been passed to the state. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.allSettled(this.#writing);
  }

  #load(): Promise<void> {
    this.#retryAt = undefined;
    return (this.#loading = this.#isStopped ? this.#loading : this.#loadOnce());
  }

  async #loadOnce(): Promise<void> {
    const { state, clock, onLoad } = this.#deps;
    try {
      await this.#apply(withoutRefusedKeys(await state.load()));
      this.#hold([]);
      onLoad(true);
    } catch {
      this.#hold(state.unread());
      // The state itself has logged the cause.
      onLoad(false);
      this.#retryAt = clock.now() + RETRY_AFTER;
      // Whatever the clock says then: a timer may ring a moment early.
      clock.after(RETRY_AFTER, () => void (this.#retryAt !== undefined && this.#load()));
    }
  }

  async #apply({ cooldowns: records, marks, credentials }: LoadedState): Promise<void> {
    const { cooldowns, disabled, pools, clock, onCredentials } = this.#deps;
    const now = clock.now();
    for (const record of records) {
      const restored = cooldowns.restore(record, now);
      if (restored) pools.get(restored.key.upstream)?.changed(restored.key, now);
    }
    for (const mark of marks) if (disabled.restore(mark)) this.#applyMark(mark);
    const byRelay = marks.filter((mark) => mark.disabled && mark.disabled.cause !== "operator");
    await Promise.all(byRelay.map((mark) => this.#enableIfNew(mark)));
    await onCredentials(credentials);
  }

  #hold(credentials: readonly string[]): void {
    const { disabled, pools, reporter } = this.#deps;
    const before = this.#held;
    this.#held = credentials;
    if (credentials.length > 0 && before.length === 0)
      reporter.warn(
        `credential ${credentials.slice(0, NAMED).join(", ")}${credentials.length > NAMED ? ", …" : ""} is not used until its record can be read: it may be disabled`,
      );
    for (const id of new Set([...before, ...credentials])) {
      const isOut = credentials.includes(id) || disabled.get(id) !== undefined;
      for (const pool of pools.values()) pool.setDisabled(id, isOut);
    }
  }

  #applyMark(mark: DisableRecord): void {
    const { pools, onMark } = this.#deps;
    const { credential, disabled } = mark;
    for (const pool of pools.values()) pool.setDisabled(credential, disabled !== undefined);
    onMark(mark);
  }

  // A new secret enables a credential that was disabled for its old one; an operator's mark stays (F3).
  async #enableIfNew({ credential, secretHash }: DisableRecord): Promise<void> {
    const { disabled, clock, reporter } = this.#deps;
    const secret = this.#secretOf(credential);
    if (secret === undefined || secretHash === "" || (await isSameSecret(secret, secretHash)))
      return;
    if (disabled.enable(credential, clock.now()))
      reporter.info(`credential ${credential} is enabled again: its secret has changed`);
  }

  async #write(mark: DisableRecord): Promise<void> {
    const secret = this.#secretOf(mark.credential);
    const secretHash = mark.disabled && secret !== undefined ? await hashSecret(secret) : "";
    this.#deps.state.putMark({ ...mark, secretHash });
  }

  /** What a credential was configured with: its key, or the secret that its tokens are requested with. */
  #secretOf(id: string): string | undefined {
    const { secrets, sources } = this.#deps.config;
    const source = sources.get(id);
    const configured = typeof source === "object" ? source : undefined;
    return secrets.get(id) ?? configured?.secret ?? configured?.refreshToken;
  }
}

/** A key that was refused before a restart may have been replaced since: it is tried once. */
function withoutRefusedKeys(loaded: LoadedState): LoadedState {
  const cooldowns = loaded.cooldowns.filter(({ reason }) => reason !== "UNAUTHENTICATED");
  return { ...loaded, cooldowns };
}
