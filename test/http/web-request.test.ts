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
