// A client as its address tells it.
import {
  type Address,
  isInside,
  parseAddress,
  PRIVATE,
  toClientKey,
} from "../shared/ip-addresses.ts";

export interface Client {
  address: Address;
  /** What counts as one client: the address, of IPv6 the /64. */
  key: string;
  /** The private network that it is in (`10.0.0.0/8`); `undefined` for an address of the internet. */
  network: string | undefined;
}

/** Clients remembered at a time; then all are forgotten, and read anew. */
const REMEMBERED = 1_000;

export function toClient(address: Address): Client {
  const network = PRIVATE.find((one) => isInside(one, address))?.text;
  return { address, key: toClientKey(address), network };
}

/** Creates a function that reads addresses and caches the latest. It returns `undefined` for a text that is no address. */
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
