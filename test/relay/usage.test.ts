/** Token counts of chat streams that the relay requests (`streaming.includeUsage`), with a simulated upstream. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EndEvent } from "../../src/observe/hooks.ts";
import type { CommonOptions } from "../../src/options/types.ts";
import type { UpstreamOptions } from "../../src/options/upstream-types.ts";
import { createRelay, type Relay } from "../../src/index.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

const COUNTS = { inputTokens: 7, outputTokens: 2, totalTokens: 9 };
const USAGE = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 };
const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const WORD = data({ choices: [{ delta: { content: "word" } }] });
const STOP = data({ choices: [{ delta: {}, finish_reason: "stop" }] });
const EXTRA = data({ choices: [], usage: USAGE });
const DONE = "data: [DONE]\n\n";
const ANSWER = WORD + STOP + DONE;
const NAMED = JSON.stringify({
  error: {
    message: "Unrecognized request argument supplied: stream_options",
    type: "invalid_request_error",
  },
});
const PLAIN = JSON.stringify({ error: { message: "Bad request", type: "invalid_request_error" } });

interface Answer {
  status?: number;
  type?: string;
  body: string;
}

let upstream: Server;
let relay: Relay;
let clock: VirtualClock;
let bodies: string[];
let ends: EndEvent[];
let lines: string[];
let answer: (body: string, nth: number) => Answer | undefined;

const hasField = (body: string): boolean => body.includes('include_usage":true');
/** As OpenAI does: counts only on request. */
const openai = (body: string): Answer => ({
  body: hasField(body) ? WORD + STOP + EXTRA + DONE : ANSWER,
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece as string;
  bodies.push(body);
  const given = answer(body, bodies.length);
  if (!given) return void response.destroy();
  const { status = 200, type = status === 200 ? "text/event-stream" : "application/json" } = given;
  response.writeHead(status, { "content-type": type }).end(given.body);
}

beforeEach(async () => {
  bodies = [];
  ends = [];
  lines = [];
  answer = openai;
  clock = createVirtualClock();
  upstream = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  await relay?.close();
  upstream.closeAllConnections();
  await new Promise((resolve) => upstream.close(resolve));
});

interface Overrides extends Partial<CommonOptions> {
  upstream?: Partial<UpstreamOptions>;
}

function start({ upstream: more, streaming, ...rest }: Overrides = {}): void {
  const { port } = upstream.address() as AddressInfo;
  const say = (line: string): void => void lines.push(line);
  relay = createRelay({
    upstream: { baseURL: `http://127.0.0.1:${port}/v1`, dialect: "openai", ...more },
    credentials: [
      { id: "a", apiKey: "sk-a" },
      { id: "b", apiKey: "sk-b" },
    ],
    authorize: () => true,
    streaming: { includeUsage: true, ...streaming },
    hooks: { end: (event) => ends.push(event) },
    log: { debug() {}, info: say, warn: say, error: say },
    random: () => 0,
    clock,
    ...rest,
  });
}

async function ask(
  body: object | string = {},
  path = "/chat/completions",
): Promise<{ status: number; text: string; attempts: string | null }> {
  const sent =
    typeof body === "string"
      ? body
      : JSON.stringify({ model: "m", stream: true, messages: [], ...body });
  const response = await relay.fetch(
    new Request(`http://relay.test/ai${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: sent,
    }),
    { mount: "/ai" },
  );
  const text = await response.text();
  await clock.settle();
  return { status: response.status, text, attempts: response.headers.get("x-relay-attempts") };
}

describe("token counts of a chat stream", () => {
  it("I17 are reported, and the client gets the same response as without", async () => {
    start();
    const sent =
      '{ "model":"m","stream" : true,\n"messages":[{"role":"user","content":"schön 😀"}] }';
    expect((await ask(sent)).text).toBe(ANSWER);
    expect(bodies).toEqual([`{"stream_options":{"include_usage":true},${sent.slice(1)}`]);
    expect(ends).toMatchObject([{ reason: "completed", usage: COUNTS, usageStatus: "reported" }]);
  });

  it("I17 are not requested where the option is off", async () => {
    start({ streaming: { includeUsage: false } });
    expect((await ask()).text).toBe(ANSWER);
    expect(bodies.some(hasField)).toBe(false);
    expect(ends).toMatchObject([{ usage: undefined, usageStatus: "none" }]);
  });

  it.each([
    ["an empty object", { stream_options: {} }, '"stream_options":{"include_usage":true}'],
    [
      "another option",
      { stream_options: { x: 1 } },
      '"stream_options":{"include_usage":true,"x":1}',
    ],
    [
      "false",
      { stream_options: { include_usage: false } },
      '"stream_options":{"include_usage":true}',
    ],
    ["null", { stream_options: null }, '"stream_options":{"include_usage":true}'],
  ])("I17 are requested inside %s that the client has sent", async (_, more, written) => {
    start();
    expect((await ask(more)).text).toBe(ANSWER);
    expect(bodies[0]).toContain(written);
    expect(ends).toMatchObject([{ usageStatus: "reported" }]);
  });

  it("I11 I17 stay in the response where the client has requested them itself", async () => {
    start();
    expect((await ask({ stream_options: { include_usage: true } })).text).toContain(EXTRA);
    expect(bodies[0]!.match(/stream_options/g)).toHaveLength(1);
  });

  it.each([
    ["a request without a stream", { stream: false }, "/chat/completions"],
    ["Responses", { input: "x" }, "/responses"],
    ["the old completions", { prompt: "x" }, "/completions"],
    ["a mistake of the client's", { stream_options: "x" }, "/chat/completions"],
    ["another mistake", { stream_options: { include_usage: "yes" } }, "/chat/completions"],
  ])("I17 are not requested in %s", async (_, more, path) => {
    start();
    await ask(more, path);
    expect(JSON.parse(bodies[0]!)).toEqual({ model: "m", stream: true, messages: [], ...more });
  });

  it.each(["generic", "anthropic", "google"] as const)(
    "I17 are not requested in the dialect %s",
    async (dialect) => {
      answer = () => ({ status: 400, body: PLAIN });
      // A path of another API, which only `allow` lets pass.
      start({ upstream: dialect === "generic" ? { dialect } : { dialect, allow: ["*"] } });
      expect(await ask()).toMatchObject({ status: 400, attempts: "1" });
      expect(bodies.some((body) => body.includes("stream_options"))).toBe(false);
    },
  );

  it("I17 may be in the last chunk with a choice, which stays", async () => {
    const last = data({ choices: [{ delta: {}, finish_reason: "stop" }], usage: USAGE });
    answer = () => ({ body: WORD + last + DONE });
    start();
    expect((await ask()).text).toBe(WORD + last + DONE);
    expect(ends).toMatchObject([{ usage: COUNTS, usageStatus: "reported" }]);
  });

  it("I17 may be missing all the same", async () => {
    answer = () => ({ body: ANSWER });
    start();
    expect((await ask()).text).toBe(ANSWER);
    expect(ends).toMatchObject([{ reason: "completed", usageStatus: "none" }]);
  });

  it("I17 arrive without [DONE], too", async () => {
    answer = () => ({ body: WORD + STOP + EXTRA });
    start();
    expect((await ask()).text).toBe(WORD + STOP);
    expect(ends).toMatchObject([{ reason: "completed", usageStatus: "reported" }]);
  });

  it("I3 I17 are partial where an error follows them", async () => {
    const error = data({ error: { message: "no", code: "server_error" } });
    answer = () => ({ body: WORD + EXTRA + error });
    start();
    expect((await ask()).text).toBe(WORD + error);
    expect(ends).toMatchObject([
      { reason: "upstream_error", usageStatus: "partial", usage: COUNTS },
    ]);
  });

  it("D9 I17 are requested on a fallback model and on another credential", async () => {
    const limited = JSON.stringify({
      error: { message: "Rate limit", code: "rate_limit_exceeded" },
    });
    answer = (body) =>
      body.includes('"model":"m"') ? { status: 429, body: limited } : openai(body);
    start({ models: { m: { fallback: ["n"] } } });
    expect(await ask()).toEqual({ status: 200, text: ANSWER, attempts: "3" });
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual(
      ["m", "m", "n"].map((model, nth) => ({
        // The last call of the request omits the field: this upstream is not known yet.
        ...(nth < 2 && { stream_options: { include_usage: true } }),
        model,
        stream: true,
        messages: [],
      })),
    );
    await ask({ model: "n" });
    expect(hasField(bodies[3]!)).toBe(true);
    await ask();
    expect(hasField(bodies.at(-1)!)).toBe(true);
    expect(ends.map(({ usageStatus }) => usageStatus)).toEqual(["none", "reported", "reported"]);
  });
});

describe("an upstream that rejects the field", () => {
  it.each([
    ["400", { status: 400, body: NAMED }],
    [
      "422",
      {
        status: 422,
        body: JSON.stringify({
          detail: [{ loc: ["body", "stream_options"], msg: "Extra inputs are not permitted" }],
        }),
      },
    ],
    [
      "500",
      { status: 500, body: JSON.stringify({ error: 'json: unknown field "include_usage"' }) },
    ],
    [
      "an error inside a 200",
      {
        body: data({
          error: { message: "unknown parameter: stream_options", type: "invalid_request_error" },
        }),
      },
    ],
  ])(
    "E1 E5 I17 with %s is called once more without the field, and does not get it again for an hour",
    async (_, refusal) => {
      answer = (body) => (hasField(body) ? refusal : { body: ANSWER });
      start();
      expect(await ask()).toEqual({ status: 200, text: ANSWER, attempts: "2" });
      expect(await ask()).toEqual({ status: 200, text: ANSWER, attempts: "1" });
      expect(bodies.map(hasField)).toEqual([true, false, false]);
      expect(JSON.parse(bodies[1]!)).toEqual({ model: "m", stream: true, messages: [] });
      expect(lines.filter((line) => line.includes("stream_options.include_usage"))).toEqual([
        "upstream default refuses stream_options.include_usage in requests: its streams report no token counts, and the relay does not ask for them for 1 h, until 01:00 UTC",
      ]);
      const status = relay.status();
      expect([status.cooldowns, status.circuits]).toEqual([[], []]);
      expect(status.credentials.map(({ disabled }) => disabled)).toEqual([undefined, undefined]);
      await clock.advance(3_600_000);
      answer = openai;
      expect(await ask()).toMatchObject({ text: ANSWER, attempts: "1" });
      expect(ends.map(({ usageStatus }) => usageStatus)).toEqual(["none", "none", "reported"]);
    },
  );

  it("I17 without a message about the field is detected by the call without it", async () => {
    answer = (body) => (hasField(body) ? { status: 400, body: PLAIN } : { body: ANSWER });
    start();
    expect(await ask()).toEqual({ status: 200, text: ANSWER, attempts: "2" });
    expect(await ask()).toMatchObject({ attempts: "1" });
    expect(bodies.map(hasField)).toEqual([true, false, false]);
  });

  it("E5 I17 is distinguished from a request that is invalid itself", async () => {
    answer = () => ({ status: 400, body: PLAIN });
    start();
    expect(await ask()).toEqual({ status: 400, text: PLAIN, attempts: "2" });
    answer = openai;
    expect(await ask()).toMatchObject({ text: ANSWER, attempts: "1" });
    // From here on the upstream is known to accept the field: an invalid request is sent once.
    answer = () => ({ status: 400, body: PLAIN });
    expect(await ask()).toEqual({ status: 400, text: PLAIN, attempts: "1" });
    expect(bodies.map(hasField)).toEqual([true, false, true, true]);
    expect(lines.join()).not.toContain("stream_options");
  });

  it("C9 E1 I17 never costs a request its last call", async () => {
    answer = (body, nth) => {
      if (nth === 1) return { status: 500, body: "{}" };
      return hasField(body) ? { status: 400, body: NAMED } : { body: ANSWER };
    };
    start({ limits: { maxAttempts: 2 } });
    const asked = ask();
    while (bodies.length < 2) await clock.advance(1_000);
    expect(await asked).toEqual({ status: 200, text: ANSWER, attempts: "2" });
    expect(bodies.map(hasField)).toEqual([true, false]);
  });

  it("E11 I17 is remembered per endpoint", async () => {
    const { port } = upstream.address() as AddressInfo;
    answer = (body, nth) => {
      if (nth === 1) return { status: 400, body: NAMED };
      return nth === 3 ? undefined : openai(body);
    };
    start({
      upstream: { backups: [`http://127.0.0.1:${port}/backup`] },
      limits: { maxAttempts: 4 },
    });
    expect(await ask()).toMatchObject({ text: ANSWER, attempts: "2" });
    const asked = ask();
    while (bodies.length < 4) await clock.advance(1_000);
    expect(await asked).toMatchObject({ text: ANSWER });
    expect(bodies.map(hasField)).toEqual([true, false, false, true]);
    expect(ends.at(-1)).toMatchObject({ usageStatus: "reported" });
  });

  it("K13 cannot be called again with one attempt: an error at start", () => {
    expect(() => start({ limits: { maxAttempts: 1 } })).toThrow(
      expect.objectContaining({
        code: "ERR_RELAY_OPTIONS",
        message: expect.stringContaining(
          "streaming.includeUsage: needs `limits.maxAttempts` to be 2 or more",
        ) as string,
      }),
    );
  });
});
