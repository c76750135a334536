// Calls to the operator's quota sources: one at a time for each credential and model, with a time limit.
import type { Clock } from "../contract/clock.ts";
import type { QuotaAnswer, QuotaSource } from "../contract/quota-source.ts";
import { describeFault } from "../shared/describe-error.ts";

export interface QuotaRequestsDeps {
  clock: Clock;
  /** Passed on to the quota source. */
  fetch: typeof fetch;
  /** The secret that a credential presents now; `undefined` when it has none. */
  getSecret(credential: string): string | undefined;
  warn(message: string): void;
}

/** Time limit of a quota source, in ms. */
const TIMEOUT = 10_000;

export class QuotaRequests {
  readonly #deps: QuotaRequestsDeps;
  readonly #running = new Map<string, Promise<QuotaAnswer | undefined>>();
  readonly #controllers = new Set<AbortController>();
  #isStopped = false;

  constructor(deps: QuotaRequestsDeps) {
    this.#deps = deps;
  }

  /** Calls a source, or joins its call under way. `undefined` when it fails, does not answer in time, or has no secret to use. */
  request(
    source: QuotaSource | undefined,
    credential: string,
    model: string | undefined,
  ): Promise<QuotaAnswer | undefined> {
    const name = `${credential}\n${model ?? ""}`;
    const running = this.#running.get(name);
    if (running) return running;
    const started = this.#call(source, credential, model).finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    return started;
  }

  /** Aborts all calls and starts no more. */
  stop(): void {
    this.#isStopped = true;
    for (const controller of this.#controllers) controller.abort();
  }

  async #call(
    source: QuotaSource | undefined,
    credential: string,
    model: string | undefined,
  ): Promise<QuotaAnswer | undefined> {
    const { clock, fetch, getSecret, warn } = this.#deps;
    const secret = getSecret(credential);
    if (!source || secret === undefined || this.#isStopped) return undefined;
    const controller = new AbortController();
    this.#controllers.add(controller);
    const { signal } = controller;
    const cancel = clock.after(TIMEOUT, () => controller.abort());
    try {
      const aborted = new Promise<undefined>((resolve) =>
        signal.addEventListener("abort", () => resolve(undefined), { once: true }),
      );
      const answer = source({ credential, secret, model, fetch, signal });
      return await Promise.race([answer, aborted]);
    } catch (error) {
      warn(`the quota of ${credential} could not be read: ${describeFault(error)}`);
      return undefined;
    } finally {
      cancel();
      this.#controllers.delete(controller);
    }
  }
}
