// Relays what came as Node's request and response: for h3 2, h3 1 and plain node:http alike.
import type { Relay } from "../relay.ts";
import { NodeCall, type NodeCallOptions, type NodeRequest } from "../request/call-node.ts";
import { NodeSink, type NodeResponse } from "../stream/sink-node.ts";

/** Answers through a relay, or with what stands in its place. Resolves when nothing more will happen on the response. */
export function serveNode(
  running: Relay | Response,
  message: NodeRequest,
  response: NodeResponse,
  where: NodeCallOptions,
): Promise<void> {
  const sink = new NodeSink(response, message.method ?? "GET");
  const over =
    "handle" in running ? running.handle(new NodeCall(message, where), sink) : pass(running, sink);
  return over.then(() => sink.finished);
}

async function pass(response: Response, sink: NodeSink): Promise<void> {
  sink.head(response.status, [...response.headers]);
  sink.write(new Uint8Array(await response.arrayBuffer()));
  sink.end();
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
