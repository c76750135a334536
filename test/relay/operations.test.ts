/** What clients may do with the operator's key (N13), seen in the upstream's ledger. */
import { once } from "node:events";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError, GoogleGenAI } from "@google/genai";
import OpenAI, { toFile } from "openai";
import { afterEach, describe, expect, it } from "vitest";
import type { DialectName } from "../../src/options/upstream-types.ts";
import { createSimulator } from "../../simulator/index.ts";
import { openRaw, rawRequest, sendRaw } from "../support/raw.ts";
import { makeCredentials, type RelayUnderTest, startRelay } from "../support/relay.ts";
import type { UnderTestOptions } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

async function start(options: UnderTestOptions = {}): Promise<void> {
  relay = await startRelay(options);
}

const sent = (): string[] =>
  relay.upstream.ledger.calls.map(({ method, path }) => `${method} ${path}`);

interface Told {
  status: number;
  code: string | undefined;
  message: string;
}

async function ask(request: string, init: RequestInit = {}): Promise<Told> {
  const [method, path] = request.split(" ", 2);
  const response = await fetch(relay.url + path, { method, ...init });
  const text = await response.text();
  const { error } = (response.ok || !text.startsWith("{") ? {} : JSON.parse(text)) as {
    error?: { code?: unknown; reason?: string; message: string };
  };
  const code = error?.reason ?? (error?.code as string | undefined);
  return { status: response.status, code, message: error?.message ?? "" };
}

const caught = (asked: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(asked).then(
    () => undefined,
    (error: unknown) => error,
  );

describe("a request for stored objects", () => {
  it("N13 is 403 without an upstream call, and the message names what to allow", async () => {
    await start();
    expect(await ask("DELETE /files/f1")).toEqual({
      status: 403,
      code: "ERR_RELAY_OPERATION",
      message:
        'DELETE /files/f1 is not allowed here: it is an operation of the kind "files". Only the operator can change that: the relay\'s option `upstream.allow` must contain "files", or "DELETE /files/**" for this operation alone.',
    });
    expect(sent()).toEqual([]);
    expect(await relay.ended()).toMatchObject({ reason: "refused", attempts: 0 });
  });

  it.each([
    ['"files"', ["files"]],
    ["the pattern of the message", ["DELETE /files/**"]],
    ['"*"', ["*"]],
  ])("N13 passes where `allow` contains %s", async (_, allow) => {
    await start({ upstream: { allow } });
    expect((await ask("DELETE /files/f1")).code).not.toBe("ERR_RELAY_OPERATION");
    expect(sent()).toEqual(["DELETE /v1/files/f1"]);
  });

  it("N13 is told to OpenAI's client as PermissionDeniedError", async () => {
    await start();
    const client = new OpenAI({ baseURL: relay.url, apiKey: "relay" });
    const file = await toFile(Buffer.from("{}"), "a.jsonl");
    const error = await caught(client.files.create({ file, purpose: "batch" }));
    expect(error).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(error).toMatchObject({ status: 403, code: "ERR_RELAY_OPERATION" });
    expect(sent()).toEqual([]);
  });

  it("N13 is told to Anthropic's client as PermissionDeniedError", async () => {
    const upstream = await createSimulator();
    await start({ keep: upstream, upstream: { dialect: "anthropic", baseURL: upstream.url } });
    const client = new Anthropic({ baseURL: relay.url, apiKey: "relay" });
    const error = await caught(client.messages.batches.list());
    expect(error).toBeInstanceOf(Anthropic.PermissionDeniedError);
    expect((error as Error).message).toContain("permission_error");
    expect((error as Error).message).toContain('must contain \\"batches\\"');
    expect(sent()).toEqual([]);
  });

  it("N13 is told to Google's client with its status", async () => {
    const upstream = await createSimulator();
    await start({ keep: upstream, upstream: { dialect: "google", baseURL: upstream.url } });
    const client = new GoogleGenAI({ apiKey: "relay", httpOptions: { baseUrl: relay.url } });
    const error = await caught(client.caches.list());
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).status).toBe(403);
    expect((error as ApiError).message).toContain("PERMISSION_DENIED");
    expect((error as ApiError).message).toContain('must contain \\"cachedContents\\"');
    expect(sent()).toEqual([]);
  });
});

