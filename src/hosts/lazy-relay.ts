// A relay that starts when it is first needed: by then a host has its environment and its storage, and no build needs a key (L13).
import type { RelayOptions } from "../options/types.ts";
import { systemClock } from "../wiring/system-clock.ts";
import { type Relay, startRelay } from "../relay.ts";
import { createDeferredRelay } from "./deferred-relay.ts";
import type { Served } from "./error-relay.ts";
import { type OptionsFactory, RelayStarter, type RelayStarterOptions } from "./relay-starter.ts";

/** Options, or a function that gives them, also as a promise. It runs at the first request, or at `await relay.ready()`. */
export type OptionsOf = RelayOptions | OptionsFactory;

export interface LazyRelay {
  /** The relay as its operator reaches it, also before it has started. */
  readonly relay: Relay;
  /** What answers requests now; a promise of it only while an asynchronous factory runs. Never throws or rejects. */
  start(): Served | Promise<Served>;
  /** True as soon as the factory has been run, or never will be. */
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
