// The requests under way, so that a relay that closes knows what it waits for.
import type { Clock } from "../contract/clock.ts";
import type { RequestContext } from "./request-context.ts";
import { Bag } from "../shared/bag.ts";
import { RelayError } from "../shared/errors.ts";

export class OpenRequests {
  readonly #lives = new Bag<RequestContext>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#lives.size;
  }

  add(context: RequestContext): void {
    this.#lives.add(context);
  }

  delete(context: RequestContext): void {
    this.#lives.delete(context);
    if (this.#lives.size === 0) this.#onEmpty?.();
  }

  /** Ends one request; false where none of that id is under way. */
  stop(id: string): boolean {
    for (const context of this.#lives) {
      if (context.id !== id) continue;
      context.interrupt(new RelayError("ERR_RELAY_STOPPED"));
      return true;
    }
    return false;
  }

  /** Resolves when all have ended: by themselves within `grace` ms, or then because they are told to (K16). */
  async drain(grace: number, clock: Clock): Promise<void> {
    if (this.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    const cancel = clock.after(grace, () => {
      for (const context of this.#lives) context.interrupt(new RelayError("ERR_RELAY_SHUTDOWN"));
    });
    await empty;
    cancel();
  }
}
