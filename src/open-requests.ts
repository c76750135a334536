// The requests under way, so that a relay that closes knows what it waits for.
import type { Clock } from "./contract/clock.ts";
import type { Life } from "./life.ts";
import { Bag } from "./bag.ts";
import { RelayError } from "./errors.ts";

export class OpenRequests {
  readonly #lives = new Bag<Life>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#lives.size;
  }

  add(life: Life): void {
    this.#lives.add(life);
  }

  delete(life: Life): void {
    this.#lives.delete(life);
    if (this.#lives.size === 0) this.#onEmpty?.();
  }

  /** Ends one request; false where none of that id is under way. */
  stop(id: string): boolean {
    for (const life of this.#lives) {
      if (life.id !== id) continue;
      life.interrupt(new RelayError("ERR_RELAY_STOPPED"));
      return true;
    }
    return false;
  }

  /** Resolves when all have ended: by themselves within `grace` ms, or then because they are told to (K16). */
  async drain(grace: number, clock: Clock): Promise<void> {
    if (this.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    const cancel = clock.after(grace, () => {
      for (const life of this.#lives) life.interrupt(new RelayError("ERR_RELAY_SHUTDOWN"));
    });
    await empty;
    cancel();
  }
}
