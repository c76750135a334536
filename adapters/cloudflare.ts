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
    fetch: (request, env, context) =>
      serveFetch(lazy.start(env), request, {
        address: request.headers.get("cf-connecting-ip") ?? undefined,
        waitUntil: (work) => context.waitUntil(work),
      }),
  };
}
