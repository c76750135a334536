// Finds the client's address behind proxies: starts with the address that the host reported and follows the headers back, as far as the
// operator trusts the proxies that wrote them.
import { type Address, isInside, type Network } from "../shared/ip-addresses.ts";
import { type Chain, namesClient, readForwarded, readForwardedFor } from "./forwarded-headers.ts";

/** Number of proxies in front of the relay, or the networks that contain them. */
export type TrustedProxies = number | readonly Network[];

/** `undefined`: the nearest trusted proxy names no client, or names something that is not an address. */
export interface Found {
  address: Address | undefined;
}

/** Follows one header back from `peer`. A first entry that no trusted proxy wrote is never reached. */
function walk(peer: Address | undefined, chain: Chain, trusted: TrustedProxies): Found {
  let address = peer;
  let hops = 0;
  for (const entry of chain) {
    const isTrusted =
      typeof trusted === "number"
        ? hops++ < trusted
        : address !== undefined && isProxy(address, trusted);
    if (!isTrusted) break;
    address = entry;
    // The source of the entries to its left is unknown.
    if (!address) break;
  }
  return { address };
}

function isProxy(address: Address, networks: readonly Network[]): boolean {
  for (const network of networks) if (isInside(network, address)) return true;
  return false;
}

/**
 * Finds the client behind trusted proxies. Most proxies write one of the two headers and pass the other one on as the client sent it. Where
 * both are present and differ, one of them may be forged: then neither is used, and the result is `peer`.
 */
export function findClient(
  peer: Address | undefined,
  headers: { forwardedFor: string | undefined; forwarded: string | undefined },
  trusted: TrustedProxies,
): Found & { isDoubtful: boolean } {
  const forwarded =
    headers.forwarded !== undefined && namesClient(headers.forwarded)
      ? walk(peer, readForwarded(headers.forwarded), trusted)
      : undefined;
  const forwardedFor =
    headers.forwardedFor === undefined
      ? undefined
      : walk(peer, readForwardedFor(headers.forwardedFor), trusted);
  const isDoubtful =
    forwarded !== undefined &&
    forwardedFor !== undefined &&
    String(forwarded.address) !== String(forwardedFor.address);
  if (isDoubtful) return { address: peer, isDoubtful };
  return { address: (forwardedFor ?? forwarded ?? { address: peer }).address, isDoubtful };
}
