// The faults of one set of options, collected: all are told at once, by path and never by value, which could be a secret.
import { type OptionFault, RelayError } from "../shared/errors.ts";
import { FAULTS_COUNTED } from "../shared/option-faults.ts";
import { isLikeSecret } from "../shared/key-faults.ts";

/** Faults that are shown; of a large pool that is wrong throughout, the first are enough. */
const SHOWN = 20;
const IN_CREDENTIAL = /^credentials\[(\d+)\]/;

/** Throws `ERR_RELAY_OPTIONS` for the option at `path`. Inside `resolveOptions` it becomes one fault of all. */
export function wrong(path: string, detail: string): never {
  throw new RelayError("ERR_RELAY_OPTIONS", { path, detail });
}

export class Faults {
  readonly #options: object;
  /** By their place, which is the path but for what has none of its own. */
  readonly #found = new Map<string, OptionFault>();

  /** `options` are looked into for the ids of credentials. */
  constructor(options: object) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  /** True when there are more than anybody will read: looking can stop. */
  get isFull(): boolean {
    return this.#found.size >= FAULTS_COUNTED;
  }

  /** Adds a fault, but for a place that is in one already: what follows from a fault is none of its own. */
  add(path: string, detail: string, place: string = path): void {
    if (!this.isFull && !this.hasAt(place)) this.#found.set(place, { path, detail });
  }

  /** True where this option, one that it lies in or one that lies in it is wrong. */
  hasAt(path: string): boolean {
    if (this.#found.size === 0) return false;
    return this.some((known) => lies(known, path) || lies(path, known));
  }

  some(matches: (path: string) => boolean): boolean {
    for (const path of this.#found.keys()) if (matches(path)) return true;
    return false;
  }

  /** Runs a step of resolving. What it reports by `wrong` is collected; its result counts only where nothing is wrong. */
  attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.take(error);
      return undefined as T;
    }
  }

  /** Collects what a step threw. A step that fails over a part that is known to be wrong has nothing to add. */
  take(error: unknown): void {
    if (error instanceof RelayError && error.code === "ERR_RELAY_OPTIONS")
      this.add(error.facts.path ?? "options", error.facts.detail ?? "is wrong");
    else if (this.isEmpty) throw error;
  }

  /** Throws `ERR_RELAY_OPTIONS` with all of them, where there is one. */
  throwAny(): void {
    if (this.isEmpty) return;
    const faults = [...this.#found.values()].slice(0, SHOWN).map((it) => this.#withId(it));
    const [{ path, detail }] = faults as [OptionFault];
    const faultCount = this.#found.size;
    throw new RelayError("ERR_RELAY_OPTIONS", { path, detail, faults, faultCount });
  }

  #withId({ path, detail }: OptionFault): OptionFault {
    const credential = this.#idAt(path);
    return credential === undefined ? { path, detail } : { path, credential, detail };
  }

  #idAt(path: string): string | undefined {
    const at = IN_CREDENTIAL.exec(path)?.[1];
    const { credentials } = (this.#options ?? {}) as { credentials?: unknown };
    if (at === undefined || !Array.isArray(credentials)) return undefined;
    const { id, apiKey } = (credentials[Number(at)] ?? {}) as { id?: unknown; apiKey?: unknown };
    if (typeof id !== "string" || id === "" || id === apiKey || isLikeSecret(id)) return undefined;
    return id;
  }
}

function lies(inner: string, outer: string): boolean {
  return (
    inner.startsWith(outer) &&
    (inner.length === outer.length || inner[outer.length] === "." || inner[outer.length] === "[")
  );
}
