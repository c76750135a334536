// Detects a proxy that is not configured: all users behind it have the proxy's address and would share one limit (N10).
import type { InboundCall } from "../contract/inbound-call.ts";
import { type Address, isInside, LOOPBACK, parseAddress } from "../shared/ip-addresses.ts";
import type { Client } from "./client-key.ts";

/** Number of consecutive requests with forwarding headers after which an address counts as a proxy. */
export const PATIENCE = 20;
/** Maximum number of watched addresses; the oldest is dropped first. */
export const WATCHED = 1_000;

/** Headers in which proxies and platforms pass on the client's address. */
const NAMES = [
  "x-forwarded-for",
  "forwarded",
  "x-real-ip",
  "cf-connecting-ip",
  "true-client-ip",
  "fly-client-ip",
  "x-client-ip",
  "x-vercel-forwarded-for",
  "x-nf-client-connection-ip",
] as const;

interface Run {
  length: number;
  /** Bits of `NAMES` that every request of the run had. */
  common: number;
}

export interface SeenProxy {
  /** The private network that contains the proxy (`10.0.0.0/8`); never the address itself, which may belong to a user. */
  network: string;
  /** Headers that all its requests had. */
  headers: string[];
}

export class ProxyDetection {
  readonly #runs = new Map<string, Run>();
  readonly #onProxy: (seen: SeenProxy) => void;
  #isTold = false;

  /** `onProxy` is called for the first proxy only. */
  constructor(onProxy: (seen: SeenProxy) => void) {
    this.#onProxy = onProxy;
  }

  /** Examines one request. True when its address is considered that of a proxy. */
  sees(call: InboundCall, { address, key, network }: Client): boolean {
    if (network === undefined) return false;
    const run = this.#runs.get(key);
    if (run && run.length >= PATIENCE) return true;
    const names = namesIn(call, address);
    if (names === 0) this.#runs.delete(key);
    else if (!run) this.#begin(key, names);
    else if (this.#goesOn(run, names)) {
      this.#tell(network, run.common);
      return true;
    }
    return false;
  }

  #begin(key: string, common: number): void {
    if (this.#runs.size >= WATCHED) this.#runs.delete(this.#runs.keys().next().value!);
    this.#runs.set(key, { length: 1, common });
  }

  /** True when the run is long enough. */
  #goesOn(run: Run, names: number): boolean {
    run.common &= names;
    return ++run.length >= PATIENCE;
  }

  #tell(network: string, common: number): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#onProxy({ network, headers: toNames(common) });
  }
}

/** Names of the headers in a call in which a proxy passes on the client's address; none where the host has already evaluated them. */
export function forwardingHeaders(call: InboundCall, { address }: Client): string[] {
  return toNames(namesIn(call, address));
}

const toNames = (bits: number): string[] => NAMES.filter((_, at) => (bits & (1 << at)) !== 0);

/** Bits of the names that a call has; none where the nearest proxy names the address that the host has found itself. */
function namesIn(call: InboundCall, address: Address): number {
  let found = 0;
  for (let at = 0; at < NAMES.length; at++)
    if (call.header(NAMES[at]!) !== undefined) found |= 1 << at;
  return found !== 0 && isOwnView(call, address) ? 0 : found;
}

/**
 * True when X-Forwarded-For ends with the address itself, which is so where a framework has evaluated it (Express' `trust proxy`), or when
 * loopback forwards to loopback, as development servers do.
 */
function isOwnView(call: InboundCall, address: Address): boolean {
  const nearest = nearestForwarded(call);
  if (!nearest) return false;
  return String(nearest) === String(address) || (isLoopback(nearest) && isLoopback(address));
}

/** True when the nearest proxy forwards for this machine: a development server in front of the app. */
export function isFromLoopback(call: InboundCall): boolean {
  const nearest = nearestForwarded(call);
  return nearest !== undefined && isLoopback(nearest);
}

function nearestForwarded(call: InboundCall): Address | undefined {
  const header = call.header("x-forwarded-for");
  return header === undefined ? undefined : parseAddress(header.slice(header.lastIndexOf(",") + 1));
}

const isLoopback = (address: Address): boolean => LOOPBACK.some((one) => isInside(one, address));
