/** Large request bodies, and answers in small chunks, over real sockets. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it } from "vitest";
import type { Outgoing, Receiver, Transport } from "../../src/contract/transport.ts";
import { createTransport } from "../../src/transport/undici.ts";
import { SmallChunks } from "../../src/transport/small-chunks.ts";
import { untilSo } from "../support/until.ts";

let transport: Transport;
let server: Server;
afterEach(async () => {
  await transport?.close();
  server?.closeAllConnections();
  server?.close();
});

async function serve(
  answer: (message: IncomingMessage, response: ServerResponse) => void,
): Promise<Omit<Outgoing, "body">> {
  transport = await createTransport();
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { method: "POST", origin: `http://127.0.0.1:${port}`, path: "/", headers: {} };
}

class Listener implements Receiver {
  status = 0;
  chunks: Uint8Array[] = [];
  isOver = false;
  onHead(status: number): void {
    this.status = status;
  }
  onData(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return true;
  }
  onEnd(): void {
    this.isOver = true;
  }
  onFail(): void {
    this.isOver = true;
  }
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

it("N4 a large body arrives whole with its length, and is not kept while the answer streams", async () => {
  let received = Buffer.alloc(0);
  let length: string | undefined;
  const call = await serve((message, response) => {
    length = message.headers["content-length"];
    const parts: Buffer[] = [];
    message.on("data", (part: Buffer) => parts.push(part));
    message.on("end", () => {
      received = Buffer.concat(parts);
      response.write("begin");
    });
  });
  const size = 3_000_001;
  let pieces: Uint8Array[] | undefined = [
    new Uint8Array(1_000_000).fill(7),
    new Uint8Array(size - 1_000_000).fill(9),
  ];
  const kept = pieces.map((piece) => new WeakRef(piece.buffer));
  const listener = new Listener();
  const exchange = transport.send({ ...call, pieces, body: undefined }, listener);
  pieces = undefined;
  await untilSo(() => listener.status === 200, 5_000);
  expect([received.length, length, received[999_999], received[1_000_000]]).toEqual([
    size,
    `${size}`,
    7,
    9,
  ]);
  await untilSo(() => {
    collectGarbage();
    return kept.every((one) => one.deref() === undefined);
  }, 5_000);
  expect(listener.isOver).toBe(false);
  exchange.abort();
});

it("N4 an answer in 100,000 chunks of one byte is passed on in few, and in its order", async () => {
  const count = 100_000;
  const call = await serve((_message, response) => {
    response.writeHead(200, { "transfer-encoding": "chunked" });
    response.flushHeaders();
    const digits = Array.from({ length: count }, (_, nth) => `1\r\n${nth % 10}\r\n`);
    response.socket!.write(`${digits.join("")}64\r\n${"x".repeat(100)}\r\n1\r\ny\r\n0\r\n\r\n`);
  });
  const listener = new Listener();
  transport.send({ ...call, body: undefined }, listener);
  await untilSo(() => listener.isOver, 8_000);
  const text = Buffer.concat(listener.chunks).toString();
  expect(text).toBe("0123456789".repeat(count / 10) + "x".repeat(100) + "y");
  expect(listener.chunks.length).toBeLessThan(count / 50);
});

it("N4 chunks of one read beyond the first ones are joined, and reading takes a break after many", async () => {
  const passed: number[] = [];
  let breaks = 0;
  const chunks = new SmallChunks({
    passOn: (bytes) => void passed.push(bytes.length),
    takeBreak: () => void breaks++,
  });
  for (let nth = 0; nth < 11_000; nth++) chunks.add(new Uint8Array(1));
  await Promise.resolve();
  expect(passed).toEqual([...Array.from({ length: 16 }, () => 1), 11_000 - 16]);
  expect(breaks).toBe(1);
  chunks.add(new Uint8Array(1));
  expect(passed.at(-1)).toBe(1);
});
