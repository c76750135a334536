import { connect } from "node:net";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Behaviour, Simulator } from "../../simulator/index.ts";
import { ask, CHAT } from "./client.ts";

const PATH = "/v1/chat/completions";

let upstream: Simulator;
beforeAll(async () => {
  upstream = await createSimulator();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.ledger.reset();
  upstream.script();
});

/** Posts by node:http, which decodes nothing, on a separate connection. */
function post(body: object = CHAT): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(upstream.url + PATH, { method: "POST", agent: false });
    sent.on("error", reject).on("response", resolve);
    sent.end(JSON.stringify(body));
  });
}

// By events, because reading from the stream would join separate chunks.
function chunksOf(response: IncomingMessage): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject).on("end", () => resolve(chunks));
  });
}

async function bodyFor(behaviour: Behaviour): Promise<string> {
  upstream.script({ then: behaviour });
  return Buffer.concat(await chunksOf(await post())).toString();
}

const healthy = (): string =>
  upstream.expectedBody({ path: PATH, body: JSON.stringify(CHAT) }).toString();

it.each([
  ["gzip", gunzipSync],
  ["br", brotliDecompressSync],
  ["deflate", inflateSync],
] as const)("encodes a stream as %s though it was not requested", async (encoding, decode) => {
  upstream.script({ then: { encoding } });
  const response = await post();
  const body = Buffer.concat(await chunksOf(response));
  expect(response.headers["content-encoding"]).toBe(encoding);
  expect(decode(body).toString()).toBe(healthy());
  expect(upstream.ledger.last()).toMatchObject({
    bytes: body.length,
    sentBytes: Buffer.byteLength(healthy()),
  });
});

it("flushes each event of an encoded stream", async () => {
  upstream.script({ then: { encoding: "gzip", stall: { afterEvents: 2 } } });
  const response = await ask(upstream, CHAT);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("\n\n").length < 4) text += (await reader.read()).value ?? "";
  expect(healthy().startsWith(text)).toBe(true);
  await reader.cancel();
});

it("declares another encoding than the body has", async () => {
  upstream.script({ then: { claims: "gzip" } });
  const response = await post();
  expect(response.headers["content-encoding"]).toBe("gzip");
  expect(Buffer.concat(await chunksOf(response)).toString()).toBe(healthy());
});

it("splits the body at every byte", async () => {
  upstream.script({ then: { split: 1 } });
  const chunks = await chunksOf(await post());
  expect(Buffer.concat(chunks).toString()).toBe(healthy());
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(1);
});

it("splits the body at given offsets", async () => {
  upstream.script({ then: { split: [3, 7, 400], events: 2 } });
  const chunks = await chunksOf(await post());
  const borders = new Set<number>();
  let offset = 0;
  for (const chunk of chunks) borders.add((offset += chunk.length));
  expect([...borders]).toEqual(expect.arrayContaining([3, 7, 400]));
});

it.each(["\r\n", "\r"] as const)("ends lines with %j", async (lineEnd) => {
  expect(await bodyFor({ lineEnd })).toBe(healthy().replaceAll("\n", lineEnd));
});

it("starts the body with a byte order mark", async () => {
  expect(await bodyFor({ byteOrderMark: true })).toBe(`\uFEFF${healthy()}`);
});

const joined = (event: string): string => event.replaceAll(/^data: /gm, "");

it("spreads JSON over several data lines that join to the same JSON", async () => {
  const events = (await bodyFor({ multiline: true })).trimEnd().split("\n\n");
  expect(events[1]?.split("\n").length).toBeGreaterThan(3);
  const original = healthy().trimEnd().split("\n\n").map(joined);
  expect(JSON.parse(joined(events[1] ?? ""))).toEqual(JSON.parse(original[1] ?? ""));
  expect(joined(events.at(-1) ?? "")).toBe("[DONE]");
});

it("sends comments between events", async () => {
  const body = await bodyFor({ comments: true });
  expect(body.replaceAll(": keepalive\n\n", "")).toBe(healthy());
  expect(body).not.toBe(healthy());
});

it("answers 200 with an empty body, or with only a comment", async () => {
  expect(await bodyFor({ empty: "body" })).toBe("");
  expect(await bodyFor({ empty: "comments" })).toMatch(/^: [^\n]+\n\n$/);
});

it("pads payload events to the requested size", async () => {
  const events = (await bodyFor({ events: 3, eventBytes: 1000 })).split("\n\n");
  expect(events.slice(1, 4).map((event) => Buffer.byteLength(event) + 2)).toEqual([
    1000, 1000, 1000,
  ]);
});

