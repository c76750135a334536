// What a source must be given, and is not where an environment variable is not set: said at start, not by the provider.
import { type OptionFault, RelayError } from "../shared/errors.ts";
import { faultOfKey } from "../shared/key-faults.ts";

/** Options of sources that are secrets of one word. */
const KEYS: ReadonlySet<string> = new Set(["apiKey", "clientSecret", "refreshToken"]);

/**
 * Throws `ERR_RELAY_OPTIONS` with every option that is missing or empty, and every secret that is not what it should be (in quotes,
 * with a line break). `path` is the source's name.
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
    // A source may do without some of its secrets; where that is a mistake, the credential says so.
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
