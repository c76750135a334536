/** node:http, and frameworks on it: Express, Connect and Fastify. */
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

/** The fields of `http.IncomingMessage` that the relay uses, and those that Express and Connect add. */
export interface RelayMessage extends NodeRequest {
  /** The whole request target, when a router has removed the mount from `url`. */
  readonly originalUrl?: string;
  /** The client's address, as the framework has determined it (Express' `trust proxy`). */
  readonly ip?: string;
}

/** The fields of `http.ServerResponse` that the relay uses. */
export type RelayResponse = NodeResponse & PreparedResponse;

/** A listener for `http.createServer`, and a middleware for Express and Connect. */
export interface NodeRelay {
  (message: RelayMessage, response: RelayResponse, next?: (error?: unknown) => void): Promise<void>;
  /** The relay. Its methods work before the first request; see `Relay`. */
  readonly relay: Relay;
  /** Closes the relay. A relay that has not started refuses all requests afterwards. */
  close(): Promise<void>;
}

/**
 * Defines a relay as a listener of `node:http`. A router that removes its path (`app.use("/ai", relay)`) mounts it, otherwise the option
 * `mount`. Requests outside the mount go to `next`, or are answered with 404.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` when plain options are wrong. A function is called, and its options are checked, at the first
 * request or `ready`.
 * @example
 * createServer(defineRelay({ mount: "/ai", upstream, credentials })).listen(3000);
 */
export function defineRelay<
  const Tier extends string = never,
  Given extends AnyOptions = AnyOptions,
>(options: OptionsInput<Tier, Given>): NodeRelay {
  const lazy = createLazyRelay(options as OptionsOf);

  // Not `async`: its frame would be kept in memory as long as the answer streams.
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
  // Without any mount, the relay answers with an error that says so.
  if (where.mount === undefined && served.mount !== undefined && next)
    return Promise.resolve(next());
  return serveNode(served, message, response, {
    ...where,
    toRequest: () => toWebRequest(message, message.originalUrl),
    toAddress: () => message.ip ?? message.socket?.remoteAddress,
    preparedHeaders: () => preparedOn(response),
  });
}

/** Returns the mount and the rest of the target, from the path that the router has removed, or from the option `mount`. */
function findPlace(
  { url = "/", originalUrl = url }: RelayMessage,
  option: string | undefined,
): MountedTarget {
  // At the mount itself, a router leaves a slash that the client has not sent.
  const tail = originalUrl.endsWith(url) ? url : url.slice(1);
  const byRouter = originalUrl.slice(0, originalUrl.length - tail.length);
  return isOptionDecisive(byRouter, option)
    ? cutMount(originalUrl, option)
    : { mount: byRouter, target: url };
}
