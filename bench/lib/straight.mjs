// The minimum in Node: undici's callbacks write to the response, with back-pressure and abort, and nothing else.
import { Agent } from "undici";
import { toUpstream, UPSTREAM } from "./program.mjs";

const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
const HEADERS = { "content-type": "application/json", authorization: "Bearer sk-bench" };

/** Relays a request; `onOver` runs when the response is closed. */
export function relayStraight(request, response, onOver) {
  const chunks = [];
  request.on("data", (chunk) => void chunks.push(chunk));
  request.on("end", () => {
    let controller;
    response.on("drain", () => controller?.resume());
    response.on("close", () => {
      if (!response.writableFinished) controller?.abort(new Error("client left"));
      onOver?.();
    });
    agent.dispatch(
      {
        method: "POST",
        origin: UPSTREAM,
        path: toUpstream(request.url),
        headers: HEADERS,
        body: Buffer.concat(chunks),
      },
      {
        onRequestStart: (started) => void (controller = started),
        onResponseStart: (_controller, status, headers) =>
          void response.writeHead(status, { "content-type": headers["content-type"] }),
        onResponseData(_controller, chunk) {
          if (!response.write(chunk)) controller.pause();
        },
        onResponseEnd: () => void response.end(),
        onResponseError: () => void response.destroy(),
      },
    );
  });
}
