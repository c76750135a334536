// Limits concurrent requests per caller: by caller id, otherwise by client address, otherwise all requests of unknown address together
// (N10).
import type { InboundCall } from "../contract/inbound-call.ts";
import { RelayError } from "../shared/errors.ts";
import type { Client } from "./client-key.ts";
import type { ProxyDetection } from "./proxy-detection.ts";
import { type CallerSlot, CallerSlots } from "./caller-slots.ts";

/** What identifies the caller of a request. */
export interface Identity {
  /** Caller id that `authorize` returned. */
  caller: string | undefined;
  /** Address that the host reported. */
  peer: string | undefined;
}

export interface CallerLimits {
  /**
   * Takes a slot, which must be given back when the request has ended. Throws `ERR_RELAY_CALLER_BUSY`. `undefined` where there is no limit.
   */
  enter(call: InboundCall, identity: Identity): CallerSlot | undefined;
}

export interface CallerLimitsOptions {
  concurrent: number | false;
  /** Finds the client by its address; `undefined` where the address is not known. */
  findClient: (call: InboundCall, peer: string | undefined) => Client | undefined;
  /** Detects a proxy; `undefined` where the operator has configured the proxies. */
  watch: ProxyDetection | undefined;
  /** Called for each request without an address. */
  onUnknown: (call: InboundCall) => void;
  /** Called for each request that is refused because its address has reached the limit. */
  onFull: (call: InboundCall, client: Client) => void;
}

/** Limit for all requests of unknown address together, and for a proxy that is not configured, in requests. */
export const WIDE_LIMIT = 1_000;

/** The wide limit, at least as high as the limit of one caller. */
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
