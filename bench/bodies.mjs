// `node --expose-gc bench/bodies.mjs [shape …] [--dist ../../dist/] [--size 32] [--transport fetch]`
//
// What one body costs the relay, by its shape: peak growth of its resident memory, the longest time for which its event loop was blocked, and
// what is still held while the answer streams. Each shape has a process of its own. `--dist` names another build to compare with.
import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { ensureBuilt } from "../scripts/build.mjs";
import { start } from "./lib/processes.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dist: { type: "string", default: "../../dist/" },
    size: { type: "string", default: "32" },
    transport: { type: "string", default: "" },
  },
});
const SIZE = Number(values.size) * 2 ** 20 - 1_024;
const head = '{"model":"m","stream":true,';

/** A body of about `size` bytes: `before`, as many `part` as fit, `after`. */
const fill = (before, part, after, size = SIZE) =>
  Buffer.from(
    before + part.repeat(Math.floor((size - before.length - after.length) / part.length)) + after,
  );
const half = (open, close, middle) => {
  const count = Math.floor((SIZE - 100) / (open.length + close.length));
  return Buffer.from(`${head}"x":${open.repeat(count)}${middle}${close.repeat(count)}}`);
};
const message = JSON.stringify({
  role: "user",
  content: [{ type: "text", text: "Lorem ipsum dolor. ".repeat(20) }],
});

const JSON_TYPE = { "content-type": "application/json" };
const EVENT = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';

/** Bodies of requests. */
const REQUESTS = {
  "one long text": () => fill(`${head}"x":"`, "x", '"}'),
  "text with escapes": () => fill(`${head}"x":"`, "\\u00e9\\n", '"}'),
  messages: () => fill(`${head}"messages":[`, `${message},`, "0]}"),
  "empty arrays": () => fill(`${head}"x":[`, "[],", "0]}"),
  "empty objects": () => fill(`${head}"x":[`, "{},", "0]}"),
  numbers: () => fill(`${head}"x":[`, "1,", "0]}"),
  "nested arrays": () => half("[", "]", "1"),
  "nested objects": () => half('{"a":', "}", "1"),
  "many keys": () => {
    const keys = Array.from({ length: SIZE / 12 }, (_, nth) => `"${nth.toString(36)}":0`);
    return Buffer.from(`${head}${keys.join(",")}}`.slice(0, SIZE).replace(/,[^,]*$/, "}"));
  },
  "one key, repeated": () => fill(head, '"stream":true,', '"z":0}'),
  "white space": () => fill(head, " ", '"z":0}'),
  "no JSON": () => fill("", "x", ""),
};

const ONE_BYTE = true;
/** Answers of an upstream: status, type, body, and whether it is sent in chunks of one byte. */
const ANSWERS = {
  "JSON, chunks of one byte": () => [
    200,
    JSON_TYPE,
    fill('{"x":"', "x", '"}', 7 * 2 ** 20),
    ONE_BYTE,
  ],
  "events before the first payload, chunks of one byte": () => [
    200,
    { "content-type": "text/event-stream" },
    fill("", ":\n\n", EVENT, 7 * 2 ** 20),
    ONE_BYTE,
  ],
  "lines, chunks of one byte": () => [
    200,
    { "content-type": "application/x-ndjson" },
    fill('{"x":"', "x", '"}\n', 7 * 2 ** 20),
    ONE_BYTE,
  ],
  "refusal, chunks of one byte": () => [
    429,
    JSON_TYPE,
    fill('{"error":{"message":"', "x", '"}}', 7 * 2 ** 20),
    ONE_BYTE,
  ],
  "refusal of empty arrays": () => [
    400,
    JSON_TYPE,
    fill('{"error":{"message":"a","x":[', "[],", "0]}}"),
  ],
  "JSON of empty arrays": () => [
    200,
    JSON_TYPE,
    fill('{"x":[', "[],", '0],"usage":{"total_tokens":1}}'),
  ],
  "events of empty arrays": () => [
    200,
    { "content-type": "text/event-stream" },
    fill(
      "",
      fill('data: {"error":null,"choices":[],"x":[', "[],", "0]}\n\n", 1_000_000).toString(),
      EVENT,
    ),
  ],
  "gzip, 1,000 times as large": () => [
    200,
    { ...JSON_TYPE, "content-encoding": "gzip" },
    gzipSync(fill('{"x":"', "x", '"}', 64 * 2 ** 20)),
  ],
};

let answer;
const upstream = createServer((message, response) => {
  message.resume();
  message.on("end", () => answer(response));
});
await new Promise((done) => upstream.listen(0, "127.0.0.1", done));

