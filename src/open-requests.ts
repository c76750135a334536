// The requests under way, so that a relay that closes knows what it waits for.
import type { Clock } from "./contract/clock.ts";
import type { Life } from "./life.ts";
import { RelayError } from "./errors.ts";

export class OpenRequests {
  readonly #lives = new Set<Life>();
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
