/** Cloudflare Workers. */
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import type { RelayOptions } from "../src/options/types.ts";
import type { Relay } from "../src/relay.ts";
import { createLazyRelay } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";

/** The method of a Worker's execution context that is used. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

export interface WorkerRelay<Env> {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
  /** Reads the options, for handlers other than `fetch` (`scheduled`, `queue`) that may come first. Rejects as `relay.ready` does. */
  ready(env: Env): Promise<void>;
  /** The relay behind it. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. One that has not started takes no requests any more. */
  close(): Promise<void>;
}

const NO_ENVIRONMENT =
  "a Worker has its environment from the first request on; in other handlers call `await worker.ready(env)` first";

/**
 * Defines a relay as a Worker, mounted where the option `mount` says. The factory, which may be asynchronous, is given the environment
 * of the first request.
 *
 * @example
 * export default defineRelay((env: Env) => ({
 *   mount: "/ai",
 *   upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
 *   credentials: [{ id: "team-a", apiKey: env.KEY_A }],
 * }));
 */
export function defineRelay<
  Env = unknown,
  const Tier extends string = string,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given, [env: Env]>): WorkerRelay<Env> {
  // Random numbers and timers are forbidden before the first request, so that plain options wait for it too.
  const factory = typeof options === "function" ? options : () => options;
  let given: { env: Env } | undefined;
  const { relay } = createLazyRelay(() => factory(given!.env) as RelayOptions, {
    whyNot: () => (given ? undefined : NO_ENVIRONMENT),
  });
  return {
    async fetch(request, env, context) {
      given = { env };
      const waitUntil = (work: Promise<unknown>): void => context.waitUntil(work);
      const address = request.headers.get("cf-connecting-ip") ?? undefined;
      return throughPipe(await relay.fetch(request, { address, waitUntil }), waitUntil);
    },
    ready(env) {
      given = { env };
      return relay.ready();
    },
    relay,
    close: noteOpen(relay),
  };
}

/**
 * Sends a body through the runtime's own pipe. A stream of JavaScript's whose client left before the head is forgotten without
 * a word; a pipe tells its writer.
 */
function throughPipe(response: Response, waitUntil: (work: Promise<unknown>) => void): Response {
  const { IdentityTransformStream: Pipe } = globalThis as {
    IdentityTransformStream?: new () => ReadableWritablePair<Uint8Array, Uint8Array>;
  };
  if (!response.body || !Pipe) return response;
  const { readable, writable } = new Pipe();
  waitUntil(response.body.pipeTo(writable).catch(() => {}));
  return new Response(readable, response);
}
