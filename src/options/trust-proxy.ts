// Which proxies are trusted to tell a client's address: how many of them there are, or where they are.
import { LOOPBACK, type Network, parseNetwork, PRIVATE } from "../shared/ip-addresses.ts";

/** Names that stand for well-known networks. */
const NAMED: ReadonlyMap<string, readonly Network[]> = new Map([
  ["loopback", LOOPBACK],
  ["private", PRIVATE],
]);

/** Networks by one entry of the option; `undefined` where it is none. */
export function toNetworks(entry: string): readonly Network[] | undefined {
  const network = parseNetwork(entry);
  return network ? [network] : NAMED.get(entry);
}

/** Completes the option, whose shape has been checked. */
export function resolveTrustProxy(
  option: number | readonly string[] | undefined,
): number | readonly Network[] | undefined {
  return typeof option === "object" ? option.flatMap((entry) => toNetworks(entry) ?? []) : option;
}
