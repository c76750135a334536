// A client as identified by its address.
import {
  type Address,
  isInside,
  parseAddress,
  PRIVATE,
  toClientKey,
} from "../shared/ip-addresses.ts";

export interface Client {
  address: Address;
  /** What counts as one client: the address, or the /64 of an IPv6 address. */
  key: string;
  /** The private network that contains the address (`10.0.0.0/8`); `undefined` for an address of the public internet. */
  network: string | undefined;
}

/** Maximum number of cached clients; when it is reached, the cache is emptied. */
const REMEMBERED = 1_000;

export function toClient(address: Address): Client {
  const network = PRIVATE.find((one) => isInside(one, address))?.text;
  return { address, key: toClientKey(address), network };
}

/** Creates a function that reads addresses and caches the latest. It returns `undefined` for a text that is not an address. */
export function createClientReader(): (text: string) => Client | undefined {
  const known = new Map<string, Client>();
  return function read(text) {
    const found = known.get(text);
    if (found) return found;
    const address = parseAddress(text);
    if (!address) return undefined;
    const client = toClient(address);
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, client);
    return client;
  };
}
