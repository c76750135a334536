// How many requests one caller may have under way: counted by its id, else by its address, else together with all others (N10).
import type { Call } from "../contract/call.ts";
import { RelayError } from "../errors.ts";
import type { Client } from "./client.ts";
import type { ProxyWatch } from "./proxy-watch.ts";
import { type Slot, Slots } from "./slots.ts";

/** What is known of who makes a call. */
export interface Identity {
  /** Its id, from `authorize`. */
  caller: string | undefined;
  /** The address that the host knows. */
  peer: string | undefined;
}

export interface Caps {
  /** Takes a slot, to be given back when the request is over. Throws `ERR_RELAY_CALLER_BUSY`. `undefined` where there is no cap. */
  enter(call: Call, identity: Identity): Slot | undefined;
}

export interface CapsOptions {
  concurrent: number | false;
  /** Finds the client by its address; `undefined` where that is not known. */
  findClient: (call: Call, peer: string | undefined) => Client | undefined;
  /** Looks out for a proxy; `undefined` where the operator has said which there are. */
  watch: ProxyWatch | undefined;
  /** Told of each request without an address. */
  onUnknown: (call: Call) => void;
  /** Told of each request that is refused because its address has reached its cap. */
  onFull: (call: Call, client: Client) => void;
}

/** For all requests together whose address is not known, and for a proxy that the relay was not told of. */
export const WIDE_LIMIT = 1_000;

/** Never below the cap of one caller. */
export function wideLimit(concurrent: number | false): number {
  return Math.max(WIDE_LIMIT, concurrent || 0);
}

export function createCaps({ concurrent, findClient, watch, ...on }: CapsOptions): Caps {
  if (concurrent === false) return { enter: () => undefined };
  const limit = concurrent;
  const wide = wideLimit(limit);
  const [callers, addresses, unknown] = [new Slots(), new Slots(), new Slots()];

  function byAddress(call: Call, client: Client): Slot {
    const most = watch?.sees(call, client) ? wide : limit;
    const slot = addresses.take(client.key, most);
    if (slot) return slot;
    on.onFull(call, client);
    return busy(most, "this address");
  }

  return {
    enter(call, { caller, peer }) {
      if (caller !== undefined) return callers.take(caller, limit) ?? busy(limit, "this caller");
      const client = findClient(call, peer);
      if (client) return byAddress(call, client);
      on.onUnknown(call);
      return unknown.take("", wide) ?? busy(wide, "clients whose address is not known");
    },
  };
}

function busy(limit: number, detail: string): never {
  throw new RelayError("ERR_RELAY_CALLER_BUSY", { limit, detail, retryAfter: 1 });
}
