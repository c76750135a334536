// What a source must be given, and is not where an environment variable is not set: said at start, not by the provider.
import { RelayError } from "../errors.ts";

/** Throws `ERR_RELAY_OPTIONS` for the first option that is missing or empty. `path` is the source's name. */
export function assertGiven<T extends object>(
  path: string,
  options: T,
  names: readonly (keyof T & string)[],
): void {
  const missing = names.find((name) => options[name] === undefined || options[name] === "");
  if (missing === undefined) return;
  throw new RelayError("ERR_RELAY_OPTIONS", {
    path: `${path}.${missing}`,
    detail: "is missing; is its environment variable set?",
  });
}
