// Options that a source requires. A missing one is an error at start, not at the provider: often its environment variable is not set.
import { type OptionFault, RelayError } from "../shared/errors.ts";
import { faultOfKey } from "../shared/key-faults.ts";

/** Options of sources that are secrets without spaces. */
const KEYS: ReadonlySet<string> = new Set(["apiKey", "clientSecret", "refreshToken"]);

/**
 * Throws `ERR_RELAY_OPTIONS` with all options that are missing or empty, and all secrets that are malformed (in quotes, with a line
 * break). `path` is the name of the source.
 */
export function assertRequired<T extends object>(
  path: string,
  options: T,
  names: readonly (keyof T & string)[],
): void {
  const all = new Set([...names, ...Object.keys(options).filter((name) => KEYS.has(name))]);
  const faults = [...all].flatMap((name): OptionFault[] => {
    const value: unknown = options[name as keyof T];
    const isMissing = value === undefined || value === "";
    // Some secrets are optional for a source; where one is required, the credential's options report it.
    if (isMissing && !(names as readonly string[]).includes(name)) return [];
    const detail = isMissing
      ? "is missing; is its environment variable set?"
      : KEYS.has(name) && typeof value === "string"
        ? faultOfKey(value)
        : undefined;
    return detail === undefined ? [] : [{ path: `${path}.${name}`, detail }];
  });
  const [first] = faults;
  if (first)
    throw new RelayError("ERR_RELAY_OPTIONS", { ...first, faults, faultCount: faults.length });
}
