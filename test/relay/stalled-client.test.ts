/** Clients that take nothing of what waits for them, and clients that close their side of the connection (I22, I4), over real sockets. */
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineRelay } from "../../adapters/node.ts";
import type { Call, Simulator } from "../../simulator/index.ts";
import { createSimulator } from "../../simulator/index.ts";
import type { EndEvent } from "../../src/observe/hooks.ts";
import type { StreamingOptions } from "../../src/options/group-types.ts";
import { openRaw } from "../support/raw.ts";
import { secretOf } from "../support/relay.ts";
import { standstill } from "../support/streaming.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

const MINUTE = 60_000;
const BODY = JSON.stringify({ model: "m", stream: true, messages: [] });
const REQUEST = [
  "POST /ai/chat/completions HTTP/1.1",
  "host: relay.test",
  "content-type: application/json",
  `content-length: ${Buffer.byteLength(BODY)}`,
  "",
  BODY,
].join("\r\n");

/** More than what fits between upstream and client. */
const SHORTER = { bodyBytes: 40_000_000, eventBytes: 10_000 };

let upstream: Simulator;
let server: Server;
let clock: VirtualClock;
let relay: ReturnType<typeof defineRelay>;
let ends: EndEvent[];
let sockets: Socket[];
let url: string;

beforeEach(async () => {
  upstream = await createSimulator({ keys: { c1: secretOf("c1") } });
  upstream.script({ when: { first: 1 }, then: { bodyBytes: 200_000_000, eventBytes: 10_000 } });
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  const closing = relay.close();
  await clock.advance(MINUTE);
  await closing;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await upstream.close();
});

