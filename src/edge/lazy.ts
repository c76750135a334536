// A relay that starts when it is first needed: by then a host has its environment and its storage, and no build needs a key (L13).
import type { RelayOptions } from "../options/types.ts";
import { systemClock } from "../clock.ts";
import { type Relay, startRelay } from "../relay.ts";
import { createFace } from "./face.ts";
import type { Served } from "./stand-in.ts";
import { type OptionsFactory, Starter, type StarterOptions } from "./starter.ts";

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
  { clock = systemClock, whyNot = () => undefined }: Partial<StarterOptions> = {},
): LazyRelay {
  if (typeof options !== "function") {
    const relay = startRelay(options);
    return { relay, start: () => relay, hasBegun: () => true };
  }
  const starter = new Starter(options, { clock, whyNot });
  return {
    relay: createFace(starter),
    start: () => starter.serve(),
    hasBegun: () => starter.hasBegun,
  };
}