describe("an unknown operation", () => {
  it.each([
    [
      "openai",
      "POST /my/endpoint",
      'the relay\'s option `upstream.allow` must contain "POST /my/endpoint".',
    ],
    ["openai", "HEAD /mine", ""],
    ["openai", "POST /messages", "(it is one of the dialect anthropic)"],
    ["openai", "GET /files;x", "must name it, with method and path."],
    ["openai", `POST /${"x".repeat(300)}`, "must name it, with method and path."],
  ] as const)("N13 is 403: %s %s", async (dialect, request, message) => {
    await start({ upstream: { dialect } });
    const answer = await ask(request);
    expect(answer.status).toBe(403);
    expect(answer.message).toContain(message);
    expect(answer.message.length).toBeLessThan(600);
    expect(sent()).toEqual([]);
  });

  it("N13 L7 with a version at the wrong place is 404 as before, and says so", async () => {
    await start();
    for (const path of ["/v1/files", "/v1/chat/completions", "/v1/v1/x"])
      expect(await ask(`POST ${path}`, { body: '{"model":"a"}' })).toMatchObject({
        status: 404,
        code: "ERR_RELAY_VERSION",
      });
    expect(sent()).toEqual([]);
  });

  it("N13 passes in the dialect generic, with every method", async () => {
    await start({ upstream: { dialect: "generic" } });
    for (const request of ["DELETE /files/f1", "POST /my/endpoint?_method=x", "GET /a;b"])
      await ask(request);
    expect(sent()).toEqual(["DELETE /v1/files/f1", "POST /v1/my/endpoint", "GET /v1/a;b"]);
  });

  it("N13 J14 is one line in the log for each kind, and says what to do", async () => {
    await start();
    for (let i = 0; i < 3; i++) await ask("POST /files");
    const told = relay.lines.filter(({ message }) => message.startsWith("operations: "));
    expect(told).toEqual([
      {
        level: "warn",
        message: expect.stringMatching(
          /^operations: a request was refused with 403: POST \/files is not allowed here: .*`upstream\.allow` must contain "files".*; docs\/security\.md#operations/,
        ),
      },
    ]);
  });
});

describe("the operation of a request", () => {
  it("N13 is judged after `authorize`, and before the body is read", async () => {
    let asked = 0;
    await start({ authorize: () => (asked++, true) });
    const head = "POST /ai/files HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n";
    const socket = openRaw(relay.url, head);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 [^]*ERR_RELAY_OPERATION/);
    expect(asked).toBe(1);
    socket.destroy();
  });

  it("N13 is not judged for a client that `authorize` rejects", async () => {
    await start({ authorize: () => false });
    expect(await ask("POST /files")).toMatchObject({ status: 401 });
  });

  it("N13 does not change with a header that names another method", async () => {
    await start();
    const headers = { "x-http-method-override": "DELETE", "x-http-method": "DELETE" };
    await ask("GET /models/gpt-4o", { headers });
    const [call] = relay.upstream.ledger.calls;
    expect(Object.keys(call!.headers).filter((name) => name.includes("method"))).toEqual([]);
  });

  it("N13 does not change with a query that names another method", async () => {
    await start();
    const answer = await ask("POST /responses/r1/cancel?_method=GET", { body: "{}" });
    expect(answer).toMatchObject({ status: 403, code: "ERR_RELAY_OPERATION" });
    expect(answer.message).toContain("names another method");
    expect(sent()).toEqual([]);
  });

  it("N13 leaves preflights, the health answer and reserved paths as they are", async () => {
    await start({ cors: { origin: "*" } });
    const preflight = await sendRaw(
      relay.url,
      rawRequest("OPTIONS /ai/files", [
        "origin: https://app.test",
        "access-control-request-method: POST",
      ]),
    );
    expect(preflight.status).toBe(204);
    expect((await ask("GET /_relay/health")).status).toBe(200);
    expect(await ask("GET /_relay/files")).toMatchObject({ code: "ERR_RELAY_RESERVED" });
  });
});

