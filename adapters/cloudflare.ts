/** Cloudflare Workers. */
import type { RelayOptions } from "../src/options/types.ts";
import { createLazyRelay } from "../src/edge/lazy.ts";
import { serveFetch } from "../src/edge/serve-fetch.ts";

/** The method of a Worker's execution context that is used. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

export interface WorkerRelay<Env> {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
}

/**
 * Defines a relay as a Worker, mounted where the option `mount` says. The factory is given the environment of the first request.
 *
 * @example
 * export default defineRelay((env: Env) => ({
 *   mount: "/ai",
 *   upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
 *   credentials: [{ id: "team-a", apiKey: env.KEY_A }],
 * }));
 */
export function defineRelay<Env = unknown>(
  options: RelayOptions | ((env: Env) => RelayOptions),
): WorkerRelay<Env> {
  // Random numbers and timers are forbidden before the first request, so that plain options wait for it too.
  const factory = typeof options === "function" ? options : () => options;
  const lazy = createLazyRelay<[Env]>(factory);
  return {
    async fetch(request, env, context) {
      const waitUntil = (work: Promise<unknown>): void => context.waitUntil(work);
      const address = request.headers.get("cf-connecting-ip") ?? undefined;
      return throughPipe(
        await serveFetch(lazy.start(env), request, { address, waitUntil }),
        waitUntil,
      );
    },
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
