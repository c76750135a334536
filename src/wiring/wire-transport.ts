// The connections to upstreams, and the `fetch` for every other call.
import type { Transport } from "../contract/transport.ts";
import { createTransport } from "#transport";
import { reportDenials } from "../observe/permission-denials.ts";
import { watchedFetch } from "../observe/watched-fetch.ts";
import type { RelayOptions } from "../options/types.ts";
import { createTransport as createFetchTransport } from "../transport/fetch.ts";
import type { Base } from "./base.ts";

/** Creates the transport that the options name: an own one, `fetch`, or the host's best. Rejects if it cannot be created. */
export function createTransportOf({ transport, fetch }: RelayOptions): Promise<Transport> {
  if (typeof transport === "object") return Promise.resolve(transport);
  if (transport === "fetch" || fetch) return Promise.resolve(createFetchTransport({ fetch }));
  return Promise.resolve(createTransport());
}

/** Returns a function that creates a `fetch` for a kind of endpoint; its faults are logged under that name. */
export function wireFetch(
  { fetch }: RelayOptions,
  { reporter, faultLog, clock }: Base,
  isClosing: () => boolean,
): (name: string) => typeof globalThis.fetch {
  const ownFetch = reportDenials(fetch ?? ((...args) => globalThis.fetch(...args)), reporter);
  return (name) => watchedFetch({ fetch: ownFetch, log: faultLog, clock, name, isClosing });
}
