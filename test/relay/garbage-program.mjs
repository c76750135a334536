// A relay in node:http with its upstream and its clients; prints how much of each request has reached old space.
import { Agent, createServer, request } from "node:http";
import { getHeapSpaceStatistics } from "node:v8";
import { defineRelay } from "../../dist/adapters/node.mjs";

const CLIENTS = 16;
const EVENT = 'data: {"choices":[{"delta":{"content":"token"}}]}\n\n';

const listen = (server) =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server.address().port)));

const upstream = createServer((asked, response) => {
  asked.resume();
  response.writeHead(200, { "content-type": "text/event-stream" });
  const send = (left) => {
    if (left === 0) return response.end("data: [DONE]\n\n");
    response.write(EVENT);
    setImmediate(send, left - 1);
  };
  send(8);
});
const upstreamPort = await listen(upstream);
const relay = defineRelay({
  mount: "/",
  upstream: { baseURL: `http://127.0.0.1:${upstreamPort}/v1`, dialect: "openai" },
  credentials: [{ id: "one", apiKey: "sk-one" }],
  limits: { perCaller: { concurrent: false } },
  log: false,
});
const port = await listen(createServer(relay));
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
const body = JSON.stringify({ model: "m", stream: true, messages: [] });
const options = {
  port,
  agent,
  method: "POST",
  path: "/chat/completions",
  headers: { "content-type": "application/json", "content-length": body.length },
};

const ask = () =>
  new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      response.on("data", () => {});
      response.on("end", resolve);
    });
    asked.on("error", reject);
    asked.end(body);
  });

async function askMany(count) {
  let left = count;
  const client = async () => {
    while (left-- > 0) await ask();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

const oldSpace = () =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === "old_space").space_used_size;

const [requests] = process.argv.slice(2).map(Number);
await askMany(requests);
globalThis.gc();
const before = oldSpace();
await askMany(requests);
process.stdout.write(`${Math.round((oldSpace() - before) / requests)}\n`);
process.exit(0);
