// Resolves `trustProxy`: the number of trusted proxies, or their networks.
import { LOOPBACK, type Network, parseNetwork, PRIVATE } from "../shared/ip-addresses.ts";

/** Names of well-known networks. */
const NAMED: ReadonlyMap<string, readonly Network[]> = new Map([
  ["loopback", LOOPBACK],
  ["private", PRIVATE],
]);

/** Returns the networks of one entry of the option; `undefined` if it is not valid. */
export function toNetworks(entry: string): readonly Network[] | undefined {
  const network = parseNetwork(entry);
  return network ? [network] : NAMED.get(entry);
}

/** Resolves the option after its schema has been checked. */
export function resolveTrustProxy(
  option: number | readonly string[] | undefined,
): number | readonly Network[] | undefined {
  return typeof option === "object" ? option.flatMap((entry) => toNetworks(entry) ?? []) : option;
}