it("sends many events", async () => {
  const body = await bodyFor({ events: 5000 });
  expect(body.match(/"content":"/g)).toHaveLength(5001);
  expect(upstream.ledger.last()).toMatchObject({ events: 5000, end: "completed" });
});

it("pads JSON to the requested size without breaking it", async () => {
  upstream.script({ then: { bodyBytes: 300_000 } });
  const response = await post({ ...CHAT, stream: false });
  const body = Buffer.concat(await chunksOf(response));
  expect(body.length).toBeGreaterThanOrEqual(300_000);
  expect(JSON.parse(body.toString())).toMatchObject({ object: "chat.completion" });
});

it("writes a huge stream only as fast as it is read", async () => {
  upstream.script({ then: { bodyBytes: 1e9 } });
  const response = await post();
  response.pause();
  const before = await stillAt(() => upstream.ledger.last()?.bytes ?? 0);
  expect(before).toBeLessThan(64 * 1024 * 1024);
  let read = 0;
  for await (const chunk of response) {
    read += (chunk as Buffer).length;
    if (read > before * 2) break;
  }
  await upstream.ledger.next((call) => !call.open);
  expect(upstream.ledger.last()).toMatchObject({ end: "client closed", whole: false });
  expect(upstream.ledger.last()?.sent).toBeUndefined();
});

it.each([
  ["before-headers", 0],
  ["after-headers", 0],
  ["after-lifecycle", 0],
  [{ afterEvents: 3 }, 3],
  [{ afterBytes: 500 }, 1],
  ["before-terminal", 8],
] as const)("destroys the socket %j", async (cut, events) => {
  upstream.script({ then: { cut } });
  const body = post().then(chunksOf);
  await expect(body).rejects.toThrow(/aborted|socket hang up/);
  expect(await upstream.ledger.next((call) => !call.open)).toMatchObject({
    end: "cut by us",
    events,
  });
});

it("cuts after exactly the requested bytes", async () => {
  upstream.script({ then: { cut: { afterBytes: 500 } } });
  await expect(post().then(chunksOf)).rejects.toThrow("aborted");
  await upstream.ledger.next((call) => !call.open);
  expect(upstream.ledger.last()?.sent?.toString()).toBe(
    Buffer.from(healthy()).subarray(0, 500).toString(),
  );
});

it("cuts after the lifecycle events, before the first text", async () => {
  upstream.script({ then: { cut: "after-lifecycle" } });
  await expect(post().then(chunksOf)).rejects.toThrow("aborted");
  const call = await upstream.ledger.next((one) => !one.open);
  expect(call.sent?.toString()).toBe(`${healthy().split("\n\n")[0]}\n\n`);
});

it("resets the connection when configured", async () => {
  upstream.script({ then: { cut: "before-headers", reset: true } });
  await expect(post()).rejects.toMatchObject({ code: "ECONNRESET" });
});

it("ends the body normally without its last event", async () => {
  const body = await bodyFor({ end: "before-terminal" });
  expect(healthy().startsWith(body)).toBe(true);
  expect(body).not.toContain("[DONE]");
  expect(upstream.ledger.last()).toMatchObject({ end: "ended early", whole: false });
});

it("keeps the socket open after the last event until the client leaves", async () => {
  upstream.script({ then: { holdOpen: true } });
  const response = await post();
  const call = await upstream.ledger.next((one) => one.whole);
  expect(call.open).toBe(true);
  response.destroy();
  await upstream.ledger.next((one) => !one.open);
  expect(call).toMatchObject({ end: "client closed", whole: true });
});

it("sends a body that only the end of the connection ends, so that an interruption looks like an end", async () => {
  upstream.script({ then: { untilClose: true, cut: { afterEvents: 2 } } });
  const response = await post();
  const body = Buffer.concat(await chunksOf(response)).toString();
  expect(response.headers["transfer-encoding"]).toBeUndefined();
  expect(response.headers["content-length"]).toBeUndefined();
  expect(healthy().startsWith(body)).toBe(true);
  expect(await upstream.ledger.next((call) => !call.open)).toMatchObject({
    end: "cut by us",
    events: 2,
  });
});

it("counts a request that is interrupted before it is read completely", async () => {
  const socket = connect(upstream.port, "127.0.0.1");
  socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nhalf`, () =>
    socket.destroy(),
  );
  await upstream.ledger.until((ledger) => ledger.brokenOff === 1);
  expect(upstream.ledger.total).toBe(0);
});

it("answers with bytes that are not HTTP", async () => {
  upstream.script({ then: { garbage: true } });
  await expect(post()).rejects.toMatchObject({ code: "HPE_INVALID_CONSTANT" });
});

it("sends more headers than a client accepts", async () => {
  upstream.script({ then: { headerBytes: 20_000 } });
  await expect(post()).rejects.toMatchObject({ code: "HPE_HEADER_OVERFLOW" });
});

it("closes a connection as soon as it is accepted", async () => {
  upstream.script({ when: { first: 1 }, then: { cut: "connect" } });
  await expect(post()).rejects.toMatchObject({ code: "ECONNRESET" });
  expect((await post()).statusCode).toBe(200);
});

it("accepts a connection and never answers on it", async () => {
  upstream.script({ when: { first: 1 }, then: { stall: "connect" } });
  const gone = post().catch(() => "released");
  const call = await upstream.ledger.next((one) => one.stalled);
  expect(call.status).toBe(0);
  upstream.release();
  expect(await gone).toMatchObject({ statusCode: 200 });
});

it("answers literally, with repeated headers", async () => {
  const headers = {
    "set-cookie": ["a=1", "b=2"],
    connection: "x-hop",
    "x-hop": "1",
    location: "/elsewhere",
  };
  upstream.script({ then: { reply: { status: 307, headers, body: "moved" } } });
  const response = await post();
  expect(response.statusCode).toBe(307);
  expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(response.headers["x-hop"]).toBe("1");
  expect(Buffer.concat(await chunksOf(response)).toString()).toBe("moved");
});

it("adds headers to a normal answer", async () => {
  upstream.script({ then: { headers: { "set-cookie": "a=1" } } });
  expect((await post()).headers["set-cookie"]).toEqual(["a=1"]);
});

it("notices a client that closes only its half", async () => {
  upstream.script({ then: { stall: { afterEvents: 1 } } });
  const body = JSON.stringify(CHAT);
  const socket = connect(upstream.port, "127.0.0.1");
  socket.write(`POST ${PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await upstream.ledger.next((call) => call.stalled);
  socket.end();
  socket.resume();
  expect(await upstream.ledger.next((call) => !call.open)).toMatchObject({ end: "client closed" });
});

/** Resolves with a number once it has stayed the same for some turns of the loop. */
async function stillAt(read: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  while (same < 50) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = read();
    same = now === last && now > 0 ? same + 1 : 0;
    last = now;
  }
  return last;
}