it("N13 J4 `explain` throws what a request would get", async () => {
  await start();
  const explained = (path: string) => relay.relay.explain({ path, body: { model: "gpt-4o" } });
  expect(explained("/chat/completions")).toHaveLength(1);
  expect(() => explained("/files")).toThrow(
    expect.objectContaining({ code: "ERR_RELAY_OPERATION", status: 403 }),
  );
});

describe("several upstreams", () => {
  const credentials = ["one", "two"].flatMap((upstream) =>
    makeCredentials(1).map((one) => ({ ...one, id: upstream, upstream })),
  );

  async function startBoth(
    one: DialectName,
    allow: Record<"one" | "two", string[] | undefined>,
    models: UnderTestOptions["models"] = {},
  ): Promise<void> {
    const upstream = await createSimulator();
    await start({
      keep: upstream,
      upstreams: {
        one: { baseURL: `${upstream.url}/one/v1`, dialect: one, allow: allow.one },
        two: { baseURL: `${upstream.url}/two/v1`, dialect: "openai", allow: allow.two },
      },
      models: { a: { upstream: "one" }, b: { upstream: "two" }, ...models },
      credentials,
    });
  }
  const files = (model: string): Promise<Told> =>
    ask("POST /my/files", {
      body: JSON.stringify({ model }),
      headers: { "content-type": "application/json" },
    });

  it("N13 each judge the requests of their models", async () => {
    await startBoth("openai", { one: undefined, two: ["POST /my/files"] });
    expect(await files("a")).toMatchObject({
      status: 403,
      message: expect.stringContaining('`upstreams.one.allow` must contain "POST /my/files"'),
    });
    await files("b");
    expect(sent()).toEqual(["POST /two/v1/my/files"]);
  });

  it("N13 refuse before the body is read what none of them allows", async () => {
    await startBoth("openai", { one: undefined, two: undefined });
    const head = "POST /ai/files HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n";
    const socket = openRaw(relay.url, head);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 403 [^]*upstreams\.one\.allow/);
    socket.destroy();
  });

  it("N13 D9 fall back to one that allows the operation", async () => {
    const models = { a: { upstream: "one", fallback: ["b"] } };
    await startBoth("openai", { one: ["POST /my/files"], two: ["POST /my/files"] }, models);
    relay.upstream.script({ then: { refuse: { kind: "quota", wait: 86_400_000 } } });
    await files("a");
    expect(sent()).toEqual(["POST /one/v1/my/files", "POST /two/v1/my/files"]);
  });

  it("N13 J4 do not fall back to one that does not allow the operation, and `explain` shows it", async () => {
    const models = { a: { upstream: "one", fallback: ["b"] } };
    await startBoth("openai", { one: ["POST /my/files"], two: undefined }, models);
    relay.upstream.script({ then: { refuse: { kind: "quota", wait: 86_400_000 } } });
    await files("a");
    expect(sent()).toEqual(["POST /one/v1/my/files"]);
    const explained = (path: string) =>
      relay.relay
        .explain({ path, body: { model: "a" } })
        .map(({ upstream, closed, chosen }) => [upstream, closed?.why, chosen === undefined]);
    expect(explained("/my/files").at(-1)).toEqual(["two", "operation", true]);
    expect(explained("/chat/completions").at(-1)).toEqual(["two", undefined, false]);
    expect(() => explained("/other")).toThrow(
      expect.objectContaining({ code: "ERR_RELAY_OPERATION" }),
    );
  });
});
