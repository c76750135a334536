import { afterEach, describe, expect, it, vi } from "vitest";
import type { Dialect } from "../../src/contract/dialect.ts";
import { openai } from "../../src/dialects/openai.ts";
import type { Transport } from "../../src/contract/transport.ts";
import { answered } from "../support/answered.ts";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";

const SECRETS = ["sk-planted-9aF3xQ71LmZ0", "sk-planted-7bR8wK52NpY4"];
/** The parts of a secret that must appear nowhere: its beginning, and its end. */
const PIECES = [...SECRETS, "sk-pla", "xQ71LmZ0", "wK52NpY4", "LmZ0", "NpY4"];
const PROMPT = "a prompt about hunter2";

let relay: RelayUnderTest;
const noise: unknown[][] = [];
afterEach(async () => {
  await relay.close();
  vi.restoreAllMocks();
  noise.length = 0;
});

async function start(options: UnderTestOptions = {}): Promise<RelayUnderTest> {
  for (const name of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, name).mockImplementation((...words) => void noise.push(words));
  const events: unknown[] = [];
  const keep = (event: unknown): void => void events.push(event);
  relay = await startRelay({
    credentials: SECRETS.map((apiKey, at) => ({ id: `c${at + 1}`, apiKey })),
    hooks: { attempt: keep, cooldown: keep, rotation: keep, credential: keep, end: keep },
    ...options,
    simulator: { ...options.simulator },
  });
  return Object.assign(relay, { events });
}

/** Everything that can be observed of a relay, as one text. */
async function visible(response: Response): Promise<string> {
  const body = await response.text().catch(String);
  const { events } = relay as unknown as { events: unknown[] };
  return JSON.stringify([
    [...response.headers],
    body,
    relay.lines,
    relay.relay.status(),
    events,
    noise,
  ]);
}

function expectNothing(text: string): void {
  for (const piece of PIECES) expect(text).not.toContain(piece);
  expect(text).not.toContain("hunter2");
}

const quotes: [string, (secret: string) => string][] = [
  ["whole", (secret) => `Incorrect API key provided: ${secret}. Find your key in the settings.`],
  ["by its beginning", (secret) => `Invalid key ${secret.slice(0, 12)}`],
  ["masked with stars", (secret) => `Bad key: ${secret.slice(0, 7)}*******${secret.slice(-4)}.`],
  ["masked with dots", (secret) => `Bad key "${secret.slice(0, 3)}...${secret.slice(-4)}"`],
  ["by its end", (secret) => `The key ending in ${secret.slice(-4)} has no access`],
  ["in a URL", (secret) => `GET https://x.test/v1?key=${secret}&a=1 failed`],
  ["as a header", (secret) => `authorization: Bearer ${secret}`],
  ["in a JSON string", (secret) => `{\\"key\\":\\"${secret}\\"}`],
];

const refusals = [400, 401, 403, 404, 422, 429, 500].flatMap((status) =>
  quotes.map(([how, quote]) => [status, how, quote] as const),
);

