/** Invalid responses of an upstream, sent literally from a raw socket. */
import { afterEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, startRelay, type UnderTestOptions } from "../support/relay.ts";
import { RawServer } from "../transport/raw-server.ts";

const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
const WORD = `data: {"choices":[{"delta":{"content":"word"}}]}\n\n`;
const DONE = "data: [DONE]\n\n";
const END = "0\r\n\r\n";

function chunk(text: string): string {
  return `${Buffer.byteLength(text, "latin1").toString(16)}\r\n${text}\r\n`;
}

describe.each<[string, Pick<UnderTestOptions, "sink" | "transport">]>([
  ["Node's sink, undici", { sink: "node" }],
  ["the web sink, fetch", { sink: "web", transport: "fetch" }],
])("%s", (_name, how) => {
  let relay: RelayUnderTest;
  let upstream: RawServer;

  async function start(answers: readonly (string | Uint8Array)[]): Promise<void> {
    upstream = await RawServer.start(answers.map((one) => Buffer.from(one as string, "latin1")));
    relay = await startRelay({
      ...how,
      count: 1,
      streaming: { eventSize: 1_000_000 },
      limits: { deadline: 5_000, maxWait: 0 },
      upstream: { baseURL: `${upstream.url}/v1` },
    });
  }
  afterEach(async () => {
    await relay.close();
    await upstream.close();
  });

  it("I2 I3 invalid chunks end the stream after its complete events", async () => {
    await start([`${HEAD}\r\n`, chunk(WORD), chunk(WORD), "what is this\r\n"]);
    const text = await (await relay.chat()).text();
    expect(text.startsWith(WORD + WORD)).toBe(true);
    expect(text.split("data: ")).toHaveLength(4);
    expect(text).toContain("ERR_RELAY_");
    expect(text).not.toContain("what is this");
    expect(upstream.requests).toHaveLength(1);
    expect((await relay.ended()).reason).toMatch(/^(?:upstream_error|truncated)$/);
  });

  it("I3 a body that does not match its encoding ends the stream", async () => {
    await start([`${HEAD}content-encoding: gzip\r\n\r\n`, chunk(WORD), chunk(DONE), END]);
    const response = relay.chat();
    const end = relay.ended();
    for (let turn = 0; turn < 100 && relay.ends.length === 0; turn++)
      await relay.clock.advance(500);
    const text = await (await response).text();
    expect(text).toContain("ERR_RELAY_");
    expect(text).not.toContain("word");
    expect((await end).clientPresent).toBe(true);
  });

  it("I11 NUL bytes and broken UTF-8 pass unchanged", async () => {
    const odd = `data: {"choices":[{"delta":{"content":"a\u0000\u00ff\u00c3("}}]}\n\n`;
    await start([`${HEAD}\r\n`, chunk(WORD), chunk(odd + DONE), END]);
    const bytes = Buffer.from(await (await relay.chat()).arrayBuffer());
    expect(bytes.toString("latin1").replace(/^:\n\n/, "")).toBe(WORD + odd + DONE);
    expect(await relay.ended()).toMatchObject({ reason: "completed" });
  });

  it("I10 N4 an event of 100 MB passes completely, and the stream continues after it", async () => {
    const piece = `${"x".repeat(1_000_000)}`;
    const pieces = Array.from({ length: 100 }, () => chunk(piece));
    await start([
      `${HEAD}\r\n`,
      chunk(WORD),
      chunk("data: "),
      ...pieces,
      chunk(`\n\n${DONE}`),
      END,
    ]);
    const response = await relay.chat();
    let length = 0;
    let tail = "";
    for await (const bytes of response.body!) {
      length += bytes.length;
      tail = (tail + Buffer.from(bytes).toString("latin1")).slice(-DONE.length);
    }
    expect(length - WORD.length - DONE.length).toBeGreaterThanOrEqual(100_000_000);
    expect(tail).toBe(DONE);
    expect(await relay.ended()).toMatchObject({ reason: "completed", bytes: length });
  }, 60_000);
});
