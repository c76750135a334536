// When a relay may serve, what it does now and then, and how it ends.
import type { Transport } from "../contract/transport.ts";
import type { Core } from "./core.ts";
import type { CredentialServices } from "./wire-credentials.ts";

/** Expired records are deleted at most once in this time, in ms. */
const PRUNE_EVERY = 60_000;

export class Lifecycle {
  readonly #core: Core;
  readonly #credentials: CredentialServices;
  readonly #transportCreated: Promise<Transport>;
  #transport: Transport | undefined;
  #isReady = false;
  #lastPrunedAt: number;
  /** Resolves when state and transport are ready. Rejects if the transport cannot be created. */
  readonly ready: Promise<void>;

  constructor(core: Core, credentials: CredentialServices, transport: Promise<Transport>) {
    this.#core = core;
    this.#credentials = credentials;
    this.#lastPrunedAt = core.clock.now();
    this.#transportCreated = transport.then((created) => (this.#transport = created));
    this.ready = Promise.all([credentials.restorer.loaded, this.#transportCreated]).then(() => {});
    // If the transport cannot be created, each request reports it through `loaded`.
    this.ready.then(
      () => {
        this.#isReady = true;
        credentials.quotas.start();
      },
      () => {},
    );
  }

  /** The transport; to be called only when `loaded` has resolved. */
  transport(): Transport {
    return this.#transport!;
  }

  /** Resolves when a request may be attempted; `undefined` if it may be attempted now. */
  loaded(): Promise<void> | undefined {
    if (this.#isReady) return undefined;
    const { restorer } = this.#credentials;
    return Promise.all([restorer.waitForLoad(), this.#transportCreated]).then(() => {});
  }

  /** Deletes expired records once a minute, and loads the state again if that has failed. */
  tidy(): void {
    const { clock, cooldowns, pools } = this.#core;
    const { restorer, runtimeCredentials } = this.#credentials;
    restorer.retry();
    const now = clock.now();
    if (now - this.#lastPrunedAt < PRUNE_EVERY) return;
    this.#lastPrunedAt = now;
    cooldowns.prune(now);
    for (const pool of pools.values()) pool.prune(now);
    runtimeCredentials.prune();
  }

  /** Resolves when no load, refresh or write is under way. */
  async settled(): Promise<void> {
    const { restorer, tokens } = this.#credentials;
    await Promise.allSettled([this.ready, restorer.settled(), tokens.settled()]);
    await this.#core.state.flush();
  }

  /** Ends the relay: open requests, refreshes, writes, connections. */
  close(): Promise<void> {
    const { shutdown, openRequests, state } = this.#core;
    const transport = (): Transport | undefined => this.#transport;
    return shutdown.close({ ...this.#credentials, openRequests, state, transport });
  }
}
