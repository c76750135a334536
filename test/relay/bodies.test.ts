/** Request bodies over real sockets: what all requests hold together, and large bodies of every shape (N4). */
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PARSED_SIZE } from "../../src/http/read-request.ts";
import { openRaw } from "../support/raw.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { untilSo } from "../support/until.ts";

let relay: RelayUnderTest;
afterEach(async () => {
  vi.restoreAllMocks();
  await relay.close();
});

async function start(options: UnderTestOptions = {}): Promise<void> {
  relay = await startRelay(options);
}

const held = (): number => relay.relay.status().requests.bufferedBytes;
const calls = (): number => relay.upstream.ledger.total;

function post(body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${relay.url}/chat/completions`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function told(
  response: Response,
): Promise<{ status: number; code: unknown; wait: string | null }> {
  const { error } = (await response.json()) as { error?: { code: unknown } };
  return { status: response.status, code: error?.code, wait: response.headers.get("retry-after") };
}

/** A request whose body is `size` bytes. */
function sized(size: number, fields: object = {}): string {
  const text = JSON.stringify({ model: "gpt-4o", messages: [], ...fields, pad: "" });
  return text.replace(/""}$/, `"${"x".repeat(size - text.length)}"}`);
}

/** Sends the head and a part of a body. */
async function begin(
  size: number,
  part: number,
  headers = "",
): Promise<ReturnType<typeof openRaw>> {
  const before = held();
  const socket = openRaw(
    relay.url,
    `POST /ai/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}content-length: ${size}\r\n\r\n${sized(size).slice(0, part)}`,
  );
  socket.on("error", () => {});
  await untilSo(() => held() === before + part, 5_000);
  return socket;
}

const FULL = { status: 503, code: "ERR_RELAY_BUFFER_FULL", wait: "1" };
const SHARE = { status: 429, code: "ERR_RELAY_CALLER_BUFFER", wait: "1" };

describe("the bytes of all bodies", () => {
  it("N4 are counted as they arrive, and refused beyond the limit with 503 and a retry-after", async () => {
    await start({ limits: { bufferedBytes: 100_000 } });
    const first = await begin(60_000, 40_000);
    expect(await told(await post(sized(60_100)))).toEqual(FULL);
    const chunks = new Blob([sized(60_100)]).stream();
    const chunked = fetch(`${relay.url}/chat/completions`, {
      method: "POST",
      body: chunks,
      duplex: "half",
    } as RequestInit);
    expect(await told(await chunked)).toEqual(FULL);
    expect([held(), calls()]).toEqual([40_000, 0]);
    expect((await post(sized(59_000))).status).toBe(200);
    first.write(sized(60_000).slice(40_000));
    const [answer] = (await once(first, "data")) as [Buffer];
    expect(answer.toString()).toContain("200 OK");
    await untilSo(() => held() === 0, 5_000);
    first.destroy();
  });

  it("N4 one named caller has a quarter of them, and takes nothing from another", async () => {
    await start({
      limits: { bufferedBytes: 100_000 },
      authorize: (request) => request.headers.get("x-caller") ?? false,
    });
    const first = await begin(20_000, 15_000, "x-caller: a\r\n");
    expect(await told(await post(sized(12_000), { "x-caller": "a" }))).toEqual(SHARE);
    expect((await post(sized(12_000), { "x-caller": "b" })).status).toBe(200);
    expect((await post(sized(9_000), { "x-caller": "a" })).status).toBe(200);
    first.destroy();
    await untilSo(() => held() === 0, 5_000);
    expect((await post(sized(24_000), { "x-caller": "a" })).status).toBe(200);
  });

  it("N4 a body that alone is larger than what may be held is 413, and the message names the limit", async () => {
    await start({ limits: { bufferedBytes: 100_000 }, authorize: () => "a" });
    const answer = await post(sized(25_001));
    expect(answer.status).toBe(413);
    expect(await answer.text()).toMatch(/25000 bytes \(a quarter of `limits\.bufferedBytes`/);
    await relay.close();
    await start({ limits: { bufferedBytes: 100_000 } });
    expect(await told(await post(sized(100_001)))).toMatchObject({ status: 413 });
    expect(calls()).toBe(0);
  });

  it("N4 are given back when the answer begins, and not before", async () => {
    await start({ streaming: { commitAfter: 10 } });
    relay.upstream.script({ then: { stall: { afterEvents: 0 } } });
    const asking = relay.chat({ body: { pad: "x".repeat(1_000) } });
    await relay.upstream.ledger.until(({ calls }) => calls.some((call) => call.stalled));
    await relay.clock.advance(20);
    const answer = await asking;
    // The head was sent early; another attempt may still need the body.
    expect([answer.status, held() > 1_000]).toEqual([200, true]);
    relay.upstream.release();
    await answer.text();
    await relay.ended();
    expect(held()).toBe(0);

    relay.upstream.script({ then: { stall: { afterEvents: 1 } } });
    const reader = (await relay.chat()).body!.getReader();
    await reader.read();
    expect(held()).toBe(0);
    await reader.cancel();
  });

  it("N4 are given back once, however a request ends", async () => {
    await start({ limits: { bufferedBytes: 100_000, maxAttempts: 1 } });
    expect((await post("{".repeat(20_000))).status).toBe(400);
    expect((await post(sized(20_000, { model: "x".repeat(300) }))).status).toBe(400);
    relay.upstream.script({ then: { refuse: "bad-request" } });
    expect((await post(sized(20_000))).status).toBe(400);
    relay.upstream.script({ then: { refuse: "server-error" } });
    expect((await post(sized(20_000))).status).toBeGreaterThanOrEqual(500);
    expect(held()).toBe(0);
    for (let nth = 0; nth < 3; nth++) {
      (await begin(20_000, 10_000)).destroy();
      await untilSo(() => held() === 0, 5_000);
    }
  });

  it("N4 of a body that has come too late nothing more is kept", async () => {
    await start();
    const socket = await begin(50_000, 10_000);
    await relay.clock.advance(60_000);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toContain("408");
    expect(held()).toBe(0);
    socket.write(sized(50_000).slice(10_000, 40_000));
    expect((await post(sized(100))).status).toBe(200);
    expect(held()).toBe(0);
    socket.destroy();
  });

  it("N4 the defaults are 256 MiB, and 32 MiB on Cloudflare Workers", async () => {
    await start();
    const message = (): unknown => relay.relay.status().requests;
    expect(message()).toMatchObject({ bufferedBytes: 0 });
    const { resolveOptions } = await import("../../src/options/resolve.ts");
    const options = {
      upstream: { baseURL: "http://a.test/v1", dialect: "openai" as const },
      credentials: [{ id: "a", apiKey: "k" }],
    };
    expect(resolveOptions(options).limits.bufferedBytes).toBe(256 << 20);
    vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" });
    try {
      expect(resolveOptions(options).limits.bufferedBytes).toBe(32 << 20);
      const own = resolveOptions({ ...options, limits: { bufferedBytes: 5 } });
      expect(own.limits.bufferedBytes).toBe(5);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

/** The same request, too large to be parsed. */
function enlarge(text: string): string {
  return text.replace("{", `{"pad":"${"x".repeat(PARSED_SIZE)}",`);
}

describe("a large body", () => {
  const SHAPES: [string, string][] = [
    ["empty arrays", "[],"],
    ["empty objects", "{},"],
    ["numbers", "1,"],
    ["short texts", '"",'],
    ["objects", '{"a":{"b":[1]}},'],
  ];

  it.each(SHAPES)(
    "N4 of %s is relayed, and nothing above 16 KiB is parsed",
    async (_name, part) => {
      await start();
      const body = `{"model":"gpt-4o","stream":true,"x":[${part.repeat(300_000 / part.length)}0]}`;
      const parse = vi.spyOn(JSON, "parse");
      const lengths: number[] = [];
      const original = parse.getMockImplementation() ?? JSON.parse.bind(JSON);
      parse.mockRestore();
      vi.spyOn(JSON, "parse").mockImplementation((text: string, reviver) => {
        // The simulator parses what it receives; the stack tells who asks.
        if (/\/src\//.test(new Error("who asks?").stack ?? "")) lengths.push(text.length);
        return original(text, reviver) as unknown;
      });
      const answer = await post(body);
      expect(answer.headers.get("content-type")).toMatch(/event-stream/);
      await answer.text();
      expect(lengths.length).toBeGreaterThan(0);
      expect(Math.max(...lengths)).toBeLessThanOrEqual(PARSED_SIZE);
    },
  );

  it("N4 of 4 MB lets others be served while it is read", async () => {
    await start();
    let turns = 0;
    let isOver = false;
    const large = post(`{"model":"gpt-4o","x":[${"[],".repeat(1_300_000)}0]}`).then((answer) => {
      isOver = true;
      return answer;
    });
    await untilSo(() => held() > 3_900_000, 5_000);
    while (!isOver) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await large).status).toBe(200);
    expect(turns).toBeGreaterThan(3);
  });

  const REQUESTS = [
    '{"model":"gpt-4o"}',
    '{"model":"gpt-4o","stream":true}',
    '{"model":"gpt-4o","stream":"true"}',
    '{"mod\\u0065l":"gpt-4o","stream" : true }',
    '{"model":"x","model":"gpt-4o","stream":false,"stream":true}',
    '{"model":7}',
    '{"model":""}',
    '{"messages":[{"model":"inner"}]}',
    `{"model":"${"m".repeat(300)}"}`,
    `{"model":"${"m".repeat(9_000)}"}`,
    '{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}',
    '{"model":"gpt-4o",}',
    '{"model":"gpt-4o"',
    '{"model":"gpt-4o"} {}',
    '{"model":"gpt-4o\u0001"}',
  ];

  it.each(REQUESTS)("N4 is treated as the same body that is small: %.60s", async (small) => {
    await start({ streaming: { includeUsage: true } });
    const results: unknown[] = [];
    for (const type of ["application/json", "", "text/plain"])
      for (const text of [small, enlarge(small)]) {
        const answer = await post(new TextEncoder().encode(text), { "content-type": type });
        const body = await answer.text();
        const { json } = (relay.upstream.ledger.last() ?? {}) as { json?: Record<string, unknown> };
        const kind = answer.headers.get("content-type");
        const sent = answer.status === 200 ? { ...json, pad: undefined } : undefined;
        results.push({
          type,
          status: answer.status,
          kind,
          error: /ERR_RELAY_\w+/.exec(body)?.[0],
          sent,
        });
      }
    for (let at = 0; at < results.length; at += 2) expect(results[at + 1]).toEqual(results[at]);
  });

  it.each([
    ["text", `"${"x".repeat(PARSED_SIZE)}"`, /a JSON string, not an object/],
    ["array", `[${" ".repeat(PARSED_SIZE)}1]`, /not a JSON object/],
    ["number", "1".repeat(PARSED_SIZE + 1), /not a JSON object/],
  ])(
    "N4 that is a JSON %s instead of an object is named as such",
    async (_kind, body, expected) => {
      await start();
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(await answer.text()).toMatch(expected);
    },
  );

  it("D9 I17 is renamed and completed in one copy, byte for byte", async () => {
    await start({
      streaming: { includeUsage: true },
      models: { a: { fallback: ["b"] } },
      count: 1,
    });
    relay.upstream.script({
      when: { model: "a" },
      then: { refuse: { kind: "rate-limit", wait: 60_000 } },
    });
    const text = `{ "stream" : true,"messages":[{"role":"user","content":"${"x".repeat(40_000)}"}], "model":"a" ,"n":1}`;
    const answer = await post(text);
    await answer.text();
    expect(answer.headers.get("x-relay-model")).toBe("b");
    const usage = '{"stream_options":{"include_usage":true},';
    expect(relay.upstream.ledger.calls.map(({ body }) => body.toString())).toEqual([
      text.replace("{", usage),
      text.replace("{", usage).replace('"model":"a"', '"model":"b"'),
    ]);
  });

  it("N12 that names its model twice is refused where models have rules", async () => {
    await start({ models: { "gpt-4o": {} } });
    for (const body of [
      '{"model":"gpt-4o","Model":"x"}',
      '{"model":"gpt-4o","mod\\u0065l":"gpt-4o"}',
    ])
      for (const text of [body, enlarge(body)])
        expect(await told(await post(text))).toMatchObject({
          status: 400,
          code: "ERR_RELAY_MODEL_TWICE",
        });
    expect(calls()).toBe(0);
  });

  it("N4 in any JSON is answered like the same small one", async () => {
    await start();
    const json = fc.dictionary(
      fc.constantFrom("model", "stream", "stream_options", "prompt", "x"),
      fc.jsonValue({ maxDepth: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(json, async (fields) => {
        const small = JSON.stringify({ y: 1, ...fields });
        const answers = [await post(small), await post(enlarge(small))];
        const [one, other] = await Promise.all(
          answers.map(async (answer) => [
            answer.status,
            /ERR_RELAY_\w+/.exec(await answer.text())?.[0],
          ]),
        );
        expect(other).toEqual(one);
      }),
      { seed: 11, numRuns: 25 },
    );
  });
});