async function start(streaming: StreamingOptions = {}, allowsHalfOpen = false): Promise<void> {
  clock = createVirtualClock();
  ends = [];
  relay = defineRelay({
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: [{ id: "c1", apiKey: secretOf("c1"), maxInFlight: 1 }],
    limits: { maxWait: 60 * MINUTE },
    streaming: { ...streaming },
    hooks: { end: (event) => void ends.push(event) },
    log: false,
    clock,
  });
  server = createServer(relay);
  Object.assign(server, { httpAllowHalfOpen: allowsHalfOpen });
  await relay.relay.ready();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Opens a stream that is not read, and waits until everything between upstream and client is full. */
async function openUnread(): Promise<{ socket: Socket; call: Call }> {
  const socket = openRaw(url, REQUEST);
  sockets.push(socket);
  socket.pause();
  const call = await upstream.ledger.next(() => true);
  await standstill(() => call.bytes);
  return { socket, call };
}

async function until(holds: () => boolean): Promise<void> {
  for (const patience = performance.now() + 5_000; !holds();) {
    if (performance.now() > patience) throw new Error("it did not come about");
    await clock.settle();
  }
}

const chat = (): Promise<Response> =>
  fetch(`${url}/ai/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: BODY,
  });
const openSockets = (): number => sockets.filter(({ destroyed }) => !destroyed).length;

describe("a client that stopped reading", () => {
  it("I22 E16 is gone after five minutes: the upstream is closed, and the credential's only slot is free", async () => {
    await start();
    const { socket, call } = await openUnread();
    socket.on("error", () => {});
    const next = chat();
    await clock.advance(5 * MINUTE - 1);
    await until(() => relay.relay.status().credentials[0]!.inFlight === 1);
    expect(ends).toEqual([]);
    expect(call.open).toBe(true);
    // Whatever the system has taken since the first look, it is one look more.
    await clock.advance(MINUTE / 2 + 1);
    await until(() => ends.length >= 1);
    expect(ends[0]).toMatchObject({
      reason: "client_stalled",
      clientPresent: false,
      error: "ERR_RELAY_CLIENT_GONE",
    });
    const response = await next;
    expect(response.status).toBe(200);
    await response.text();
    expect(call.end).toBe("client closed");
    socket.resume();
    await until(() => openSockets() === 0);
    await until(() => relay.relay.status().credentials[0]!.inFlight === 0);
  });

  it("I22 I10 is not gone while it reads now and then", async () => {
    await start();
    const { socket, call } = await openUnread();
    for (let nth = 0; nth < 6; nth++) {
      const before = call.bytes;
      // More than what the system holds back before it lets the relay write again.
      for (let read = 0; read < 8_000_000;)
        read += (socket.read() as Buffer | null)?.length ?? (await clock.settle(), 0);
      await until(() => call.bytes > before);
      await standstill(() => call.bytes);
      await clock.advance(4 * MINUTE);
      expect(ends).toEqual([]);
    }
    await clock.advance(2 * MINUTE);
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ reason: "client_stalled" });
  }, 60_000);

  it("I22 is waited for without a limit where that is switched off", async () => {
    await start({ clientStallTimeout: false });
    await openUnread();
    await clock.advance(100 * MINUTE);
    expect(ends).toEqual([]);
  });

  it("I22 I12 is drained like one that has left", async () => {
    await start({ onDisconnect: "drain", drainBytes: 1e9, drainTimeout: 60 * MINUTE });
    upstream.script({ then: SHORTER });
    const { socket, call } = await openUnread();
    socket.on("error", () => {});
    await clock.advance(6 * MINUTE);
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ reason: "client_stalled", usageStatus: "none" });
    expect(call.end).toBe("completed");
  }, 60_000);

  it("I22 I12 with detach the response goes on to its end", async () => {
    await start({ onDisconnect: "detach" });
    upstream.script({ then: SHORTER });
    const { socket, call } = await openUnread();
    socket.on("error", () => {});
    await clock.advance(6 * MINUTE);
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ reason: "completed", clientPresent: false });
    expect(call.end).toBe("completed");
  }, 60_000);
});

describe("a client that closes its side of the connection while something waits for it", () => {
  it("I4 is heard at once: Node sends it nothing more", async () => {
    await start();
    const { socket, call } = await openUnread();
    socket.on("error", () => {});
    socket.end();
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ reason: "client_gone_mid", clientPresent: false });
    await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(call.end).toBe("client closed");
    socket.resume();
    await until(() => openSockets() === 0);
  });

  it("I4 may read on where the server allows half-open connections", async () => {
    await start({}, true);
    const { socket, call } = await openUnread();
    const { bytes } = call;
    socket.end();
    for (let turn = 0; turn < 50; turn++) await clock.settle();
    expect(ends).toEqual([]);
    socket.resume();
    await until(() => call.bytes > bytes + 10_000_000);
  });

  it("I4 is heard at once where it resets the connection", async () => {
    await start();
    const { socket, call } = await openUnread();
    socket.resetAndDestroy();
    await until(() => ends.length === 1);
    expect(ends[0]).toMatchObject({ reason: "client_gone_mid" });
    await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(call.end).toBe("client closed");
  });

  it("I4 leaves no listener on a connection that is used again", async () => {
    await start();
    upstream.script({ then: { bodyBytes: 20_000_000, eventBytes: 50_000 } });
    let serverSocket: Socket | undefined;
    server.on("connection", (it) => (serverSocket ??= it));
    const counts: number[] = [];
    const socket = openRaw(url, "");
    sockets.push(socket);
    let seen = 0;
    socket.on("data", (chunk: Buffer) => void (seen += chunk.length));
    for (let nth = 1; nth <= 3; nth++) {
      socket.write(REQUEST);
      await until(() => ends.length === nth);
      await until(() => seen > nth * 20_000_000);
      for (let turn = 0; turn < 5; turn++) await clock.settle();
      counts.push(serverSocket!.listenerCount("end"));
    }
    expect(new Set(counts).size).toBe(1);
  }, 60_000);
});

describe("a reader of relay.fetch", () => {
  const request = (): Request =>
    new Request("http://relay.test/ai/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: BODY,
    });

  it("I22 L8 in the same process may pause for a tool", async () => {
    await start();
    const response = await relay.relay.fetch(request());
    const reader = response.body!.getReader();
    await reader.read();
    await standstill(() => upstream.ledger.calls[0]!.bytes);
    await clock.advance(100 * MINUTE);
    expect(ends).toEqual([]);
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
  });

  it("I22 that sends the body to a client with an address may not", async () => {
    await start();
    const response = await relay.relay.fetch(request(), { address: "192.0.2.1" });
    const reader = response.body!.getReader();
    await reader.read();
    await standstill(() => upstream.ledger.calls[0]!.bytes);
    await clock.advance(6 * MINUTE);
    expect(ends).toMatchObject([{ reason: "client_stalled", clientPresent: false }]);
    await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    await expect(reader.read()).rejects.toThrow("interrupted");
  });
});
