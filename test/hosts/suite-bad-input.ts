/** Invalid requests to a host: the responses are defined, and the server keeps running. */
import { describe, expect, it } from "vitest";
import { openRaw } from "../support/raw.ts";
import { type HostName, isExcepted } from "./exceptions.ts";
import type { Stage } from "./support/stage.ts";

const BODY = JSON.stringify({ model: "bad", stream: true, messages: [] });

/** Hosts that show a path in its normal form only. */
const NORMALISING: readonly HostName[] = ["bun", "workerd"];
const NOT_NORMAL = [
  "/x/../models",
  "/x/%2e%2e/models",
  "/x/.%2E/models",
  "/./models",
  "/x/\\..\\models",
  "/x/%5c../models",
];

/** True for a response that has come to its end. */
function isWhole(answer: string): boolean {
  const end = answer.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const [, length] = /^content-length: *(\d+)\r$/im.exec(answer.slice(0, end + 2)) ?? [];
  return length === undefined
    ? answer.endsWith("0\r\n\r\n")
    : answer.length >= end + 4 + Number(length);
}

export function describeBadInput(name: HostName, stage: () => Stage): void {
  function head(...headers: string[]): string {
    const { pathname, host } = new URL(stage().url);
    return [
      `POST ${pathname}/chat/completions HTTP/1.1`,
      `host: ${host}`,
      "content-type: application/json",
      ...headers,
      "",
      "",
    ].join("\r\n");
  }

  /** Sends, and resolves when the response matches or the connection is closed. */
  function send(
    text: string,
    fits: (answer: string) => boolean,
    more?: (answer: string) => string,
  ): Promise<string> {
    const socket = openRaw(stage().url, text);
    let answer = "";
    let isMoreSent = false;
    return new Promise((resolve) => {
      const done = (): void => (socket.destroy(), resolve(answer));
      socket.on("data", (chunk) => {
        answer += chunk.toString("latin1");
        if (more && !isMoreSent) {
          isMoreSent = true;
          socket.write(more(answer));
        }
        if (fits(answer)) done();
      });
      socket.on("error", done);
      socket.on("close", done);
    });
  }

  const count = (answer: string, what: string): number => answer.split(what).length - 1;

  describe("bad input", () => {
    it.skipIf(isExcepted(name, "expect"))("answers Expect: 100-continue", async () => {
      stage().upstream.script({ then: {} });
      const answer = await send(
        head("expect: 100-continue", `content-length: ${BODY.length}`),
        (text) => text.includes("[DONE]"),
        () => BODY,
      );
      expect(answer).toMatch(/^HTTP\/1.1 100/);
      expect(count(answer, "HTTP/1.1 200")).toBe(1);
    });

    it("N3 answers 400 where the host shows a raw path that is not normal", async () => {
      const { upstream, url } = stage();
      const { pathname, host } = new URL(url);
      // A host that shows the normal path relays it: the upstream must answer.
      upstream.script({ then: {} });
      const before = upstream.ledger.total;
      for (const tail of NOT_NORMAL) {
        const lines = [`GET ${pathname}${tail} HTTP/1.1`, `host: ${host}`, "connection: close"];
        // To its end: a host may report a client that leaves in the middle.
        const answer = await send([...lines, "", ""].join("\r\n"), isWhole);
        if (NORMALISING.includes(name)) expect(answer).toMatch(/^HTTP\/1.1 [24]/);
        else expect([tail, answer]).toEqual([tail, expect.stringMatching(/^HTTP\/1.1 400/)]);
      }
      if (!NORMALISING.includes(name)) expect(upstream.ledger.total).toBe(before);
    });

    it("makes no call for an incomplete body", async () => {
      const { upstream } = stage();
      const before = upstream.ledger.total;
      const socket = openRaw(stage().url, head("content-length: 1000") + BODY.slice(0, 20));
      socket.end();
      await new Promise((resolve) => socket.on("close", resolve).resume());
      expect(upstream.ledger.total).toBe(before);
    });

    it("waits a second for a body, then answers 408", async () => {
      const { upstream } = stage();
      const before = upstream.ledger.total;
      const answer = await send(head("content-length: 1000") + BODY.slice(0, 20), (text) =>
        text.includes("ERR_RELAY_BODY_TIMEOUT"),
      );
      expect(answer).toMatch(/^HTTP\/1.1 408/);
      expect(upstream.ledger.total).toBe(before);
    });

    it.skipIf(isExcepted(name, "pipelining"))("answers pipelined requests in order", async () => {
      stage().upstream.script({ then: {} });
      const one = head(`content-length: ${BODY.length}`) + BODY;
      const answer = await send(one + one, (text) => count(text, "[DONE]") === 2);
      expect(count(answer, "HTTP/1.1 200")).toBe(2);
    });
  });
}
