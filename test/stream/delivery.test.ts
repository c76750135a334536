import { describe, expect, it } from "vitest";
import { openai } from "../../src/dialects/openai.ts";
import type { RenderedError } from "../../src/contract/dialect.ts";
import { createStage, JSON_TYPE, ROLE, SSE, TIMEOUTS, WORD } from "./stage.ts";

const PING = ": ping\n\n";
const FAULT: RenderedError = {
  status: 503,
  code: "ERR_RELAY_CAPACITY",
  type: "x",
  message: `quotes " and\nlines`,
};

describe("the heartbeat", () => {
  it("I6 waits for silence downstream, not upstream", async () => {
    const stage = createStage({ heartbeat: 15 }).head(200, SSE);
    stage.data(WORD);
    for (let nth = 0; nth < 5; nth++) {
      await stage.clock.advance(14);
      stage.data(WORD);
    }
    expect(stage.sink.text).toBe(WORD.repeat(6));
    // Held bytes are no traffic for the client.
    await stage.clock.advance(14);
    stage.data("data: half of an event");
    await stage.clock.advance(1);
    expect(stage.sink.text).toBe(WORD.repeat(6) + PING);
    stage.data("\n\n");
    expect(stage.sink.text.endsWith(`${PING}data: half of an event\n\n`)).toBe(true);
  });

  it("I6 is not sent to a client that does not read, nor inside an event, nor after the end", async () => {
    const stage = createStage({ heartbeat: 15, eventSize: 50 }).head(200, SSE);
    stage.sink.isFast = false;
    stage.data(WORD);
    await stage.clock.advance(100);
    expect(stage.sink.text).toBe(WORD);
    stage.sink.drain();
    await stage.clock.advance(15);
    expect(stage.sink.text).toBe(WORD + PING);
    const long = `data: ${"x".repeat(100)}`;
    stage.data(long);
    await stage.clock.advance(60);
    expect(stage.sink.text).toBe(WORD + PING + long);
    stage.delivery.end();
    await stage.clock.advance(60);
    expect(stage.sink.text).toBe(WORD + PING + long);
  });

  it("I8 does not count a client that reads as traffic of the upstream, where the upstream was not paused", async () => {
    const stage = createStage().head(200, SSE);
    stage.data(WORD);
    await stage.clock.advance(TIMEOUTS.idleTimeout - 1);
    stage.sink.drain();
    expect(stage.results).toEqual([]);
    await stage.clock.advance(1);
    expect(stage.results).toMatchObject([{ end: "idle_timeout" }]);
    expect(stage.told).toEqual(["abort"]);
  });

  it("I6 does not mark a slow client as fast", async () => {
    const stage = createStage({ heartbeat: 15 });
    stage.delivery.commit(200, [], true);
    stage.sink.isFast = false;
    await stage.clock.advance(15);
    stage.head(200, SSE);
    stage.sink.isFast = true;
    expect(stage.data(ROLE + WORD)).toBe(false);
    stage.sink.drain();
    expect(stage.data(WORD)).toBe(true);
  });

  it("I6 is not sent in JSON", async () => {
    const stage = createStage({ heartbeat: 15, wantsStream: false }).head(200, JSON_TYPE);
    stage.data(`["a"`);
    await stage.clock.advance(100);
    expect(stage.sink.text).toBe(`["a"`);
  });
});

describe("an error", () => {
  it("I3 is a complete response before commit, an event in a stream, and a broken connection elsewhere", () => {
    const before = createStage();
    before.delivery.fail(FAULT, [["retry-after", "3"]], openai);
    expect(before.sink.status).toBe(503);
    expect(before.sink.headers).toContainEqual(["retry-after", "3"]);
    expect(JSON.parse(before.sink.text)).toHaveProperty("error.message", FAULT.message);
    expect(before.sink.how).toBe("ended");

    const stream = createStage().head(200, SSE);
    stream.data(WORD);
    stream.delivery.fail(FAULT, [], openai);
    const said = stream.sink.text.slice(WORD.length);
    expect(said).toMatch(/^event: error\ndata: .*\n\n$/);
    expect(stream.sink.how).toBe("ended");

    const json = createStage().head(200, JSON_TYPE);
    json.data(`["a"`);
    json.delivery.fail(FAULT, [], openai);
    expect(json.sink.how).toBe("destroyed");
    expect(json.sink.text).toBe(`["a"`);
  });

  it("I18 breaks the connection inside an event that is partly sent", () => {
    const stage = createStage({ eventSize: 10 }).head(200, SSE);
    stage.data(`data: ${"x".repeat(50)}`);
    stage.delivery.fail(FAULT, [], openai);
    expect(stage.sink.how).toBe("destroyed");
  });

  it("is reported once, and not to a client that has left", () => {
    const stage = createStage();
    stage.sink.leave();
    stage.delivery.fail(FAULT, [], openai);
    stage.delivery.end();
    stage.delivery.breakOff();
    expect([stage.sink.status, stage.sink.text, stage.sink.how]).toEqual([0, "", "open"]);
    expect(stage.results).toEqual([{ kind: "left" }]);
  });

  it("I13 replaces a status that HTTP does not have by 502", () => {
    for (const status of [0, 101, 199, 600, 999]) {
      const stage = createStage();
      stage.delivery.commit(status, [], false);
      expect(stage.sink.status).toBe(502);
    }
  });
});
