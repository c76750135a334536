/** Cloudflare Workers. */
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import type { RelayOptions } from "../src/options/types.ts";
import type { Relay } from "../src/relay.ts";
import { createLazyRelay } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";

/** The method of a Worker's execution context that the relay uses. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

export interface WorkerRelay<Env> {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
  /** Reads the options, for handlers other than `fetch` (`scheduled`, `queue`) that may run first. Rejects like `relay.ready`. */
  ready(env: Env): Promise<void>;
  /** The relay. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started refuses all requests afterwards. */
  close(): Promise<void>;
}

const NO_ENVIRONMENT =
  "a Worker has its environment from the first request on; in other handlers call `await worker.ready(env)` first";

/**
 * Defines a relay as a Worker, mounted at the option `mount`. The factory, which may be asynchronous, receives the environment of the
 * first request.
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
  // Workers allow no random numbers and no timers before the first request, so plain options are read at the first request, too.
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
 * Sends a body through a pipe of the runtime. When the client leaves before the head is sent, workerd drops a JavaScript stream without
 * cancelling it, but it does cancel the writer of a pipe.
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
