/** node:http, and through it Express, Connect and Fastify. */
import type { Relay } from "../src/relay.ts";
import { createLazyRelay, type OptionsOf, toPlainAnswer } from "../src/edge/lazy.ts";
import { preparedOn, type PreparedResponse, serveNode } from "../src/edge/serve-node.ts";
import { RelayError } from "../src/errors.ts";
import { type NodeRequest, toWebRequest } from "../src/request/call-node.ts";
import { isUnder } from "../src/request/mount.ts";
import type { NodeResponse } from "../src/stream/sink-node.ts";

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
  /** The relay behind it, made now where no request has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  readonly relay: Relay;
  /** Closes the relay where a request has made it. */
  close(): Promise<void>;
}

/**
 * Defines a relay as a listener of `node:http`. It is mounted where a router has cut its path off (`app.use("/ai", relay)`),
 * else where the option `mount` says; what does not lie there goes to `next`, or is answered 404.
 *
 * @throws RelayError `ERR_RELAY_OPTIONS` where plain options are wrong; a factory's are reported at the first request.
 * @example
 * createServer(defineRelay({ mount: "/ai", upstream, credentials })).listen(3000);
 */
export function defineRelay(options: OptionsOf): NodeRelay {
  const lazy = createLazyRelay(options);

  // Not `async`: a frame of it would be kept as long as the answer streams.
  function handler(
    message: RelayMessage,
    response: RelayResponse,
    next?: (error?: unknown) => void,
  ): Promise<void> {
    const running = lazy.start();
    const mount = "mount" in running ? running.mount : "";
    const where = findMount(message, mount);
    if (!where && next) return Promise.resolve(next());
    const answer = where
      ? running
      : toPlainAnswer(new RelayError("ERR_RELAY_MOUNT", { path: mount }));
    return serveNode(answer, message, response, {
      ...(where ?? { mount, target: "/" }),
      toRequest: () => toWebRequest(message, message.originalUrl),
      toAddress: () => message.ip ?? message.socket?.remoteAddress,
      preparedHeaders: () => preparedOn(response),
    });
  }

  return Object.defineProperty(Object.assign(handler, { close: lazy.close }), "relay", {
    get: () => lazy.get(),
  }) as NodeRelay;
}

/** Mount point and the rest of the target; `undefined` where the request is for somebody else. */
function findMount(
  { url = "/", originalUrl = url }: RelayMessage,
  mount: string,
): { mount: string; target: string } | undefined {
  if (isUnder(originalUrl, mount) && mount !== "")
    return { mount, target: originalUrl.slice(mount.length) };
  if (originalUrl === url) return mount === "" ? { mount, target: url } : undefined;
  // At the mount point itself a router leaves a slash that the client has not written.
  const tail = originalUrl.endsWith(url) ? url : url.slice(1);
  return { mount: originalUrl.slice(0, originalUrl.length - tail.length), target: url };
}