if (values.dist === "../../dist/") await ensureBuilt();
const env = {
  ...(values.transport && { TRANSPORT: values.transport }),
  DIST: values.dist,
  UPSTREAM: `http://127.0.0.1:${upstream.address().port}`,
};

/** Writes chunks of one byte, many of them at a time. */
async function writeInBytes(socket, body) {
  const part = 32_768;
  for (let at = 0; at < body.length && !socket.destroyed; at += part) {
    const bytes = body.subarray(at, at + part);
    const framed = Buffer.alloc(6 * bytes.length, "1\r\n?\r\n");
    for (let nth = 0; nth < bytes.length; nth++) framed[6 * nth + 3] = bytes[nth];
    if (!socket.write(framed))
      await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
  }
  if (!socket.destroyed) socket.write("0\r\n\r\n");
}

/** Sends a body in chunks of one byte; resolves when the answer has begun. */
async function sendInBytes(url, body) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(
    "POST /ai/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const answered = once(socket, "data");
  await writeInBytes(socket, body);
  await answered;
  socket.destroy();
}

/** Sends a body and reads the answer to its first byte or its end. */
function send(url, body, { untilFirst = false, expected = 200 } = {}) {
  return new Promise((resolve, reject) => {
    const headers = { ...JSON_TYPE, "content-length": body.length };
    const sent = request(`${url}/ai/chat/completions`, { method: "POST", headers });
    sent.on("error", reject);
    sent.on("response", (response) => {
      response.on("error", () => {});
      if (response.statusCode !== expected)
        return reject(new Error(`status ${response.statusCode} instead of ${expected}`));
      if (untilFirst) response.once("data", () => resolve(() => sent.destroy()));
      else response.resume().on("end", () => resolve(response.statusCode));
    });
    sent.end(body);
  });
}

async function measure(name, run) {
  const relay = await start("programs/relay-bodies.mjs", { execArgv: ["--expose-gc"], env });
  try {
    const url = relay.ready;
    answer = (response) =>
      response.writeHead(200, JSON_TYPE).end('{"choices":[{"message":{"content":"a"}}]}');
    const small = Buffer.from('{"model":"m"}');
    for (let nth = 0; nth < 50; nth++) await send(url, small);
    const idle = await relay.call("held");
    await relay.call("start");
    const { size, held } = await run(url, relay, idle);
    const { growth, longest } = await relay.call("end");
    const cells = [
      name,
      (size / 2 ** 20).toFixed(0),
      growth.toFixed(0),
      longest.toFixed(0),
      held === undefined ? "" : held.toFixed(1),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  } catch (error) {
    console.log(`| ${name} | ended: ${error.message} |`);
  } finally {
    await relay.stop().catch(() => {});
  }
}

const streaming = (response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(EVENT);
};
/** The first attempt is refused, so that the second one writes the fallback's name into the body. */
const refusedOnce = () => {
  let attempts = 0;
  return (response) =>
    attempts++ === 0
      ? response.writeHead(429, JSON_TYPE).end('{"error":{"message":"Rate limit"}}')
      : streaming(response);
};

const isWanted = (name) =>
  positionals.length === 0 || positionals.some((part) => name.includes(part));
console.log("| body | MB | growth, MB | blocked, ms | held while streaming, MB |");
console.log("| --- | --- | --- | --- | --- |");
for (const [name, make] of Object.entries(REQUESTS)) {
  if (!isWanted(`request: ${name}`)) continue;
  const body = make();
  await measure(`request: ${name}`, async (url, relay, idle) => {
    answer = refusedOnce();
    if (name === "no JSON") {
      await send(url, body, { expected: 400 });
      return { size: body.length };
    }
    const stop = await send(url, body, { untilFirst: true });
    const held = (await relay.call("held")) - idle;
    stop();
    return { size: body.length, held };
  });
}
if (isWanted("request: chunks of one byte"))
  await measure("request: chunks of one byte", async (url) => {
    const body = fill(`${head}"x":"`, "x", '"}', 4 * 2 ** 20);
    answer = (response) => response.writeHead(200, JSON_TYPE).end("{}");
    await sendInBytes(url, body);
    return { size: body.length };
  });
for (const [name, make] of Object.entries(ANSWERS)) {
  if (!isWanted(`answer: ${name}`)) continue;
  const [status, headers, body, inBytes] = make();
  await measure(`answer: ${name}`, async (url) => {
    answer = (response) => {
      response.writeHead(status, headers);
      if (!inBytes) return response.end(body);
      response.flushHeaders();
      response.socket.on("error", () => {});
      setImmediate(() => writeInBytes(response.socket, body));
    };
    await send(url, Buffer.from('{"model":"n"}'), { expected: status });
    return { size: body.length };
  });
}
upstream.closeAllConnections();
upstream.close();
