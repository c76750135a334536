/** HTTP/2 clients of a Node server: uploads that break off, interrupted responses, the host, and headers that HTTP/2 does not have. */
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommonOptions } from "../../src/options/types.ts";
import { HOSTS, type NodeHost, startNodeHost, tls } from "../support/node-hosts.ts";
import { bodyOf, type Http2Client, openSession, openStream } from "../support/protocols.ts";
import type { Visit } from "../support/protocols.ts";
import { untilSo } from "../support/until.ts";

const PATIENCE = 5_000;
const [NO_ERROR, INTERNAL_ERROR, CANCEL] = [0, 2, 8];

let host: NodeHost;
let client: Http2Client;
let warnings: string[];
const onWarning = (warning: Error): void => void warnings.push(warning.message);

beforeEach(() => {
  warnings = [];
  process.on("warning", onWarning);
});
afterEach(async () => {
  await host.close();
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

async function start(name: string, options: Partial<CommonOptions> = {}): Promise<void> {
  host = await startNodeHost(name, { isTls: true, options });
  client = openSession(host.url);
  host.visits.push({ close: () => void client.socket.destroy() } as Visit);
}

interface Answer {
  head: IncomingHttpHeaders;
  text: string;
  /** Code with which the stream was closed. */
  code: number;
}

/** Reads a response to its end, whatever the end is. */
function read(stream: ClientHttp2Stream): Promise<Answer> {
  const answer: Answer = { head: {}, text: "", code: -1 };
  stream.on("response", (head) => (answer.head = head));
  stream.on("data", (chunk: Buffer) => (answer.text += chunk.toString()));
  return new Promise((resolve) => {
    stream.on("close", () => resolve({ ...answer, code: stream.rstCode }));
  });
}

function ask(
  headers: Record<string, string> = {},
  body: string | null = bodyOf("m"),
): Promise<Answer> {
  const stream = openStream(client, host.url, headers);
  const answer = read(stream);
  stream.end(body ?? undefined);
  return answer;
}

const HALF = "half of a file";
const FILE = { "content-type": "application/octet-stream", ":path": "/ai/files" };

const BREAKS: Record<string, (stream: ClientHttp2Stream) => void> = {
  // Node's client ends the upload, and cancels it then.
  "is cancelled": (stream) => stream.close(CANCEL),
  "is reset without an end": (stream) => void stream.destroy(new Error("gone")),
  "is reset without an error": (stream) => stream.close(NO_ERROR),
  "loses its session": () => void client.socket.destroy(),
};

describe.skipIf(!tls).each(HOSTS)("%s", (name) => {
  it.each(Object.keys(BREAKS))("I4 L11 relays no part of an upload that %s", async (how) => {
    await start(name);
    const stream = openStream(client, host.url, FILE);
    stream.write(HALF);
    await client.ping();
    await untilSo(() => host.received === 1, PATIENCE);
    await client.ping();
    BREAKS[how]!(stream);
    await untilSo(() => host.ends.length === 1, PATIENCE);
    expect(host.ends[0]).toMatchObject({ reason: "client_gone_before_first", attempts: 0 });
    await host.untilIdle();
    expect(host.upstream.ledger.total).toBe(0);
  });

  it("N4 L11 relays no body that ends before its declared length", async () => {
    await start(name);
    const { code } = await ask({ ...FILE, "content-length": String(2 * HALF.length) }, HALF);
    expect(code).not.toBe(NO_ERROR);
    await host.untilIdle();
    expect(host.upstream.ledger.total).toBe(0);
  });

  it("I4 L11 relays an upload that is whole, with and without a declared length", async () => {
    await start(name);
    for (const headers of [FILE, { ...FILE, "content-length": String(HALF.length) }]) {
      await ask(headers, HALF);
      expect(host.upstream.ledger.total).toBe(host.ends.length);
    }
    expect(host.upstream.ledger.total).toBe(2);
  });

  it("I18 L11 closes the stream of an interrupted JSON response with an error", async () => {
    await start(name);
    host.upstream.script({ then: { bodyBytes: 300_000, cut: { afterBytes: 200_000 } } });
    const { head, code } = await ask({}, bodyOf("m", false));
    expect(head[":status"]).toBe(200);
    expect(code).toBe(INTERNAL_ERROR);
    await untilSo(() => host.ends.length === 1, PATIENCE);
    expect(host.ends[0]).toMatchObject({ reason: "truncated", clientPresent: true });
    // The other streams of the connection go on.
    host.upstream.script({ then: {} });
    expect(await ask()).toMatchObject({ code: NO_ERROR, text: expect.stringContaining("[DONE]") });
  });

  it("I4 L11 a client with the complete response has not left", async () => {
    await start(name);
    host.upstream.script(
      { when: { path: "*/none" }, then: { reply: { status: 204 } } },
      { when: { path: "*/models" }, then: { reply: { status: 200 } } },
      { then: {} },
    );
    const whole = await ask();
    const none = await ask({ ":path": "/ai/none" });
    const head = await ask({ ":method": "HEAD", ":path": "/ai/models" }, null);
    expect([whole, none, head].map(({ code }) => code)).toEqual([0, 0, 0]);
    await untilSo(() => host.ends.length === 3, PATIENCE);
    expect(host.ends.map(({ reason }) => reason)).toEqual(host.ends.map(() => "completed"));
    await host.untilIdle();
  });

  it("L11 N2 shows the host to authorize, and no pseudo header to any function or upstream", async () => {
    const seen: Request[] = [];
    await start(name, { authorize: (request) => (seen.push(request), true) });
    await ask({ ":authority": "relay.test:8443" });
    const { url, headers } = seen[0]!;
    expect(new URL(url)).toMatchObject({ protocol: "https:", host: "relay.test:8443" });
    expect(headers.get("host")).toBe("relay.test:8443");
    const names = [...headers.keys(), ...Object.keys(host.upstream.ledger.last()!.headers)];
    expect(names.filter((one) => one.startsWith(":"))).toEqual([]);
  });

  it("L11 N12 compares the origin of a page with the host of HTTP/2", async () => {
    await start(name);
    const statusFor = async (origin: string): Promise<unknown> =>
      (await ask({ ":authority": "relay.test", host: "evil.test", origin })).head[":status"];
    expect(await statusFor("https://relay.test")).toBe(200);
    expect(await statusFor("https://evil.test")).toBe(403);
  });

  it("L11 sends no header of a connection, and every cookie", async () => {
    const headers = new Headers({ connection: "close", "keep-alive": "timeout=5", upgrade: "h2c" });
    headers.append("set-cookie", "a=1");
    headers.append("set-cookie", "b=2");
    await start(name, {
      authorize: ({ headers: asked }) =>
        asked.has("x-own") ? new Response("no", { status: 403, headers }) : true,
    });
    host.upstream.script({
      then: { headers: { "keep-alive": "timeout=5", connection: "x-one", "x-one": "1" } },
    });
    const own = await ask({ "x-own": "1" });
    expect(own).toMatchObject({
      text: "no",
      head: { ":status": 403, "set-cookie": ["a=1", "b=2"] },
    });
    const relayed = await ask();
    expect(relayed.head[":status"]).toBe(200);
    for (const { head } of [own, relayed])
      expect(Object.keys(head)).not.toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^(?:connection|keep-alive|upgrade|x-one)$/),
        ]),
      );
  });

  it.skipIf(name.includes("web"))(
    "N4 L11 answers an upload above the limit, and ends its stream while the client still sends",
    async () => {
      await start(name, { limits: { bodySize: 10_000 } });
      const stream = openStream(client, host.url, FILE);
      const answer = read(stream);
      const part = Buffer.alloc(8_000);
      const send = (): void => void (stream.destroyed || stream.closed || stream.write(part, send));
      send();
      expect(await answer).toMatchObject({
        head: { ":status": 413 },
        text: expect.stringContaining("ERR_RELAY_BODY_SIZE"),
        code: NO_ERROR,
      });
      await host.untilIdle();
    },
  );
});
