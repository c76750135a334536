/** A client that keeps no rule: it sends requests in pieces, pipelines them, stops in the middle, and leaves whenever it wants. */
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { chance, type Random, pick, upTo } from "./random.ts";

/** How a client ends its connection. */
type Leaving = "answered" | "destroy" | "reset" | "half-close";

const LEAVINGS: readonly Leaving[] = ["answered", "answered", "destroy", "reset", "half-close"];
/** A connection that waits for all of its answers is closed after this time, in ms. */
const PATIENCE = 1_500;

const MODELS: readonly string[] = [
  "plain",
  "plain",
  "plain",
  "slow",
  "cut",
  "cut-head",
  "stall-head",
  "stall-mid",
  "comments",
  "limited",
  "broken",
  "inside",
  "gzip",
  "big",
  "held",
  "empty",
  "json-cut",
];

/** Head of a response, whose stream stays open until `close`. */
export interface Open {
  status: number;
  close(): void;
}

export interface Target {
  hostname: string;
  port: number;
}

/** Plays one connection over HTTP/1; resolves with the number of requests that it has begun to send. */
export async function playHttp1(target: Target, random: Random): Promise<number> {
  const count = 1 + upTo(random, 5);
  const requests = Array.from({ length: count }, () => makeRequest(random));
  const socket = connect(target.port, target.hostname);
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const text = Buffer.from(requests.join(""));
  const end = chance(random, 0.2) ? upTo(random, text.length) : text.length;
  readAtWill(socket, random);
  await sendInPieces(socket, text.subarray(0, end), random);
  leave(socket, pick(random, LEAVINGS), random);
  await closed;
  return count;
}

/** The same over HTTP/2, with one stream for each request. */
export async function playHttp2(target: Target, random: Random): Promise<number> {
  const session = connectHttp2(`http://${target.hostname}:${target.port}`);
  session.on("error", () => {});
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  const count = 1 + upTo(random, 5);
  const streams = Array.from({ length: count }, () => playStream(session, random));
  if (chance(random, 0.3)) setTimeout(() => session.destroy(), upTo(random, 40));
  await Promise.all(streams);
  if (chance(random, 0.5)) session.close();
  else session.destroy();
  await closed;
  return count;
}

/** Requests a stream of `model` from an address of loopback; resolves with its head. */
export function ask(
  protocol: string,
  { hostname, port }: Target,
  model: string,
  from = "127.0.0.1",
): Promise<Open> {
  const body = JSON.stringify({ model, stream: true, messages: [] });
  const socket = connect({ host: hostname, port, localAddress: from });
  return new Promise((resolve, reject) => {
    const close = (): void => void socket.destroy();
    const done = (status: number): void => resolve({ status, close });
    socket.on("error", reject);
    if (protocol === "HTTP/2") return askHttp2(socket, body, done, reject);
    socket.once("data", (head: Buffer) => done(Number(head.toString().split(" ")[1])));
    const head = ["POST /ai/chat/completions HTTP/1.1", "host: relay.test"];
    socket.write([...head, `content-length: ${body.length}`, "", body].join("\r\n"));
  });
}

function askHttp2(
  socket: Socket,
  body: string,
  done: (status: number) => void,
  fail: (error: Error) => void,
): void {
  const session = connectHttp2("http://relay.test", { createConnection: () => socket });
  session.on("error", fail);
  const stream = session.request({ ":method": "POST", ":path": "/ai/chat/completions" });
  stream.on("error", fail);
  stream.on("response", (headers) => done(Number(headers[":status"])));
  stream.end(body);
}

function playStream(session: ClientHttp2Session, random: Random): Promise<void> {
  const body = makeBody(random);
  const stream = session.request({
    ":method": "POST",
    ":path": "/ai/chat/completions",
    "content-type": "application/json",
    ...(chance(random, 0.5) && { "content-length": body.length }),
  });
  const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  stream.on("error", () => {});
  if (chance(random, 0.9)) stream.resume();
  const end = chance(random, 0.2) ? upTo(random, body.length) : body.length;
  if (end === body.length) stream.end(body);
  else stream.write(body.subarray(0, end));
  const code = pick(random, [constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR]);
  const isPatient = end === body.length && chance(random, 0.6);
  const leave = (): void => {
    stream.close(code);
    // A stream that is not read would stay open.
    stream.resume();
  };
  const timer = setTimeout(leave, isPatient ? PATIENCE : upTo(random, 60));
  return closed.finally(() => clearTimeout(timer));
}

function makeRequest(random: Random): string {
  if (chance(random, 0.1)) return "GET /ai/models HTTP/1.1\r\nhost: relay.test\r\n\r\n";
  const body = makeBody(random).toString();
  const version = chance(random, 0.1) ? "1.0" : "1.1";
  const head = [
    `POST /ai/chat/completions HTTP/${version}`,
    "host: relay.test",
    "content-type: application/json",
    ...(chance(random, 0.05) ? ["expect: 100-continue"] : []),
    ...(chance(random, 0.1) ? ["connection: close"] : []),
  ];
  if (version === "1.1" && chance(random, 0.2)) {
    const middle = upTo(random, body.length);
    const chunks = [body.slice(0, middle), body.slice(middle)].filter((part) => part !== "");
    const chunked = chunks.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
    return [...head, "transfer-encoding: chunked", "", `${chunked}0\r\n\r\n`].join("\r\n");
  }
  // Too long by some bytes now and then: what follows is then read as a part of this body.
  const length = body.length + (chance(random, 0.03) ? upTo(random, 50) : 0);
  return [...head, `content-length: ${length}`, "", body].join("\r\n");
}

function makeBody(random: Random): Buffer {
  const body = JSON.stringify({
    model: pick(random, MODELS),
    stream: chance(random, 0.8),
    messages: [{ role: "user", content: "x".repeat(upTo(random, 300)) }],
  });
  return Buffer.from(chance(random, 0.03) ? body.slice(0, upTo(random, body.length)) : body);
}

async function sendInPieces(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  const pieces = 1 + upTo(random, 4);
  for (let nth = 0, at = 0; nth < pieces && at < bytes.length; nth++) {
    const end = nth === pieces - 1 ? bytes.length : at + upTo(random, bytes.length - at);
    socket.write(bytes.subarray(at, end));
    at = end;
    if (chance(random, 0.5)) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Reads what comes, or stops reading after some bytes. */
function readAtWill(socket: Socket, random: Random): void {
  const stopAfter = chance(random, 0.1) ? upTo(random, 5_000) : Infinity;
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    if (received > stopAfter) socket.pause();
  });
}

function leave(socket: Socket, leaving: Leaving, random: Random): void {
  const within = leaving === "answered" ? PATIENCE : upTo(random, chance(random, 0.3) ? 10 : 120);
  const end = (): void => {
    if (leaving === "reset") return void socket.resetAndDestroy();
    if (leaving === "half-close") return void socket.end();
    socket.destroy();
  };
  const first = setTimeout(end, within);
  const last = setTimeout(() => socket.destroy(), PATIENCE);
  socket.once("close", () => {
    clearTimeout(first);
    clearTimeout(last);
  });
  // All that a patient client waits for has come: the relay has been silent since.
  if (leaving === "answered") socket.setTimeout(250, () => socket.destroy());
}
