// Relays a Node request and response: for h3 2, h3 1 and plain node:http.
import { NodeRequestCall, type NodeCallOptions, type NodeRequest } from "../http/node-request.ts";
import { NodeResponseSink, type NodeResponse } from "../http/node-response.ts";
import type { Served } from "./error-relay.ts";

/** Answers through a relay, or through its replacement that reports an error. Resolves when the response has ended. */
export function serveNode(
  served: Served,
  message: NodeRequest,
  response: NodeResponse,
  where: NodeCallOptions,
): Promise<void> {
  const sink = new NodeResponseSink(response, message);
  return served.handle(new NodeRequestCall(message, where), sink).then(() => sink.finished);
}

/** The part of `http.ServerResponse` that holds headers set in advance. */
export interface PreparedResponse {
  getHeaders(): Record<string, number | string | string[] | undefined>;
}

/**
 * Reads the headers that frameworks have set on the response. Headers with several values stay there: Node adds them itself, and where a
 * list is written as well, Node 20 would keep only one of them. Content security policies are joined, since the relay may add one (N11).
 */
export function preparedOn(response: PreparedResponse): [string, string][] {
  const headers = response.getHeaders();
  const prepared: [string, string][] = [];
  for (const name in headers) {
    const value = headers[name];
    const isPolicies = Array.isArray(value) && name === "content-security-policy";
    if (isPolicies) prepared.push([name, value.join(", ")]);
    else if (value !== undefined && !Array.isArray(value)) prepared.push([name, String(value)]);
  }
  return prepared;
}
