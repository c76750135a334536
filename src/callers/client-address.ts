// Finds a client's address: from the operator's function, the headers of trusted proxies, or the host (N10).
import type { InboundCall } from "../contract/inbound-call.ts";
import { type Client, createClientReader, toClient } from "./client-key.ts";
import { findClient, type TrustedProxies } from "./trusted-proxies.ts";

export type ClientAddress = (request: Request) => string | null | undefined;

export interface AddressOptions {
  clientAddress: ClientAddress | undefined;
  trustProxy: TrustedProxies | undefined;
  /** Called once for each kind of fault; never with an address or with a value that a function returned. */
  onFault: (fault: AddressFault, error?: unknown) => void;
}

/** `throws`, `type`, `garbage`: faults of `clientAddress`. `disagree`: the two proxy headers name different clients. */
export type AddressFault = "throws" | "type" | "garbage" | "disagree";

/** Creates the function that finds the client of a call by its address; `peer` is the address that the host reported. */
export function createAddressFinder(
  options: AddressOptions,
): (call: InboundCall, peer: string | undefined) => Client | undefined {
  const { clientAddress, trustProxy } = options;
  const read = createClientReader();
  const reported = new Set<AddressFault>();

  function report(fault: AddressFault, error?: unknown): undefined {
    if (!reported.has(fault)) options.onFault(fault, error);
    reported.add(fault);
  }

  /** `null`: the function returned nothing, so the next source is asked. */
  function ask(source: ClientAddress, call: InboundCall): Client | null | undefined {
    let answer: unknown;
    try {
      answer = source(call.request());
    } catch (error) {
      return report("throws", error);
    }
    if (answer === undefined || answer === null || answer === "") return null;
    if (typeof answer !== "string") return report("type");
    return read(answer) ?? report("garbage");
  }

  return function find(call, peer) {
    const own = clientAddress ? ask(clientAddress, call) : null;
    if (own !== null) return own;
    const known = peer === undefined ? undefined : read(peer);
    if (trustProxy === undefined) return known;
    const headers = {
      forwardedFor: call.header("x-forwarded-for"),
      forwarded: call.header("forwarded"),
    };
    const { address, isDoubtful } = findClient(known?.address, headers, trustProxy);
    if (isDoubtful) report("disagree");
    return address === known?.address ? known : address && toClient(address);
  };
}
