// The clients: pinned keep-alive connections; every response is counted to the byte.
import { connect } from "node:net";
import { Pool } from "undici";
import { serveCommands } from "./lib/processes.mjs";

const PATH = "/ai/chat/completions";
const HEADERS = { "content-type": "application/json", authorization: "Bearer client" };

function bodyOf(bench) {
  return JSON.stringify({
    model: "bench",
    stream: true,
    messages: [{ role: "user", content: "Say something about streams, and take your time." }],
    bench,
  });
}

/** Sends `requests` over `connections`, one after the other on each. Returns the size of a response, and its number of pieces. */
async function run({ origin, requests, connections, bench }) {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const body = bodyOf(bench);
  const sizes = new Set();
  let left = requests;
  let pieces = 0;
  const client = async () => {
    while (left-- > 0) {
      const answer = await exchange(pool, body);
      sizes.add(answer.bytes);
      pieces += answer.pieces;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  await pool.close();
  if (sizes.size !== 1) throw new Error(`answers of different sizes: ${[...sizes].join(", ")}`);
  return { bytes: [...sizes][0], pieces: pieces / requests };
}

/** One request: ms until the first byte of the body, the size of the body and its pieces. */
function exchange(pool, body) {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    let first = 0;
    let bytes = 0;
    let pieces = 0;
    pool.dispatch(
      { method: "POST", path: PATH, headers: HEADERS, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, status) {
          if (status !== 200) reject(new Error(`status ${status}`));
        },
        onResponseData(_controller, chunk) {
          if (bytes === 0) first = performance.now() - startedAt;
          bytes += chunk.length;
          pieces++;
        },
        onResponseEnd: () => resolve({ first, bytes, pieces }),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

/** Times to first byte of `count` requests, one after the other on one connection. */
async function firstEvents({ origin, count, bench }) {
  const pool = new Pool(origin, { connections: 1, pipelining: 1 });
  const body = bodyOf(bench);
  const times = [];
  while (times.length < count) times.push((await exchange(pool, body)).first);
  await pool.close();
  return times;
}

const held = new Map();

let events = 0;
let broken = 0;

/** Opens a stream and waits for its first event; counts the following ones. */
function open({ origin, id, bench = { mode: "silent" } }) {
  const { hostname, port } = new URL(origin);
  const body = bodyOf({ ...bench, id });
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
    let text = "";
    let isOpen = false;
    socket.on("data", (chunk) => {
      if (isOpen) return void (events += chunk.toString("latin1").split("data: ").length - 1);
      text += chunk;
      if (!text.includes("data: ")) return;
      isOpen = true;
      resolve();
    });
    socket.on("close", () => {
      if (held.get(id) === socket) broken++;
      reject(new Error(`closed early: ${text.slice(0, 200)}`));
    });
    socket.on("error", reject);
    held.set(id, socket);
  });
}

/** Aborts a held stream; returns the time, in system-wide monotonic ns. */
function leave({ id }) {
  const socket = held.get(id);
  held.delete(id);
  const at = process.hrtime.bigint();
  socket.destroy();
  return String(at);
}

async function openMany({ origin, ids, bench, atOnce = 50 }) {
  const queue = [...ids];
  const opener = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop())
      await open({ origin, id, bench });
  };
  await Promise.all(Array.from({ length: atOnce }, opener));
}

function leaveAll() {
  for (const id of held.keys()) leave({ id });
}

/** Number of events on open streams since the last call, and of streams that broke. */
function heard() {
  const found = { events, broken };
  events = 0;
  return found;
}

/** Reads a response slowly: `sip` bytes, then a pause of `rest` ms. Resolves with the number of bytes. */
function readSlowly({ origin, bench, sip, rest }) {
  const { hostname, port } = new URL(origin);
  const body = bodyOf(bench);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      ),
    );
    let bytes = 0;
    let since = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      since += chunk.length;
      if (since < sip) return;
      since = 0;
      socket.pause();
      setTimeout(() => socket.resume(), rest);
    });
    socket.on("end", () => resolve(bytes));
    socket.on("error", reject);
  });
}

serveCommands({}, { run, firstEvents, open, leave, openMany, leaveAll, heard, readSlowly });