describe("secrets", () => {
  it.each(refusals)("J7 do not appear when a %i quotes the key %s", async (status, _how, quote) => {
    await start();
    relay.upstream.script({
      then: (asked) => ({
        reply: {
          status,
          headers: { "content-type": "application/json", "x-debug-key": asked.secret },
          body: `{"error":{"message":"${quote(asked.secret)}","type":"invalid_request_error","code":null}}`,
        },
      }),
    });
    const asking = relay.chat({ stream: false, body: { messages: [PROMPT] } });
    const response = await answered(relay, asking);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expectNothing(await visible(response));
  });

  it("J7 do not appear in the headers of a good response", async () => {
    await start();
    relay.upstream.script({
      then: { headers: { "x-debug-key": `k=${SECRETS[0]}`, "x-kept": "1" } },
    });
    const response = await relay.chat({ body: { messages: [PROMPT] } });
    expect(response.headers.get("x-kept")).toBe("1");
    await relay.ended();
    expectNothing(await visible(response));
  });

  it("J7 do not appear when the error is inside a stream that has not begun", async () => {
    await start();
    relay.upstream.script({
      then: (asked) => ({
        error: {
          raw: `data: {"error":{"message":"bad key ${asked.secret}","code":"invalid_api_key"}}\n\n`,
        },
      }),
    });
    const response = await answered(relay, relay.chat({ body: { messages: [PROMPT] } }));
    expectNothing(await visible(response));
  });

  it("E5 passes a refusal without quotes unchanged, whatever its encoding", async () => {
    await start();
    const body = '\ufeff{"error":{"message":"Bad image: \\u00e9, 100 %"}}  \n';
    relay.upstream.script({
      then: {
        reply: {
          status: 422,
          headers: { "content-type": "application/json", "x-kept": "1" },
          body,
        },
      },
    });
    const response = await relay.chat();
    expect([response.status, response.headers.get("x-kept")]).toEqual([422, "1"]);
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(body))).toBe(true);
    expect(relay.upstream.ledger.total).toBe(1);
    expect(relay.relay.status().cooldowns).toEqual([]);
  });

  it("E5 passes a long refusal on completely", async () => {
    await start();
    const body = JSON.stringify({ detail: [{ msg: "too long", input: "x".repeat(200_000) }] });
    const headers = { "content-type": "application/json" };
    relay.upstream.script({ then: { reply: { status: 422, headers, body } } });
    expect((await (await relay.chat()).text()).length).toBe(body.length);
  });

  it.each([400, 413, 422])(
    "E5 passes a %i on after one call, redacted and without a cooldown",
    async (status) => {
      await start();
      relay.upstream.script({
        then: (asked) => ({
          reply: {
            status,
            headers: { "content-type": "text/plain" },
            body: `no: ${asked.secret} is fine`,
          },
        }),
      });
      const response = await relay.chat();
      expect([response.status, await response.text()]).toEqual([status, "no: [redacted] is fine"]);
      expect(response.headers.get("x-should-retry")).toBe("false");
      expect(relay.upstream.ledger.total).toBe(1);
      expect(relay.relay.status().cooldowns).toEqual([]);
      expect(relay.relay.status().credentials.every(({ disabled }) => !disabled)).toBe(true);
    },
  );
});

