// How many requests one caller may have under way: counted by its id, else by its address, else together with all others (N10).
import type { InboundCall } from "../contract/inbound-call.ts";
import { RelayError } from "../shared/errors.ts";
import type { Client } from "./client-key.ts";
import type { ProxyDetection } from "./proxy-detection.ts";
import { type CallerSlot, CallerSlots } from "./caller-slots.ts";

/** What is known of who makes a call. */
export interface Identity {
  /** Its id, from `authorize`. */
  caller: string | undefined;
  /** The address that the host knows. */
  peer: string | undefined;
}

export interface CallerLimits {
  /** Takes a slot, to be given back when the request is over. Throws `ERR_RELAY_CALLER_BUSY`. `undefined` where there is no cap. */
  enter(call: InboundCall, identity: Identity): CallerSlot | undefined;
}

export interface CallerLimitsOptions {
  concurrent: number | false;
  /** Finds the client by its address; `undefined` where that is not known. */
  findClient: (call: InboundCall, peer: string | undefined) => Client | undefined;
  /** Looks out for a proxy; `undefined` where the operator has said which there are. */
  watch: ProxyDetection | undefined;
  /** Told of each request without an address. */
  onUnknown: (call: InboundCall) => void;
  /** Told of each request that is refused because its address has reached its cap. */
  onFull: (call: InboundCall, client: Client) => void;
}

/** For all requests together whose address is not known, and for a proxy that the relay was not told of. */
export const WIDE_LIMIT = 1_000;

/** Never below the cap of one caller. */
export function wideLimit(concurrent: number | false): number {
  return Math.max(WIDE_LIMIT, concurrent || 0);
}

export function createCallerLimits({
  concurrent,
  findClient,
  watch,
  ...on
}: CallerLimitsOptions): CallerLimits {
  if (concurrent === false) return { enter: () => undefined };
  const limit = concurrent;
  const wide = wideLimit(limit);
  const [callers, addresses, unknown] = [new CallerSlots(), new CallerSlots(), new CallerSlots()];

  function byAddress(call: InboundCall, client: Client): CallerSlot {
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
