import { gzipSync } from "node:zlib";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { Authorize } from "../../src/options/types.ts";
import type { DialectName } from "../../src/options/upstream-types.ts";
import { WebRequestCall } from "../../src/http/web-request.ts";
import { WebResponseSink } from "../../src/http/web-response.ts";
import { openRaw, rawRequest, sendRaw } from "../support/raw.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options?: UnderTestOptions): Promise<RelayUnderTest> {
  // Bodies and methods are checked at paths that need no model.
  relay = await startRelay({ upstream: { allow: ["files"] }, ...options });
  return relay;
}

interface Told {
  status: number;
  code: string;
  message: string;
}

async function told(response: Response): Promise<Told> {
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  return { status: response.status, code: error.code, message: error.message };
}

const CHAT = JSON.stringify({ model: "gpt-4o", stream: false, messages: [] });
const calls = (): number => relay.upstream.ledger.total;
const sent = (): Buffer => relay.upstream.ledger.last()!.body;

function post(body: BodyInit, headers: Record<string, string> = {}, path = "/chat/completions") {
  return fetch(relay.url + path, {
    method: "POST",
    body,
    headers,
    duplex: "half",
  } as RequestInit);
}

const json = { "content-type": "application/json" };

describe("methods", () => {
  it.each(["OPTIONS", "PROPFIND", "TRACE", "PURGE"])(
    "N4 rejects %s with the list of supported methods",
    async (method) => {
      await start();
      const { status, headers, body } = await sendRaw(
        relay.url,
        rawRequest(`${method} /ai/models`),
      );
      expect([status, headers["allow"]]).toEqual([405, "GET, HEAD, POST, PUT, PATCH, DELETE"]);
      expect(JSON.parse(body).error.code).toBe("ERR_RELAY_METHOD");
      expect(calls()).toBe(0);
    },
  );

  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])("L7 relays %s", async (method) => {
    await start();
    const hasBody = !["GET", "HEAD"].includes(method);
    await fetch(`${relay.url}/files/f1`, { method, body: hasBody ? "data" : undefined });
    const { method: seen, path, body } = relay.upstream.ledger.last()!;
    expect([seen, path, body.toString()]).toEqual([method, "/v1/files/f1", hasBody ? "data" : ""]);
  });

  it("L7 answers HEAD without a body and with the upstream's status", async () => {
    await start();
    const headers = { "content-type": "application/json", "x-count": "3" };
    relay.upstream.script({ then: { reply: { headers } } });
    const answer = await sendRaw(relay.url, rawRequest("HEAD /ai/models"));
    expect([answer.status, answer.body, answer.headers["x-count"]]).toEqual([200, "", "3"]);
    expect(await relay.ended()).toMatchObject({ reason: "completed", attempts: 1 });
  });
});

describe("headers", () => {
  it("N4 counts headers as the client wrote them", async () => {
    await start({ limits: { headerCount: 10 } });
    const many = (count: number): string[] => Array.from({ length: count }, () => "x-same: 1");
    // host and connection are two more
    expect((await sendRaw(relay.url, rawRequest("GET /ai/models", many(8)))).status).toBe(200);
    const { status, body } = await sendRaw(relay.url, rawRequest("GET /ai/models", many(9)));
    expect([status, JSON.parse(body).error.code]).toEqual([431, "ERR_RELAY_HEADERS"]);
    expect(calls()).toBe(1);
  });
});

