// A relay that starts when it is first used: by then the host has its environment and its storage, and a build needs no keys (L13).
import type { RelayOptions } from "../options/types.ts";
import { systemClock } from "../wiring/system-clock.ts";
import { type Relay, startRelay } from "../relay.ts";
import { createDeferredRelay } from "./deferred-relay.ts";
import type { Served } from "./error-relay.ts";
import { type OptionsFactory, RelayStarter, type RelayStarterOptions } from "./relay-starter.ts";

/** Options, or a function that returns them, also as a promise. The function runs at the first request, or at `await relay.ready()`. */
export type OptionsOf = RelayOptions | OptionsFactory;

export interface LazyRelay {
  /** The relay object for the operator; it also works before the relay has started. */
  readonly relay: Relay;
  /** Returns the relay that answers requests now; a promise only while an asynchronous function runs. Never throws or rejects. */
  start(): Served | Promise<Served>;
  /** True when the function has been run, or will never be. */
  hasBegun(): boolean;
}

/** Wraps options. A plain object is checked at once: throws `ERR_RELAY_OPTIONS`. */
export function createLazyRelay(
  options: OptionsOf,
  { clock = systemClock, whyNot = () => undefined }: Partial<RelayStarterOptions> = {},
): LazyRelay {
  if (typeof options !== "function") {
    const relay = startRelay(options);
    return { relay, start: () => relay, hasBegun: () => true };
  }
  const starter = new RelayStarter(options, { clock, whyNot });
  return {
    relay: createDeferredRelay(starter),
    start: () => starter.serve(),
    hasBegun: () => starter.hasBegun,
  };
}