describe("the log", () => {
  it("J5 has one line per incident, and none for a retry", async () => {
    await start({ authorize: () => true, limits: { circuitAfter: false } });
    relay.upstream.script({ then: { refuse: "server-error" } });
    for (let i = 0; i < 3; i++) await answered(relay, relay.chat({ model: "o3", stream: false }));
    const [started, failed, ...more] = relay.lines.filter(({ level }) => level !== "debug");
    expect(started!.message).toMatch(/^relay → /);
    expect(failed!.message).toMatch(/^upstream default .*: failed with status 500; /);
    expect(more).toEqual([]);
    relay.upstream.script({ then: { refuse: { kind: "rate-limit", wait: 90_000 } } });
    const asking = Array.from({ length: 10 }, () => answered(relay, relay.chat({ stream: false })));
    for (const response of await Promise.all(asking)) expect(response.status).toBe(429);
    // The two lines from before, and that the upstream works again, name its host on purpose.
    const lines = relay.lines.filter(
      ({ level, message }) => level !== "debug" && !/^relay → |^upstream default \(/.test(message),
    );
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(new Set(lines.map(({ message }) => message)).size).toBe(lines.length);
    for (const { message } of lines) expect(message).not.toMatch(/\n|https?:|127\.0\.0\.1/);
  });
});

describe("faults of the operator's own code", () => {
  const leaky = (): never => {
    throw new TypeError(`hunter2 and ${SECRETS[0]}`, { cause: new Error(SECRETS[1]) });
  };
  const transport = (send: Transport["send"]): Transport => ({
    name: "own",
    send,
    close: () => Promise.resolve(),
  });
  const dialect = (more: Partial<Dialect>): UnderTestOptions => ({
    upstream: { dialect: { ...openai, ...more } },
  });
  const CASES: [string, UnderTestOptions][] = [
    ["a transport that throws", { transport: transport(leaky) }],
    ["a dialect whose readModel throws", dialect({ readModel: leaky })],
    [
      "a dialect whose needsModel throws",
      { ...dialect({ needsModel: leaky, readModel: () => undefined }) },
    ],
    ["a dialect whose wantsStream throws", dialect({ wantsStream: leaky })],
    ["a dialect whose credentialHeader throws", dialect({ credentialHeader: leaky })],
    ["a session key that throws", { scheduling: { sessionKey: leaky } }],
  ];

  it.each(CASES)(
    "J8 answers 500 in the dialect's format and writes one line: %s",
    async (_what, options) => {
      await start(options);
      const responses = [];
      for (let i = 0; i < 3; i++)
        responses.push(await relay.chat({ body: { messages: [PROMPT] } }));
      for (const response of responses) {
        expect(response.status).toBe(500);
        const text = await visible(response.clone());
        expect(JSON.parse(await response.text()).error).toMatchObject({
          code: "ERR_RELAY_INTERNAL",
          type: "internal_error",
        });
        expectNothing(text);
      }
      await relay.ended(3);
      const errors = relay.lines.filter(({ level }) => level === "error");
      expect(errors).toHaveLength(1);
      expect(errors[0]!.message).toMatch(
        /^a request failed inside the relay: TypeError at [^\n]*security-secrets/,
      );
      expect(relay.relay.status().requests.open).toBe(0);
      expect(relay.relay.status().credentials.every(({ inFlight }) => inFlight === 0)).toBe(true);
      expect(relay.clock.pending()).toBe(0);
      expect(noise).toEqual([]);
    },
  );

  const LATE: [string, keyof Dialect][] = [
    ["before the stream begins", "classifyEvent"],
    ["while a refusal is judged", "judge"],
    ["when a stream is in the middle", "mayBeSignificant"],
    ["when a stream ends", "readUsage"],
    ["when an error is written", "renderError"],
  ];
  it.each(LATE)(
    "J8 affects only the one request when a dialect throws %s (%s)",
    async (_when, name) => {
      const unhandled: unknown[] = [];
      const listen = (error: unknown): void => void unhandled.push(error);
      process.on("unhandledRejection", listen).on("uncaughtException", listen);
      try {
        await start(dialect({ [name]: leaky }));
        const isRefused = name === "judge" || name === "renderError";
        if (isRefused) relay.upstream.script({ then: { refuse: "capacity" } });
        const response = await answered(relay, relay.chat({ body: { messages: [PROMPT] } }));
        const text = await visible(response);
        expectNothing(text);
        await relay.ended();
        expect(relay.lines.filter(({ level }) => level === "error").length).toBeLessThanOrEqual(1);
        await relay.clock.settle();
        expect(unhandled).toEqual([]);
        expect(relay.relay.status().requests.open).toBe(0);
        expect(relay.relay.status().credentials.every(({ inFlight }) => inFlight === 0)).toBe(true);
        await relay.upstream.ledger.until(({ inFlight }) => inFlight === 0);
      } finally {
        process.off("unhandledRejection", listen).off("uncaughtException", listen);
      }
    },
  );

  it("J8 survives listeners that throw and reject", async () => {
    const seen: string[] = [];
    await start({
      hooks: {
        end() {
          seen.push("end");
          leaky();
        },
        attempt: () => Promise.reject(new Error(SECRETS[0])),
        cooldown: leaky,
        rotation: leaky,
        credential: leaky,
      },
    });
    relay.relay.on("end", () => seen.push("second"));
    relay.upstream.script({ when: { credential: SECRETS[0] }, then: { refuse: "rate-limit" } });
    for (let i = 0; i < 4; i++) {
      const response = await relay.chat({ stream: false });
      expect(response.status).toBe(200);
      await response.text();
    }
    await relay.ended(4);
    await relay.clock.settle();
    expect(seen).toEqual(["end", "second", "end", "second", "end", "second", "end", "second"]);
    const lines = relay.lines.filter(({ message }) => message.includes("a listener of the hook"));
    expect(new Set(lines.map(({ message }) => message)).size).toBe(lines.length);
    expectNothing(JSON.stringify(lines));
  });
});
