/** The contract of every transport, verified with real sockets. Called by one short file for each transport. */
import type { Outgoing, Transport } from "../../src/contract/transport.ts";
import type { Behaviour } from "../../simulator/index.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { record, type Recorded } from "./receiver.ts";
import { standstill } from "../support/streaming.ts";
import { RawServer } from "./raw-server.ts";
import { soon } from "../support/load.ts";

export interface TransportFacts {
  /** Whether `onConnect` is called. */
  tellsConnect: boolean;
  /** Whether idle connections are closed with the transport, and not kept by the platform. */
  ownsConnections: boolean;
  /** Whether it decodes bodies itself: a platform that does drops the undecoded bytes when a body is interrupted. */
  decodesItself: boolean;
}

export function describeTransport(
  create: () => Promise<Transport> | Transport,
  facts: TransportFacts,
): void {
  let transport: Transport;
  let upstream: Simulator;
  let raw: RawServer | undefined;

  beforeEach(async () => {
    transport = await create();
    upstream = await createSimulator();
  });
  afterEach(async () => {
    await transport.close();
    // E16: after closing, no socket is left.
    if (facts.ownsConnections) await upstream.ledger.until(({ openSockets }) => openSockets === 0);
    await upstream.close();
    await raw?.close();
    raw = undefined;
  });

  function outgoing(more: Partial<Outgoing> = {}): Outgoing {
    return {
      method: "POST",
      origin: upstream.url,
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json", "accept-encoding": "identity" },
      body: new TextEncoder().encode(
        JSON.stringify({
          model: "gpt-4o",
          stream: true,
          messages: [{ role: "user", content: "x" }],
        }),
      ),
      ...more,
    };
  }
  function send(then: Behaviour = {}, more?: Partial<Outgoing>): Recorded {
    upstream.script({ then });
    return record(transport, outgoing(more));
  }
  async function sendRaw(...answers: (string | Uint8Array)[]): Promise<Recorded> {
    raw = await RawServer.start(answers);
    return record(transport, outgoing({ origin: raw.url, method: "GET", body: undefined }));
  }

  describe("normal calls", () => {
    it("are silent before send returns, then report head, data and one end", async () => {
      const call = send();
      expect(call.heard).toEqual([]);
      await call.over;
      expect(call.heard.filter((what) => what !== "data")).toEqual([
        ...(facts.tellsConnect ? ["connect"] : []),
        "head",
        "end",
      ]);
      expect(call.exchange.tellsConnect ?? false).toBe(facts.tellsConnect);
      expect(call.status).toBe(200);
      expect(call.headers!.get("content-type")).toContain("text/event-stream");
      expect(call.headers!.get("x-not-there")).toBeUndefined();
      expect(call.bytes().equals(upstream.ledger.last()!.sent!)).toBe(true);
    });

    it("send method, path, query, headers and body as given", async () => {
      const call = send({}, { path: "/generic/a%2Fb/json?x=1&y=%20", headers: { "x-one": "1" } });
      await call.over;
      const seen = upstream.ledger.last()!;
      expect(`${seen.path}${seen.query}`).toBe("/generic/a%2Fb/json?x=1&y=%20");
      expect(seen.headers["x-one"]).toBe("1");
      expect(seen.json).toMatchObject({ model: "gpt-4o" });
    });

    it("end a HEAD and an empty body, also with a declared encoding", async () => {
      const head = send({}, { method: "HEAD", body: undefined, path: "/v1/models" });
      expect(await head.over).toBe("end");
      const empty = await sendRaw(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n",
      );
      expect(await empty.over).toBe("end");
      expect(empty.bytes().length).toBe(0);
    });

    it("N3 return a redirect and do not follow it", async () => {
      const call = send({
        reply: { status: 302, headers: { location: `${upstream.url}/v1/models` }, body: "" },
      });
      await call.over;
      expect(call.status).toBe(302);
      expect(upstream.ledger.total).toBe(1);
    });

    it("skip 1xx responses before the real one", async () => {
      const call = await sendRaw(
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
      );
      expect(await call.over).toBe("end");
      expect(call.heard.filter((what) => what === "head")).toHaveLength(1);
      expect(call.status).toBe(200);
      expect(call.bytes().toString()).toBe("ok");
    });

    it("accept a body that only the end of the connection ends", async () => {
      const call = send({ untilClose: true });
      expect(await call.over).toBe("end");
      expect(call.bytes().toString()).toContain("[DONE]");
    });
  });

  describe("back-pressure", () => {
    it("I10 stops reading while the receiver wants no more, and continues after resume", async () => {
      const call = record(transport, outgoing(), { paused: true });
      upstream.script({ then: { bodyBytes: 64_000_000, eventBytes: 60_000 } });
      await call.next("data");
      const seen = await standstill(() => upstream.ledger.last()!.bytes);
      expect(seen).toBeLessThan(24_000_000);
      expect(call.chunks.length).toBeLessThan(3);
      call.flow();
      expect(await call.over).toBe("end");
      expect(call.length).toBe(upstream.ledger.last()!.sentBytes);
    });

    it("accepts resume at any time", async () => {
      const call = send();
      call.exchange.resume();
      await call.next("head");
      call.exchange.resume();
      expect(await call.over).toBe("end");
      call.exchange.resume();
      call.exchange.abort();
    });
  });

  describe("abort", () => {
    it("I4 before the connection is open: nothing is sent and nothing reported", async () => {
      const call = send();
      call.exchange.abort();
      const next = record(transport, outgoing());
      await next.over;
      expect(upstream.ledger.total + upstream.ledger.brokenOff).toBe(1);
      expect(call.heard).toEqual([]);
    });

    it("I4 before the head: the upstream is closed", async () => {
      const call = send({ stall: "before-headers" });
      await upstream.ledger.next(({ stalled }) => stalled);
      await aborted(call);
    });

    it("I4 in the middle of the body: the upstream is closed", async () => {
      const call = send({ stall: { afterEvents: 2 } });
      await call.next("data");
      await upstream.ledger.next(({ stalled }) => stalled);
      await aborted(call);
    });

    it("I4 while it is paused: the upstream is closed", async () => {
      const call = record(transport, outgoing(), { paused: true });
      upstream.script({ then: { bodyBytes: 64_000_000 } });
      await call.next("data");
      await aborted(call);
    });

    it("I4 in the middle of an encoded body: the upstream is closed", async () => {
      const call = send({ stall: { afterEvents: 2 }, encoding: "gzip" });
      await call.next("data");
      await upstream.ledger.next(({ stalled }) => stalled);
      await aborted(call);
    });

    it("from inside head and data: nothing more is reported", async () => {
      for (const what of ["head", "data"] as const) {
        const call = send({ stall: { afterEvents: 3 } });
        call.on(what, () => call.exchange.abort());
        await call.next(what);
        await upstream.ledger.until(({ inFlight }) => inFlight === 0);
        expect(call.heard.at(-1)).toBe(what);
      }
    });

    it("after the end: changes nothing", async () => {
      const call = send();
      await call.over;
      const { heard } = call;
      call.exchange.abort();
      call.exchange.abort();
      expect(call.heard).toEqual(heard);
      expect(upstream.ledger.last()!.end).toBe("completed");
    });

    async function aborted(call: Recorded): Promise<void> {
      const at = performance.now();
      const before = [...call.heard];
      call.exchange.abort();
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      const seen = upstream.ledger.last()!;
      expect(seen.end).toBe("client closed");
      expect(seen.timing.closed! - at).toBeLessThan(soon(100));
      expect(call.heard).toEqual(before);
    }
  });

  describe("faults", () => {
    it("E10 reports a name that does not resolve", async () => {
      const call = send({}, { origin: "http://does-not-exist.invalid" });
      expect(await call.over).toBe("dns");
    });

    it("E10 reports a connection that is refused", async () => {
      const gone = await RawServer.start([]);
      await gone.close();
      expect(await send({}, { origin: gone.url }).over).toBe("refused");
    });

    it.each<[string, Behaviour]>([
      ["at once", { cut: "connect" }],
      ["before the head", { cut: "before-headers" }],
      ["by a reset before the head", { cut: "before-headers", reset: true }],
      ["in the middle of the body", { cut: { afterEvents: 3 } }],
      ["in the middle of an event", { cut: { inEvent: 3 } }],
      ["by a reset in the middle of the body", { cut: { afterEvents: 3 }, reset: true }],
    ])("E10 reports a connection that closes %s", async (_when, then) => {
      expect(await send(then).over).toBe("closed");
    });

    it("reports a body that is shorter than announced", async () => {
      const call = await sendRaw(
        "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort",
        RawServer.END,
      );
      expect(await call.over).toBe("closed");
      expect(call.bytes().toString()).toBe("short");
    });

    it.each<[string, string]>([
      ["what is not HTTP", "\u0000\u0001 this is not HTTP\r\n\r\n"],
      ["a chunk without a length", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nno"],
    ])("reports %s", async (_what, answer) => {
      expect(await (await sendRaw(answer)).over).toBe("protocol");
    });

    it("N4 accepts long headers and rejects endless ones", async () => {
      expect(await send({ headerBytes: 8_000 }).over).toBe("end");
      expect(await send({ headerBytes: 300_000 }).over).toBe("protocol");
    });

    it("reports a request that cannot be sent, after send has returned", async () => {
      const call = send({}, { headers: { "x-bad": "line\nbreak" } });
      expect(call.heard).toEqual([]);
      expect(["protocol", "closed"]).toContain(await call.over);
      expect(upstream.ledger.total).toBe(0);
    });
  });

  describe("encodings", () => {
    it.each(["gzip", "br", "deflate"] as const)(
      "I13 decodes %s, event by event",
      async (encoding) => {
        const call = send({ encoding, stall: { afterEvents: 4 } });
        await upstream.ledger.next(({ stalled }) => stalled);
        await call.until(() => call.bytes().length >= upstream.ledger.last()!.sentBytes);
        expect(call.bytes().equals(upstream.ledger.last()!.sent!)).toBe(true);
        upstream.release();
        expect(await call.over).toBe("end");
        expect(call.bytes().equals(upstream.ledger.last()!.sent!)).toBe(true);
      },
    );

    it("I13 decodes deflate without its wrapper", async () => {
      const { deflateRawSync } = await import("node:zlib");
      const body = deflateRawSync("as many servers send it");
      const head = `HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: ${body.length}\r\n\r\n`;
      const call = await sendRaw(Buffer.concat([Buffer.from(head), body]));
      expect(await call.over).toBe("end");
      expect(call.bytes().toString()).toBe("as many servers send it");
    });

    it("I13 decodes several, the last first", async () => {
      const { brotliCompressSync, gzipSync } = await import("node:zlib");
      const body = brotliCompressSync(gzipSync("twice"));
      const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip, br\r\ncontent-length: ${body.length}\r\n\r\n`;
      const call = await sendRaw(Buffer.concat([Buffer.from(head), body]));
      expect(await call.over).toBe("end");
      expect(call.bytes().toString()).toBe("twice");
    });

    it("I13 accepts identity unchanged", async () => {
      expect(await send({ claims: "identity" }).over).toBe("end");
    });

    it("I13 reports an unknown encoding, and closes the upstream", async () => {
      expect(await send({ claims: "x-secret", holdOpen: true }).over).toBe("protocol");
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("I13 reports a body that does not match its encoding, and closes the upstream", async () => {
      expect(await send({ claims: "gzip", holdOpen: true }).over).toBe("protocol");
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it.runIf(facts.decodesItself)(
      "I2 passes on all that was decoded before an interruption",
      async () => {
        const call = send({ encoding: "gzip", cut: { afterEvents: 5 } });
        expect(await call.over).toBe("closed");
        expect(call.bytes().equals(upstream.ledger.last()!.sent!)).toBe(true);
      },
    );

    it.runIf(facts.decodesItself)("reports a compressed body that ends too early", async () => {
      const { gzipSync } = await import("node:zlib");
      const half = gzipSync("x".repeat(100_000)).subarray(0, 60);
      const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${half.length}\r\n\r\n`;
      const cut = await sendRaw(Buffer.concat([Buffer.from(head), half]));
      expect(await cut.over).toBe("closed");
    });

    it("I10 stops reading an encoded body too", async () => {
      const call = record(transport, outgoing(), { paused: true });
      upstream.script({ then: { bodyBytes: 64_000_000, eventBytes: 60_000, encoding: "gzip" } });
      await call.next("data");
      const seen = await standstill(() => upstream.ledger.last()!.sentBytes);
      expect(seen).toBeLessThan(64_000_000);
      call.flow();
      expect(await call.over).toBe("end");
      expect(call.length).toBe(upstream.ledger.last()!.sentBytes);
    });
  });

  describe("connections", () => {
    it("E16 reuses a connection after a complete response", async () => {
      for (let nth = 0; nth < 3; nth++) {
        await send().over;
        await nextTurn();
      }
      expect(upstream.ledger.connections).toBe(1);
    });

    it("does not reuse a connection that was aborted", async () => {
      const call = send({ stall: { afterEvents: 1 } });
      await upstream.ledger.next(({ stalled }) => stalled);
      call.exchange.abort();
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      await nextTurn();
      expect(await send().over).toBe("end");
      expect(upstream.ledger.last()!.socket).not.toBe(upstream.ledger.calls[0]!.socket);
    });

    it("recovers from a kept connection that the upstream has closed", async () => {
      raw = await RawServer.start(["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]);
      const ask = outgoing({ origin: raw.url, method: "GET", body: undefined });
      expect(await record(transport, ask).over).toBe("end");
      await raw.closeSockets();
      expect(await record(transport, ask).over).toBe("end");
    });

    it("serves many calls at once", async () => {
      const calls = Array.from({ length: 40 }, () => send());
      expect(new Set(await Promise.all(calls.map(({ over }) => over)))).toEqual(new Set(["end"]));
    });

    it("ends open calls when it closes, and reports this", async () => {
      const calls = [send({ stall: "before-headers" }), send({ stall: "before-headers" })];
      await upstream.ledger.until(({ inFlight }) => inFlight === 2);
      await transport.close();
      for (const call of calls) expect(await call.over).toBe("closed");
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });
  });
}

/** A connection is free again one turn of the loop after an answer. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
