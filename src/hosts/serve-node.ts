// Relays what came as Node's request and response: for h3 2, h3 1 and plain node:http alike.
import { NodeRequestCall, type NodeCallOptions, type NodeRequest } from "../http/node-request.ts";
import { NodeResponseSink, type NodeResponse } from "../http/node-response.ts";
import type { Served } from "./error-relay.ts";

/** Answers through a relay, or through what stands in its place. Resolves when nothing more will happen on the response. */
export function serveNode(
  served: Served,
  message: NodeRequest,
  response: NodeResponse,
  where: NodeCallOptions,
): Promise<void> {
  const sink = new NodeResponseSink(response, message.method ?? "GET");
  return served.handle(new NodeRequestCall(message, where), sink).then(() => sink.finished);
}

/** The part of `http.ServerResponse` that holds headers set in advance. */
export interface PreparedResponse {
  getHeaders(): Record<string, number | string | string[] | undefined>;
}

/**
 * Reads what frameworks have put on the response. What has several values is left there: Node adds it to the head by itself, and
 * where a list is written too, Node 20 would keep one of them.
 */
export function preparedOn(response: PreparedResponse): [string, string][] {
  const headers = response.getHeaders();
  const prepared: [string, string][] = [];
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !Array.isArray(value)) prepared.push([name, String(value)]);
  }
  return prepared;
}
