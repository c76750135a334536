import { afterEach, describe, expect, it } from "vitest";
import { type RelayUnderTest, secretOf, startRelay } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

const call = (path: string, init?: RequestInit, where?: object): Promise<Response> =>
  relay.relay.fetch(new Request(`http://relay.test${path}`, init), { mount: "/", ...where });
const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { error: { code: unknown } }).error.code;
const chat: RequestInit = {
  method: "POST",
  body: JSON.stringify({ model: "gpt-4o", stream: false, messages: [] }),
};

describe("a web request", () => {
  it("L7 N2 is relayed like a Node request", async () => {
    relay = await startRelay();
    const headers = { authorization: "Bearer mine", cookie: "a=1", "openai-beta": "b" };
    const response = await call(
      "/ai/chat/completions?x=%20",
      { ...chat, headers },
      { mount: "/ai" },
    );
    expect(response.status).toBe(200);
    const seen = relay.upstream.ledger.last()!;
    expect([seen.path, seen.query]).toEqual(["/v1/chat/completions", "?x=%20"]);
    expect(seen.headers["authorization"]).toBe(`Bearer ${secretOf("c1")}`);
    expect(seen.headers["openai-beta"]).toBe("b");
    expect(seen.headers).not.toHaveProperty("cookie");
    await response.text();
  });

  it("N4 J10 N3 has the same limits", async () => {
    relay = await startRelay({ limits: { bodySize: 100, headerCount: 5 } });
    const many = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`x-${at}`, "1"]));
    expect(await codeOf(await call("/models", { headers: many }))).toBe("ERR_RELAY_HEADERS");
    expect(await codeOf(await call("/_relay/x"))).toBe("ERR_RELAY_RESERVED");
    expect(await codeOf(await call("/a%2f..%2fb"))).toBe("ERR_RELAY_PATH");
    const body = new ReadableStream({
      start: (it) => (it.enqueue(new Uint8Array(101)), it.close()),
    });
    const streamed = { method: "POST", body, duplex: "half" } as RequestInit;
    expect(await codeOf(await call("/audio/transcriptions", streamed))).toBe("ERR_RELAY_BODY_SIZE");
    expect(
      await codeOf(await call("/audio/transcriptions", { method: "POST", body: "a".repeat(101) })),
    ).toBe("ERR_RELAY_BODY_SIZE");
    expect(relay.upstream.ledger.total).toBe(0);
  });

  it("N7 reports that its body has been read", async () => {
    relay = await startRelay();
    const request = new Request("http://relay.test/chat/completions", chat);
    await request.text();
    expect(await codeOf(await relay.relay.fetch(request, { mount: "/" }))).toBe(
      "ERR_RELAY_BODY_USED",
    );
    const locked = new Request("http://relay.test/chat/completions", chat);
    locked.body!.getReader();
    expect(await codeOf(await relay.relay.fetch(locked, { mount: "/" }))).toBe(
      "ERR_RELAY_BODY_USED",
    );
  });

  it("N7 is limited by the address that the host reports", async () => {
    relay = await startRelay({ limits: { perCaller: { concurrent: 1 } } });
    relay.upstream.script({ when: { operation: "chat" }, then: { stall: { afterEvents: 1 } } });
    const streamed = { ...chat, body: '{"model":"gpt-4o","stream":true}' };
    const first = await call("/chat/completions", streamed, { address: "10.0.0.1" });
    expect((await call("/models", {}, { address: "10.0.0.1" })).status).toBe(429);
    expect((await call("/models", {}, { address: "10.0.0.2" })).status).toBe(200);
    await first.body!.cancel();
    await relay.ended(3);
    expect((await call("/models", {}, { address: "10.0.0.1" })).status).toBe(200);
  });

  it("I4 ends at once when its client had left before", async () => {
    relay = await startRelay();
    const { status } = await call("/models", { signal: AbortSignal.abort() });
    expect(status).toBe(499);
    expect(await relay.ended()).toMatchObject({ reason: "client_gone_before_first", attempts: 0 });
    expect(relay.upstream.ledger.total).toBe(0);
  });

  it.each([
    "/ai/%2e%2e/chat",
    "/ai/../chat",
    "/ai/x/%2E%2e/images/generations",
    "/ai/x/../images/generations",
    "/ai/x/\\..\\images/generations",
    "/ai/x/%5c..%5Cimages/generations",
    "/x/.%2e/ai/models",
    "/./ai/models",
  ])(
    "N3 is rejected before `authorize` where the host shows a raw path that is not normal: %s",
    async (path) => {
      let asked = 0;
      relay = await startRelay({ authorize: () => (asked++, true) });
      for (const where of [{ mount: "/ai" }, { mount: "/" }]) {
        const request = new Request("http://relay.test/", chat);
        // Deno shows the URL as the client has sent it.
        Object.defineProperty(request, "url", { value: `http://relay.test${path}?a=/../b` });
        const response = await relay.relay.fetch(request, where);
        expect([response.status, await codeOf(response)]).toEqual([400, "ERR_RELAY_PATH"]);
      }
      expect([asked, relay.upstream.ledger.total]).toEqual([0, 0]);
    },
  );

  it("N3 keeps the query of a raw path", async () => {
    relay = await startRelay();
    for (const query of ["", "?a=/../b", "?x=%2e%2e#c"]) {
      const request = new Request("http://relay.test/");
      Object.defineProperty(request, "url", { value: `http://relay.test/ai/models${query}` });
      expect((await relay.relay.fetch(request, { mount: "/ai" })).status).toBe(200);
    }
  });
});