describe("the body's size", () => {
  const limits = { bodySize: 1_000 };

  it("N4 accepts a body of exactly the limit, and rejects one byte more", async () => {
    await start({ limits });
    expect((await post("a".repeat(1_000), {}, "/files")).status).not.toBe(413);
    expect(await told(await post("a".repeat(1_001), {}, "/files"))).toMatchObject({
      status: 413,
      code: "ERR_RELAY_BODY_SIZE",
    });
    expect(calls()).toBe(1);
  });

  it("N4 rejects a chunked body when it grows over the limit", async () => {
    await start({ limits });
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(100));
        controller.close();
      },
    });
    expect(await told(await post(chunks, {}, "/files"))).toMatchObject({ status: 413 });
    expect(calls()).toBe(0);
  });

  it("N4 answers before a body that is declared too large has arrived", async () => {
    await start({ limits });
    const socket = openRaw(
      relay.url,
      "POST /ai/files HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\nbegin",
    );
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toContain("413");
    expect(await relay.ended()).toMatchObject({ error: "ERR_RELAY_BODY_SIZE", reason: "refused" });
    socket.destroy();
  });

  it("N4 closes the connection of a client that keeps sending far over the limit", async () => {
    await start({ limits });
    const head = "POST /ai/files HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    const socket = openRaw(relay.url, head);
    const closed = new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
    const chunk = `200\r\n${"a".repeat(0x200)}\r\n`;
    const feed = (): void => void (socket.writable && socket.write(chunk, feed));
    feed();
    await closed;
    expect(calls()).toBe(0);
  });

  it("N4 accepts nothing beyond a content-length that is too small", async () => {
    await start();
    const line = "POST /ai/chat/completions";
    const { status, text } = await sendRaw(
      relay.url,
      `${line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 4\r\n\r\n${CHAT}`,
    );
    expect([status, text.match(/HTTP\/1\.1/g)?.length]).toEqual([400, 1]);
    expect(calls()).toBe(0);
  });

  it("N4 rejects two declarations of the length", async () => {
    await start();
    const both = ["transfer-encoding: chunked", "content-length: 4"];
    const { status } = await sendRaw(relay.url, rawRequest("POST /ai/files", both));
    expect([status, calls()]).toEqual([400, 0]);
  });

  it("N4 times out on a body that does not arrive", async () => {
    await start({ limits: { bodyTimeout: 5_000 } });
    const socket = openRaw(
      relay.url,
      "POST /ai/files HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nhalf",
    );
    await until(() => relay.relay.status().requests.open === 1);
    await relay.clock.advance(4_999);
    expect(relay.ends).toEqual([]);
    await relay.clock.advance(1);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/ 408 [\s\S]*ERR_RELAY_BODY_TIMEOUT/);
    socket.destroy();
    expect(relay.clock.pending()).toBe(0);
  });

  it("I4 ends quietly when the client leaves in the middle of an upload", async () => {
    await start();
    const socket = openRaw(
      relay.url,
      "POST /ai/files HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\nhalf",
    );
    await until(() => relay.relay.status().requests.open === 1);
    socket.destroy();
    expect(await relay.ended()).toMatchObject({
      reason: "client_gone_before_first",
      status: undefined,
      clientPresent: false,
    });
    expect(calls()).toBe(0);
    expect(relay.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("the body's form", () => {
  it("B12 reads JSON that is not declared, with white space and a byte order mark before it", async () => {
    await start();
    for (const body of [CHAT, `\n\t ${CHAT}`, `\ufeff${CHAT}`]) {
      expect((await post(new TextEncoder().encode(body))).status).toBe(200);
      expect(relay.upstream.ledger.last()!.body.toString()).toBe(body);
    }
    expect((await post(CHAT, { "content-type": "text/plain" })).status).toBe(200);
    await relay.ended(4);
    expect(relay.ends.map(({ model }) => model)).toEqual(Array(4).fill("gpt-4o"));
  });

  it("E5 rejects a body that is declared as JSON and is not, without quoting it", async () => {
    await start();
    const answer = await told(await post('{"model":"secret-thing"', json));
    expect(answer).toMatchObject({ status: 400, code: "ERR_RELAY_BODY_JSON" });
    expect(answer.message).not.toContain("secret");
    expect(JSON.stringify(relay.lines)).not.toContain("secret-thing");
    expect(calls()).toBe(0);
  });

  it.each([["gzip"], ["br"], ["gzip, identity"], ["x".repeat(500)]])(
    "N4 rejects a body encoded with %s",
    async (encoding) => {
      await start();
      const response = await post(gzipSync(CHAT), { ...json, "content-encoding": encoding });
      expect(await told(response)).toMatchObject({ status: 415, code: "ERR_RELAY_BODY_ENCODING" });
      expect(calls()).toBe(0);
    },
  );

  it("N4 accepts a body whose encoding is identity", async () => {
    await start();
    expect((await post(CHAT, { ...json, "content-encoding": "Identity" })).status).toBe(200);
    expect(relay.upstream.ledger.last()!.headers).not.toHaveProperty("content-encoding");
  });

  it("L7 passes multipart bodies unchanged under the pseudo-model", async () => {
    await start();
    const form = new FormData();
    form.set("model", "whisper-1");
    form.set("file", new Blob([new Uint8Array([0, 255, 13, 10, 128])]), "a b.wav");
    const request = new Request("http://x", { method: "POST", body: form });
    const type = request.headers.get("content-type")!;
    const bytes = Buffer.from(await request.arrayBuffer());
    await post(bytes, { "content-type": type }, "/audio/transcriptions");
    expect(sent().equals(bytes)).toBe(true);
    expect(relay.upstream.ledger.last()!.headers["content-type"]).toBe(type);
    expect(await relay.ended()).toMatchObject({ model: "*" });
  });

  it.each(["application/octet-stream", "audio/mpeg", "image/png", "application/x-protobuf"])(
    "L7 passes %s unchanged, even where it begins like JSON",
    async (type) => {
      await start();
      const bytes = Buffer.from([0x7b, 0, 1, 2, 0xff, 0xfe, 0x0d, 0x0a, 0x7b]);
      await post(bytes, { "content-type": type }, "/files");
      expect(sent().equals(bytes)).toBe(true);
      expect(await relay.ended()).toMatchObject({ model: "*" });
    },
  );

  it("L7 passes an empty body", async () => {
    await start();
    await post("", json, "/files/f1/cancel");
    expect([sent().length, calls()]).toEqual([0, 1]);
  });
});

describe("a body that has already been read", () => {
  const reading =
    (read: (request: Request) => Promise<unknown>): Authorize =>
    async (request) => {
      await read(request);
      return true;
    };

  it("N7 reports that authorize has read it", async () => {
    await start({ authorize: reading((request) => request.json()) });
    expect(await told(await post(CHAT, json))).toMatchObject({
      status: 500,
      code: "ERR_RELAY_BODY_USED",
    });
    expect(calls()).toBe(0);
  });

  it("N7 relays the body when authorize has read a clone", async () => {
    const body = JSON.stringify({ model: "gpt-4o", stream: false, pad: "x".repeat(300_000) });
    await start({ authorize: reading((request) => request.clone().json()) });
    expect((await post(body, json)).status).toBe(200);
    expect(sent().toString()).toBe(body);
  });

  it("N7 accepts a request without a body", async () => {
    await start({ authorize: reading((request) => request.text()) });
    expect((await fetch(`${relay.url}/models`)).status).toBe(200);
    expect((await fetch(`${relay.url}/files/x/cancel`, { method: "POST" })).status).toBe(404);
    expect(calls()).toBe(2);
  });
});

describe("the model", () => {
  it.each([
    ["openai", "/chat/completions", "/v1"],
    ["openai", "/responses", "/v1"],
    ["anthropic", "/messages", "/v1"],
    ["anthropic", "/messages/count_tokens", "/v1"],
  ] as const)(
    "L7 rejects a request that names none where %s needs one: %s",
    async (dialect, path, base) => {
      await start();
      await restart(dialect, base);
      for (const body of ["{}", '{"model":""}', '{"model":5}', "[]", "null", ""]) {
        const answer = (await (await post(body, json, path)).json()) as { error: object };
        expect(answer.error).toMatchObject({ code: "ERR_RELAY_MODEL_MISSING" });
      }
      expect(calls()).toBe(0);
    },
  );

  it("L7 relays a request without a model where none is needed", async () => {
    await start();
    expect((await fetch(`${relay.url}/models`)).status).toBe(200);
    expect(await relay.ended()).toMatchObject({ model: "*" });
  });

  const several = (more: Partial<UnderTestOptions> = {}): UnderTestOptions => {
    const upstreams = {
      one: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
      two: { baseURL: "http://127.0.0.1:9/v1beta", dialect: "google" },
    } as const;
    return {
      ...more,
      upstreams,
      credentials: [
        { id: "a", apiKey: "sk-a-0123456789", upstream: "one" },
        { id: "b", apiKey: "sk-b-0123456789", upstream: "two" },
      ],
      models: { "gpt-4o": { upstream: "one" }, ...more.models },
    };
  };

  it("L7 rejects a model that is not listed where there are several upstreams", async () => {
    await start(several());
    const answer = await told(await post('{"model":"gpt-5"}', json));
    expect(answer).toMatchObject({ status: 400, code: "ERR_RELAY_MODEL_UNKNOWN" });
    expect(answer.message).toContain("gpt-5");
  });

  it("L7 rejects a request without a model where several upstreams are possible", async () => {
    await start(several());
    const answer = await told(await fetch(`${relay.url}/models`));
    expect(answer).toMatchObject({ status: 400, code: "ERR_RELAY_MODEL_MISSING" });
    expect(answer.message).toContain("several upstreams");
  });

  it("L7 sends a request without a model to the upstream that an operator configured for it", async () => {
    await start(several({ models: { "*": { upstream: "two" } } }));
    const response = await fetch(`${relay.url}/models`);
    expect(response.status).toBe(502);
    await relay.clock.advance(10_000);
    expect(await relay.ended()).toMatchObject({ upstream: "two", model: "*" });
  });

  async function restart(dialect: DialectName, base: string): Promise<void> {
    const { upstream } = relay;
    const old = relay;
    relay = await startRelay({
      keep: upstream,
      upstream: { dialect, baseURL: upstream.url + base },
    });
    const { close } = relay;
    const opened = relay;
    opened.close = async () => {
      await close();
      await old.close();
    };
  }
});

describe("names of models that do not fit into a header", () => {
  it.each(["node", "web"] as const)("J1 N4 answers them on the %s sink", async (sink) => {
    await start({ sink });
    for (const [model, shown] of [
      ["\u{1f600}", "%F0%9F%98%80"],
      ["a\ud800", "a%EF%BF%BD"],
      ["x".repeat(254) + "\u{1f600}", "x".repeat(254) + "%F"],
    ] as const) {
      const response = await relay.chat({ model, stream: false });
      await response.arrayBuffer();
      expect([response.status, response.headers.get("x-relay-model")]).toEqual([200, shown]);
    }
  });

  it("K16 ends a request whose error cannot be sent, and closes", async () => {
    await start();
    const sink = new WebResponseSink("GET");
    const broken = new WebRequestCall(new Request("http://relay/%ff"), {
      mount: "",
      target: "//",
      address: undefined,
    });
    const preparedHeaders = (): never => {
      throw new Error("no headers");
    };
    await relay.relay.handle(Object.assign(broken, { preparedHeaders }), sink);
    expect((await sink.response).status).toBe(500);
    expect(await relay.ended()).toMatchObject({ error: "ERR_RELAY_INTERNAL" });
  });
});

/** Sockets run in real time: waits turns of the loop until a condition holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise<void>((resolve) => setImmediate(resolve));
}
