// Firebase Authentication's emulator on the port `PORT`. Its clock is set by the test, and it records its calls.
import { createServer } from "node:http";
import server from "firebase-tools/lib/emulator/auth/server.js";

/** In addition to the emulator's own paths: PUT sets the time and drops the calls, or holds and releases token calls; GET returns the calls. */
const CONTROL = "/control";
const TOKEN_CALL = /\/v1\/(?:token|accounts:signUp)$/;

// A killed test run cannot stop it: without its parent the emulator ends by itself.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(), 1_000);

const RealDate = Date;
let now = RealDate.now();
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [now] : parts));
  }
  static now = () => now;
};

let calls = [];
let held = false;
let release = () => {};
const app = await server.createApp(process.env.PROJECT);

// Connections are kept during tests that use none.
createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  const [path] = request.url.split("?");
  if (path === CONTROL) return control(request, response);
  const call = { path, status: undefined };
  calls.push(call);
  // The date of a response shows the server's clock.
  response.setHeader("date", new Date().toUTCString());
  response.on("finish", () => (call.status = response.statusCode));
  if (held && TOKEN_CALL.test(path)) await new Promise((resolve) => wait(resolve));
  app(request, response);
}).listen(Number(process.env.PORT), process.env.HOST);

function wait(resolve) {
  const others = release;
  release = () => (others(), resolve());
}

async function control(request, response) {
  let text = "";
  for await (const part of request) text += part;
  if (request.method === "PUT") take(JSON.parse(text));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(calls));
}

function take(order) {
  if (order.now !== undefined) now = order.now;
  if (order.forget) calls = [];
  held = order.hold ?? false;
  if (held) return;
  release();
  release = () => {};
}
