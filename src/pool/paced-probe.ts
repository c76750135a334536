// One request's places in the paced return of the keys that it uses (F4, F8).
import type { Key } from "../contract/credential.ts";
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import type { Admission, Cooldowns } from "../cooldowns/cooldowns.ts";
import type { Probe } from "./selection.ts";

export class PacedProbe implements Probe {
  readonly #cooldowns: Cooldowns;
  readonly #admissions: readonly Admission[];
  readonly #pool: AdmittingPool;
  #isSettled = false;

  constructor(cooldowns: Cooldowns, admissions: readonly Admission[], pool: AdmittingPool) {
    this.#cooldowns = cooldowns;
    this.#admissions = admissions;
    this.#pool = pool;
  }

  get keys(): readonly Key[] {
    return this.#admissions.map(({ key }) => key);
  }

  covers({ pace }: Cooldown): boolean {
    return this.#admissions.some((it) => it.pace === pace);
  }

  serve(now: number): void {
    this.#settle(true, now);
  }

  end(now: number): void {
    this.#settle(false, now);
  }

  #settle(isServed: boolean, now: number): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const it of this.#admissions) {
      const places = this.#cooldowns.settle(it, isServed, now);
      if (places > 0) this.#pool.admits(it.key, places, now);
    }
  }
}

/** The part of a pool that is used when a key admits further requests. */
interface AdmittingPool {
  admits(key: Key, places: number, now: number): void;
}
