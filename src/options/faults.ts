// Collects the faults of one set of options. All are reported at once, by path and never by value, which could be a secret.
import { type OptionFault, RelayError } from "../shared/errors.ts";
import { FAULTS_COUNTED } from "../shared/option-faults.ts";
import { isLikeSecret } from "../shared/key-faults.ts";

/** Maximum number of faults in a message. */
const SHOWN = 20;
const IN_CREDENTIAL = /^credentials\[(\d+)\]/;

/** Throws `ERR_RELAY_OPTIONS` for the option at `path`. `resolveOptions` collects it with the other faults. */
export function wrong(path: string, detail: string): never {
  throw new RelayError("ERR_RELAY_OPTIONS", { path, detail });
}

export class Faults {
  readonly #options: object;
  /** Faults by place: the path, except for faults without a path of their own. */
  readonly #found = new Map<string, OptionFault>();

  /** The ids of credentials are read from `options`. */
  constructor(options: object) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  /** True when enough faults have been found: the search can stop. */
  get isFull(): boolean {
    return this.#found.size >= FAULTS_COUNTED;
  }

  /** Adds a fault, unless its place is in the place of another fault, from which it follows. */
  add(path: string, detail: string, place: string = path): void {
    if (!this.isFull && !this.hasAt(place)) this.#found.set(place, { path, detail });
  }

  /** True if this option, one that contains it or one inside it has a fault. */
  hasAt(path: string): boolean {
    if (this.#found.size === 0) return false;
    return this.some((known) => isInside(known, path) || isInside(path, known));
  }

  some(matches: (path: string) => boolean): boolean {
    for (const path of this.#found.keys()) if (matches(path)) return true;
    return false;
  }

  /** Runs a step and collects the fault that it throws. Its result is valid only if there is no fault. */
  attempt<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      this.take(error);
      return undefined as T;
    }
  }

  /** Collects what a step threw. Other errors are ignored after a fault, because they follow from it. */
  take(error: unknown): void {
    if (error instanceof RelayError && error.code === "ERR_RELAY_OPTIONS")
      this.add(error.facts.path ?? "options", error.facts.detail ?? "is wrong");
    else if (this.isEmpty) throw error;
  }

  /** Throws `ERR_RELAY_OPTIONS` with all faults, if there is one. */
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

function isInside(inner: string, outer: string): boolean {
  return (
    inner.startsWith(outer) &&
    (inner.length === outer.length || inner[outer.length] === "." || inner[outer.length] === "[")
  );
}
