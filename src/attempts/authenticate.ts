// A credential has been selected and has no token yet: waits for one, and checks again that its key is open.
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import { settledWithin } from "../shared/wait.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import { type AttemptState, historyOf, type Selection } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";
import type { CredentialSelector } from "./select-credential.ts";

/** How long a request waits for a token, in ms, before it selects another credential; the refresh goes on (G11). */
const TOKEN_WAIT = 5_000;

type Deps = Pick<AttemptServices, "pools" | "tokens" | "cooldowns" | "clock">;

export class Authenticator {
  readonly #deps: Deps;
  readonly #selector: CredentialSelector;

  constructor(deps: Deps, selector: CredentialSelector) {
    this.#deps = deps;
    this.#selector = selector;
  }

  /** Adds the token to a selection. False if there is none: the selection has been released, and another is needed. */
  async authenticate(
    plan: RequestPlan,
    state: AttemptState,
    selection: Selection,
  ): Promise<boolean> {
    const { tokens, clock } = this.#deps;
    const { credential } = selection;
    let isKept = false;
    try {
      await plan.context.during(settledWithin(tokens.ensure(credential), TOKEN_WAIT, clock));
      const secret = tokens.getCached(credential);
      if (secret === undefined) exclude(state, credential);
      // Other requests may have been refused meanwhile: a key that was closed since then is not called (D7).
      isKept = secret !== undefined && this.#isStillOpen(plan, selection);
      if (isKept) selection.secret = secret;
    } finally {
      if (!isKept) this.#selector.release(plan, selection, clock.now());
    }
    return isKept;
  }

  #isStillOpen({ target }: RequestPlan, { credential, met, probe }: Selection): boolean {
    const { cooldowns, clock } = this.#deps;
    const now = clock.now();
    if (poolOf(this.#deps, target).isOpen(credential, target, now)) return true;
    // Its own probe, or the cooldown that this request retries in, is no obstacle to this request.
    const closing = cooldowns.closing(credential, target, now);
    const isOwn = (it: Cooldown): boolean => it.openedAt === met?.openedAt || !!probe?.covers(it);
    return closing.length > 0 && closing.every(isOwn);
  }
}

function exclude(state: AttemptState, credential: string): void {
  state.excluded.push(credential);
  historyOf(state).tokenless.add(credential);
}
