// A chat API that costs next to nothing: prebuilt events; the request's body gives their number and interval.
import { createServer } from "node:http";
import { serveCommands } from "./lib/processes.mjs";

const HEAD = { "content-type": "text/event-stream", "cache-control": "no-cache" };
const DONE = Buffer.from("data: [DONE]\n\n");
// About 150 bytes, and payload: a relay that holds lifecycle events sends it at once.
const EVENT = Buffer.from(
  `data: ${JSON.stringify({
    id: "chatcmpl-bench-0123456789",
    object: "chat.completion.chunk",
    created: 1_700_000_000,
    model: "bench",
    choices: [{ index: 0, delta: { content: " token" }, finish_reason: null }],
  })}\n\n`,
);

/** Time at which the call with an id was closed by its client, in system-wide monotonic ns. */
const closedAt = new Map();
const waiting = new Map();
let open = 0;

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => void chunks.push(chunk));
  request.on("end", () => {
    const { bench = {} } = JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(200, HEAD);
    if (bench.mode === "silent") beSilent(response, bench.id);
    else if (bench.mode === "ticking") tick(response, bench.id, bench.every);
    else if (bench.mode === "flood") flood(response, bench.bytes);
    else sendOneByOne(response, bench.interval, bench.events);
  });
});

function sendOneByOne(response, interval, events) {
  if (response.destroyed) return;
  if (events === 0) return void response.end(DONE);
  response.write(EVENT);
  if (interval > 0) setTimeout(sendOneByOne, interval, response, interval, events - 1);
  else setImmediate(sendOneByOne, response, interval, events - 1);
}

function beSilent(response, id) {
  open++;
  response.write(EVENT);
  response.on("close", () => {
    open--;
    const at = process.hrtime.bigint();
    closedAt.set(id, at);
    waiting.get(id)?.(at);
  });
}

/** One event at once and then one per interval, until the client leaves. */
function tick(response, id, every) {
  beSilent(response, id);
  const timer = setInterval(() => response.write(EVENT), every);
  response.on("close", () => clearInterval(timer));
}

const MANY = Buffer.concat(Array.from({ length: 300 }, () => EVENT));

/** `bytes` of events, as fast as they are read. */
function flood(response, bytes) {
  let left = bytes;
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= MANY.length;
      if (!response.write(MANY)) return;
    }
    if (!response.writableEnded) response.end(DONE);
  };
  response.on("drain", more);
  more();
}

/** Resolves with the time at which a call was closed, or with `never` after `patience` ms. */
async function whenClosed({ id, patience }) {
  const at =
    closedAt.get(id) ??
    (await new Promise((resolve) => {
      const timer = setTimeout(resolve, patience);
      waiting.set(id, (moment) => {
        clearTimeout(timer);
        resolve(moment);
      });
    }));
  waiting.delete(id);
  closedAt.delete(id);
  return at === undefined ? "never" : String(at);
}

server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", 4096, () =>
  serveCommands(
    { origin: `http://127.0.0.1:${server.address().port}` },
    { whenClosed, open: () => open },
  ),
);
