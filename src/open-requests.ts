// The requests under way, so that a relay that closes knows what it waits for.
import type { Clock } from "./contract/clock.ts";
import type { Life } from "./life.ts";
import { RelayError } from "./errors.ts";

export class OpenRequests {
  readonly #lives = new Map<string, Life>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#lives.size;
  }

  add(life: Life): void {
    this.#lives.set(life.id, life);
  }

  delete(life: Life): void {
    this.#lives.delete(life.id);
    if (this.#lives.size === 0) this.#onEmpty?.();
  }

  /** Ends one request; false where none of that id is under way. */
  stop(id: string): boolean {
    const life = this.#lives.get(id);
    life?.interrupt(new RelayError("ERR_RELAY_STOPPED"));
    return life !== undefined;
  }

  /** Resolves when all have ended: by themselves within `grace` ms, or then because they are told to (K16). */
  async drain(grace: number, clock: Clock): Promise<void> {
    if (this.size === 0) return;
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    const cancel = clock.after(grace, () => {
      for (const life of this.#lives.values()) life.interrupt(new RelayError("ERR_RELAY_SHUTDOWN"));
    });
    await empty;
    cancel();
  }
}
