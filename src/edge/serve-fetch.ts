// Relays a web request of a host whose relay is mounted by a path in its options.
import { RelayError } from "../errors.ts";
import type { Relay } from "../relay.ts";
import { isUnder } from "../request/mount.ts";
import { toPlainAnswer } from "./lazy.ts";

/** Answers a request; 404 for what does not lie under the mount point. */
export async function serveFetch(
  running: Relay | Response,
  request: Request,
  where: { address?: string; waitUntil?: (work: Promise<unknown>) => void },
): Promise<Response> {
  if (running instanceof Response) return running;
  const { mount } = running;
  if (isUnder(new URL(request.url).pathname, mount)) return running.fetch(request, where);
  return toPlainAnswer(new RelayError("ERR_RELAY_MOUNT", { path: mount }));
}
