/** node:http, and through it Express, Connect and Fastify. */
import type { Relay } from "../src/relay.ts";
import type { AnyOptions, OptionsInput } from "../src/options/input.ts";
import { createLazyRelay, type OptionsOf } from "../src/hosts/lazy-relay.ts";
import { noteOpen } from "../src/hosts/open-relays.ts";
import type { Served } from "../src/hosts/error-relay.ts";
import { preparedOn, type PreparedResponse, serveNode } from "../src/hosts/serve-node.ts";
import { type NodeRequest, toWebRequest } from "../src/http/node-request.ts";
import { cutMount, isOptionDecisive, type MountedTarget } from "../src/http/mount.ts";
import type { NodeResponse } from "../src/http/node-response.ts";
import { startWithServer } from "./start-with-server.ts";

/** The fields of `http.IncomingMessage` that are used, and what Express and Connect add. */
export interface RelayMessage extends NodeRequest {
  /** The whole target, where a router has cut the mount point off `url`. */
  readonly originalUrl?: string;
  /** The client's address as the framework knows it (Express' `trust proxy`). */
  readonly ip?: string;
}

/** The fields of `http.ServerResponse` that are used. */
export type RelayResponse = NodeResponse & PreparedResponse;

/** A listener for `http.createServer`, and a middleware for Express and Connect. */
export interface NodeRelay {
  (message: RelayMessage, response: RelayResponse, next?: (error?: unknown) => void): Promise<void>;
  /** The relay behind it. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. One that has not started takes no requests any more. */
  close(): Promise<void>;
}

/**
 * Defines a relay as a listener of `node:http`. It is mounted where a router has cut its path off (`app.use("/ai", relay)`),
 * else where the option `mount` says; what does not lie there goes to `next`, or is answered 404.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong. A function's are read, and reported, at the first request or `ready`.
 * @example
 * createServer(defineRelay({ mount: "/ai", upstream, credentials })).listen(3000);
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): NodeRelay {
  const lazy = createLazyRelay(options as OptionsOf);

  // Not `async`: a frame of it would be kept as long as the answer streams.
  function handler(
    message: RelayMessage,
    response: RelayResponse,
    next?: (error?: unknown) => void,
  ): Promise<void> {
    const served = lazy.start();
    return served instanceof Promise
      ? served.then((it) => serve(it, message, response, next))
      : serve(served, message, response, next);
  }

  if (!lazy.hasBegun()) startWithServer(handler, lazy);
  return Object.assign(handler, { relay: lazy.relay, close: noteOpen(lazy.relay) });
}

function serve(
  served: Served,
  message: RelayMessage,
  response: RelayResponse,
  next: ((error?: unknown) => void) | undefined,
): Promise<void> {
  const where = findPlace(message, served.mount);
  // Where no mount is known at all the error says so.
  if (where.mount === undefined && served.mount !== undefined && next)
    return Promise.resolve(next());
  return serveNode(served, message, response, {
    ...where,
    toRequest: () => toWebRequest(message, message.originalUrl),
    toAddress: () => message.ip ?? message.socket?.remoteAddress,
    preparedHeaders: () => preparedOn(response),
  });
}

/** Mount point and the rest of the target: as the router has cut the path, or as the option `mount` says. */
function findPlace(
  { url = "/", originalUrl = url }: RelayMessage,
  option: string | undefined,
): MountedTarget {
  // At the mount point itself a router leaves a slash that the client has not written.
  const tail = originalUrl.endsWith(url) ? url : url.slice(1);
  const byRouter = originalUrl.slice(0, originalUrl.length - tail.length);
  return isOptionDecisive(byRouter, option)
    ? cutMount(originalUrl, option)
    : { mount: byRouter, target: url };
}
