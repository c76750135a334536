// The requests in progress, so that a relay that shuts down can wait for them.
import type { Clock } from "../contract/clock.ts";
import type { RequestContext } from "./request-context.ts";
import { Bag } from "../shared/bag.ts";
import { RelayError } from "../shared/errors.ts";

export class OpenRequests {
  readonly #contexts = new Bag<RequestContext>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#contexts.size;
  }

  add(context: RequestContext): void {
    this.#contexts.add(context);
  }

  delete(context: RequestContext): void {
    this.#contexts.delete(context);
    if (this.#contexts.size === 0) this.#onEmpty?.();
  }

  /** Ends one request; false where no request of that id is in progress. */
  stop(id: string): boolean {
    for (const context of this.#contexts) {
      if (context.id !== id) continue;
      context.interrupt(new RelayError("ERR_RELAY_STOPPED"));
      return true;
    }
    return false;
  }

  /** Resolves when all requests have ended: by themselves within `grace` ms, afterwards by interruption (K16). */
  async drain(grace: number, clock: Clock): Promise<void> {
    if (this.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    const cancel = clock.after(grace, () => {
      for (const context of this.#contexts) context.interrupt(new RelayError("ERR_RELAY_SHUTDOWN"));
    });
    await empty;
    cancel();
  }
}
