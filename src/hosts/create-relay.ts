import type { Relay } from "../relay.ts";
import type { AnyOptions, OptionsInput } from "../options/input.ts";
import { createLazyRelay, type OptionsOf } from "./lazy-relay.ts";

/**
 * Creates a relay from options, or from a function that returns them. A function runs at the first request or at `await relay.ready()`, so
 * that a module can be imported in a build that has no keys; a plain object is checked at once.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong. Where the options of a function are wrong, `ready` rejects with
 * this error and each request is answered with `ERR_RELAY_START`.
 * @example
 * const relay = createRelay(() => ({
 *   mount: "/ai",
 *   upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
 *   credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
 * }));
 * const response = await relay.fetch(request);
 */
export function createRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): Relay {
  return createLazyRelay(options as OptionsOf).relay;
}
