// The end of a relay: open requests first, then refreshes, then what is not yet written, then connections.
import type { Acquirers } from "../anonymous/acquirers.ts";
import type { Clock } from "../contract/clock.ts";
import type { State } from "../contract/state.ts";
import type { Transport } from "../contract/transport.ts";
import type { QuotaPoller } from "../quota/quota-poller.ts";
import type { OpenRequests } from "../request/open-requests.ts";
import type { TokenProvider } from "../tokens/token-provider.ts";
import type { StateRestorer } from "./restore-state.ts";

export interface ShutdownDeps {
  openRequests: OpenRequests;
  quotas: QuotaPoller;
  tokens: TokenProvider;
  acquirers: Acquirers | undefined;
  restorer: StateRestorer;
  state: Pick<State, "close">;
  /** `undefined` until it has been created. */
  transport(): Transport | undefined;
}

export class Shutdown {
  readonly #clock: Clock;
  readonly #grace: number;
  #closing: Promise<void> | undefined;

  /** `grace`: how long open requests may go on, in ms; then they are ended. */
  constructor(clock: Clock, grace: number) {
    this.#clock = clock;
    this.#grace = grace;
  }

  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends the relay. A second call waits for the same end, so that a host that exits after it cuts nothing off. */
  close(deps: ShutdownDeps): Promise<void> {
    return (this.#closing ??= this.#closeAll(deps));
  }

  async #closeAll(deps: ShutdownDeps): Promise<void> {
    const { openRequests, quotas, tokens, acquirers, restorer, state, transport } = deps;
    await openRequests.drain(this.#grace, this.#clock);
    quotas.stop();
    await tokens.close(this.#grace);
    await acquirers?.close();
    await restorer.stop();
    await Promise.all([state.close(), transport()?.close()]);
  }
}
