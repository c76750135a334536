import { expect, it } from "vitest";
import { readWebBody } from "../../src/http/web-request.ts";

const failing = (error: unknown): Request =>
  new Request("http://relay.test/ai", {
    method: "POST",
    body: new ReadableStream({ pull: (controller) => controller.error(error) }),
    duplex: "half",
  } as RequestInit);

it("N4 a body that a host's own limit interrupts is too large, not a client that left", async () => {
  const tooLarge = Object.assign(new Error("exceeded BODY_SIZE_LIMIT"), { status: 413 });
  await expect(readWebBody(failing(tooLarge), 1_000)).rejects.toMatchObject({
    code: "ERR_RELAY_BODY_SIZE",
    status: 413,
    message: expect.stringContaining("raise that server's limit") as string,
  });
});

it.each([new Error("aborted"), "gone", undefined, Object.assign(new Error(), { status: 500 })])(
  "I4 a body that fails with %s is a client that left",
  async (error) => {
    await expect(readWebBody(failing(error), 1_000)).rejects.toMatchObject({
      code: "ERR_RELAY_CLIENT_GONE",
    });
  },
);

it("N4 relays no body that ends before its declared length", async () => {
  const send = (body: BodyInit, length: number): Promise<Uint8Array> => {
    const headers = { "content-length": String(length) };
    return readWebBody(new Request("http://relay.test/ai", { method: "POST", body, headers }), 100);
  };
  await expect(send("half", 8)).rejects.toMatchObject({
    code: "ERR_RELAY_BODY_INCOMPLETE",
    status: 400,
    message: expect.stringContaining("4 of 8 bytes") as string,
  });
  expect((await send("whole", 5)).length).toBe(5);
});

it("I4 a body whose host ends it although the client has left is not whole", async () => {
  const gone = new AbortController();
  const body = new ReadableStream({
    pull(controller) {
      gone.abort();
      controller.enqueue(new Uint8Array(4));
      controller.close();
    },
  });
  const { signal } = gone;
  const init = { method: "POST", body, signal, duplex: "half" };
  await expect(
    readWebBody(new Request("http://relay.test/ai", init as RequestInit), 100),
  ).rejects.toMatchObject({ code: "ERR_RELAY_CLIENT_GONE" });
});
