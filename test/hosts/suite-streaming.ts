/** The rows about streaming and routing, on a host. */
import type { Behaviour } from "../../simulator/index.ts";
import { describe, expect, it } from "vitest";
import { parse, withoutComments } from "../support/streaming.ts";
import { type HostName, isExcepted } from "./exceptions.ts";
import { ask } from "./support/client.ts";
import type { Stage } from "./support/stage.ts";
import { untilStill } from "./support/still.ts";

const BIG = 64 * 1024 * 1024;

export function describeStreaming(name: HostName, stage: () => Stage): void {
  const script = (then: Behaviour): void => stage().upstream.script({ then });
  const sent = (): string => stage().upstream.ledger.last()!.sent!.toString();
  const stalled = (): Promise<unknown> => stage().upstream.ledger.next((call) => call.stalled);

  describe("streams", () => {
    it("L7 appends what follows its mount path, undecoded, and reports a doubled version", async () => {
      const { url, upstream } = stage();
      script({});
      await ask(url, "m", { path: "/files/a%20b?x=%2F", method: "GET" }).rest();
      expect(upstream.ledger.last()).toMatchObject({ path: "/v1/files/a%20b", query: "?x=%2F" });
      await ask(url, "m", { path: "/models", method: "GET" }).rest();
      expect(upstream.ledger.last()).toMatchObject({ path: "/v1/models" });
      const before = upstream.ledger.total;
      const doubled = ask(url, "m", { path: "/v1/v1/chat/completions" });
      expect((await doubled.head).statusCode).toBe(404);
      expect((await doubled.rest()).toString()).toContain("/chat/completions");
      expect(upstream.ledger.total).toBe(before);
    });

    it("I1 I13 holds the head until the first payload, then sends the headers of an event stream", async () => {
      script({ stall: "after-lifecycle" });
      const asking = ask(stage().url, "gate");
      await stalled();
      expect(asking.hasHead()).toBe(false);
      stage().upstream.release();
      const { statusCode, headers } = await asking.head;
      expect(statusCode).toBe(200);
      expect(headers["content-type"]).toBe("text/event-stream");
      expect(headers["cache-control"]).toBe("private, no-cache, no-transform");
      expect(headers["x-accel-buffering"]).toBe("no");
      const body = await asking.rest();
      expect(body.toString()).toBe(sent());
      // Bun adds the length where the body is complete by then.
      expect(Number(headers["content-length"] ?? body.length)).toBe(body.length);
    });

    it("I1 I6 sends the head at commitAfter, and can still fail over until the first payload", async () => {
      const { upstream, url, host } = stage();
      upstream.script({
        when: { model: "late", nth: 1 },
        then: { stall: "after-lifecycle", error: { at: "after-lifecycle", kind: "server-error" } },
      });
      const asking = ask(url, "late");
      await upstream.ledger.next(({ stalled }) => stalled);
      await asking.until((text) => text.includes(": ping"));
      expect((await asking.head).headers["content-type"]).toBe("text/event-stream");
      upstream.release();
      expect(withoutComments((await asking.rest()).toString())).toBe(sent());
      expect(await host.ended(({ model }) => model === "late")).toMatchObject({ attempts: 2 });
    });

    it("I2 I3 passes exactly the events that arrived, then an error event, after one call", async () => {
      const { upstream, url } = stage();
      // A `fetch` may drop what it has not handed on when the connection breaks, so the client has the events first.
      script({ stall: { afterEvents: 3 }, cut: { afterEvents: 3 } });
      const before = upstream.ledger.total;
      const asking = ask(url, "cut");
      await asking.until((received) => received.split("data:").length > 3);
      upstream.release();
      const text = (await asking.rest()).toString();
      expect(text.startsWith(sent())).toBe(true);
      const errors = parse(text.slice(sent().length));
      expect(errors.map(({ data }) => JSON.parse(data) as unknown)).toMatchObject([
        { error: { code: "ERR_RELAY_TRUNCATED" } },
      ]);
      expect(text).not.toContain("[DONE]");
      expect(upstream.ledger.total).toBe(before + 1);
    });

    it("I3 ends right after the terminal event, though the upstream keeps its socket open", async () => {
      script({ holdOpen: true });
      expect((await ask(stage().url, "held").rest()).toString()).toBe(sent());
      await stage().upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("I6 sends comments during silence, between events only", async () => {
      script({ stall: { afterEvents: 2 } });
      const asking = ask(stage().url, "silence");
      await asking.until((text) => text.split(": ping").length > 3);
      stage().upstream.release();
      expect(withoutComments((await asking.rest()).toString())).toBe(sent());
    });

    it("I3 I8 reports an upstream that stops sending, and closes it", async () => {
      script({ stall: { afterEvents: 2 } });
      const text = (await ask(stage().url, "idle").rest()).toString();
      expect(text).toContain("ERR_RELAY_IDLE");
      await stage().upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it.each<[string, Behaviour]>([
      ["CRLF", { lineEnd: "\r\n" }],
      ["a byte order mark and comments", { byteOrderMark: true, comments: true }],
      ["single bytes", { split: 1, events: 2 }],
      ["split characters", { split: 3, text: ["\ud83d\ude00 sch\u00f6n \u20ac", "\u6f22\u5b57"] }],
    ])("I11 passes unchanged: %s", async (_what, then) => {
      script(then);
      const body = await ask(stage().url, "bytes").rest();
      expect(body.equals(stage().upstream.ledger.last()!.sent!)).toBe(true);
    });

    it("I13 does not pass hop-by-hop headers, and passes an encoded response decoded", async () => {
      script({
        encoding: "gzip",
        headers: { "set-cookie": "a=1", connection: "keep-alive, x-named", "x-named": "1" },
      });
      const asking = ask(stage().url, "headers");
      const { headers } = await asking.head;
      for (const field of ["set-cookie", "x-named", "content-encoding"])
        expect(headers[field]).toBeUndefined();
      expect((await asking.rest()).toString()).toBe(sent());
    });

    it("I10 pauses the upstream for a client that does not read, and loses nothing", async () => {
      script({ bodyBytes: BIG, eventBytes: 50_000 });
      const asking = ask(stage().url, "big");
      await asking.head;
      const call = stage().upstream.ledger.last()!;
      await untilStill(() => call.bytes);
      expect(call.bytes).toBeLessThan(BIG / 2);
      // Comments fill the silence of a host that had to wait.
      const body = withoutComments((await asking.rest()).toString("latin1"));
      expect(body.length).toBe(call.bytes);
      expect(call.bytes).toBeGreaterThanOrEqual(BIG);
    }, 60_000);

    it.skipIf(isExcepted(name, "I18"))(
      "I18 breaks the connection where a JSON response is interrupted",
      async () => {
        script({
          bodyBytes: 300_000,
          stall: { afterBytes: 200_000 },
          cut: { afterBytes: 250_000 },
        });
        const asking = ask(stage().url, "json", { stream: false });
        expect((await asking.head).statusCode).toBe(200);
        stage().upstream.release();
        await expect(asking.rest()).rejects.toThrow();
      },
    );
  });
}
