// What the relay knew before: fills cooldowns and health from the state at start, and writes marks with their secret's hash.
import type { CredentialRecord, LoadedState, DisableRecord } from "../contract/state.ts";
import type { VerdictApplierDeps } from "../cooldowns/apply-verdict.ts";
import { hashSecret, isSameSecret } from "../state/secrets/secret-hash.ts";

/** The first request waits so long for the state, then goes on without it (K15). */
const PATIENCE = 2_000;
/** A load that failed is tried again after so long. */
const AGAIN = 5_000;

export interface StateRestorer {
  /** Resolves after the first load, whether it succeeded or not. */
  readonly loaded: Promise<void>;
  /** Resolves when a request may go on: the load is over, or has taken too long. */
  waitForLoad(): Promise<void>;
  /** Loads again where that has failed and is due: on Workers no timer does, since one ends with the request that set it. */
  retry(): void;
  /** Resolves when no load is under way. */
  settled(): Promise<void>;
  /** Writes a mark; the secret's salted hash goes with it, so that a changed secret is noticed after a restart (A1). */
  remember(mark: DisableRecord): Promise<void>;
  /** Begins no load any more and resolves when every mark has been handed to the state. */
  stop(): Promise<void>;
}

interface StateRestorerDeps extends Pick<
  VerdictApplierDeps,
  "config" | "cooldowns" | "pools" | "health" | "state" | "reporter" | "clock"
> {
  /** Takes in credentials that were made at run time, after the marks. */
  takeCredentials(records: readonly CredentialRecord[]): Promise<void>;
  /** Hears of each mark that another life, or another instance, has written. */
  onMark(mark: DisableRecord): void;
  /** A load is over: the state is there, or could not be read; or it has taken longer than a request waits (`false`). */
  onLoad(isLoaded: boolean): void;
}

export function createStateRestorer(rooms: StateRestorerDeps): StateRestorer {
  const { config, cooldowns, pools, health, state, reporter, clock } = rooms;
  const writing = new Set<Promise<void>>();

  /** What a credential was configured with: its key, or the secrets its tokens are had with. */
  function secretOf(id: string): string | undefined {
    const source = config.sources.get(id);
    const configured = typeof source === "object" ? source : undefined;
    return config.secrets.get(id) ?? configured?.secret ?? configured?.refreshToken;
  }

  let isStopped = false;

  /** When a load that failed is tried again, UTC epoch ms. */
  let againAt: number | undefined;
  let loading: Promise<void> = Promise.resolve();

  function load(): Promise<void> {
    againAt = undefined;
    return (loading = isStopped ? loading : loadOnce());
  }

  function retry(): void {
    if (againAt !== undefined && clock.now() >= againAt) void load();
  }

  async function loadOnce(): Promise<void> {
    try {
      await takeIn(await state.load());
      rooms.onLoad(true);
    } catch {
      // Why, the state itself has told.
      rooms.onLoad(false);
      againAt = clock.now() + AGAIN;
      // Whatever the clock says then: a timer may ring a moment before its time.
      clock.after(AGAIN, () => void (againAt !== undefined && load()));
    }
  }

  async function takeIn({ cooldowns: records, marks, credentials }: LoadedState): Promise<void> {
    const now = clock.now();
    for (const record of records) {
      const restored = cooldowns.restore(record, now);
      if (restored) pools.get(restored.key.upstream)?.changed(restored.key, now);
    }
    for (const mark of marks) if (health.restore(mark)) apply(mark);
    await Promise.all(
      marks.filter(({ disabled }) => disabled && disabled.cause !== "operator").map(wakeIfNew),
    );
    await rooms.takeCredentials(credentials);
  }

  function apply(mark: DisableRecord): void {
    const { credential, disabled } = mark;
    for (const pool of pools.values()) pool.setDisabled(credential, disabled !== undefined);
    rooms.onMark(mark);
  }

  // A new secret ends what was said of the old one; what an operator said stays (F3).
  async function wakeIfNew({ credential, secretHash }: DisableRecord): Promise<void> {
    const secret = secretOf(credential);
    if (secret === undefined || secretHash === "" || (await isSameSecret(secret, secretHash)))
      return;
    if (health.enable(credential, clock.now()))
      reporter.info(`credential ${credential} is enabled again: its secret has changed`);
  }

  async function write(mark: DisableRecord): Promise<void> {
    const secret = secretOf(mark.credential);
    const secretHash = mark.disabled && secret !== undefined ? await hashSecret(secret) : "";
    state.putMark({ ...mark, secretHash });
  }

  state.follow(takeIn);
  const loaded = load();
  let isOutOfPatience = false;

  // Each request has a timer of its own: on Workers one ends with the request that set it.
  async function waitForLoad(): Promise<void> {
    if (isOutOfPatience) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(PATIENCE, () => {
        isOutOfPatience = true;
        rooms.onLoad(false);
        resolve();
      });
      void loaded.then(() => {
        cancel();
        resolve();
      });
    });
  }

  return {
    loaded,
    waitForLoad,
    retry,
    settled: () => loading,
    remember(mark) {
      const written = write(mark).finally(() => writing.delete(written));
      writing.add(written);
      return written;
    },
    async stop() {
      isStopped = true;
      await Promise.allSettled(writing);
    },
  };
}
