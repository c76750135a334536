import { describe, expect, it } from "vitest";
import { callStep, type StepAnswer } from "../../src/tokens/token-endpoint.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

interface Endpoint {
  calls: [url: string, init: RequestInit][];
  call(): Promise<StepAnswer>;
}

function endpoint(answer: () => Response): Endpoint {
  const calls: Endpoint["calls"] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    calls.push([String(input), init!]);
    return answer();
  };
  const context = { fetch, clock: createVirtualClock(), signal: new AbortController().signal };
  const url = "https://login.example.com/token?a=1";
  return { calls, call: () => callStep(context, { step: "refresh", url, body: "{}" }) };
}

describe("a call to a token endpoint", () => {
  it("is sent once, as POST, by the fetch that was given, and reads the answer's fields and date", async () => {
    const headers = { date: "Thu, 01 Jan 2026 00:00:00 GMT" };
    const { call, calls } = endpoint(() => new Response('{"access_token":"a"}', { headers }));
    expect(await call()).toMatchObject({
      fields: { access_token: "a" },
      serverDate: Date.UTC(2026, 0, 1),
    });
    const [[url, init]] = calls as [[string, RequestInit]];
    expect([url, init.method, init.body]).toEqual([
      "https://login.example.com/token?a=1",
      "POST",
      "{}",
    ]);
    expect(Object.fromEntries(new Headers(init.headers))).toEqual({
      accept: "application/json",
      "content-type": "application/json",
      "user-agent": "h3-relay",
    });
  });

  it.each([408, 429, 500, 503])("H2 G9 is not repeated after a %i", async (status) => {
    const { call, calls } = endpoint(() => new Response("{}", { status }));
    await expect(call()).rejects.toMatchObject({ code: "REFUSED", refusal: { status } });
    expect(calls).toHaveLength(1);
  });

  it("H2 G9 is not repeated after a network fault", async () => {
    const { call, calls } = endpoint(() => {
      throw new TypeError("fetch failed");
    });
    await expect(call()).rejects.toMatchObject({ code: "NETWORK" });
    expect(calls).toHaveLength(1);
  });

  it("J7 follows no redirect: it is a refusal", async () => {
    const location = "https://elsewhere.example.com/";
    const { call, calls } = endpoint(
      () => new Response(null, { status: 307, headers: { location } }),
    );
    await expect(call()).rejects.toMatchObject({ code: "REFUSED" });
    expect(calls.map(([, { redirect }]) => redirect)).toEqual(["manual"]);
  });

  it("reads 256 KiB of an endless answer, and cancels the rest", async () => {
    let sent = 0;
    let isCancelled = false;
    const body = (): ReadableStream<Uint8Array> =>
      new ReadableStream({
        pull(controller) {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(0x20));
        },
        cancel: () => void (isCancelled = true),
      });
    const { call } = endpoint(() => new Response(body()));
    await expect(call()).rejects.toMatchObject({ code: "INVALID_ANSWER" });
    expect([isCancelled, sent < 500_000]).toEqual([true, true]);
  });
});
