import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { NodeRequestCall, type NodeRequest } from "../../src/http/node-request.ts";

it("I10 does not retain a body that has been read, however long its response streams", async () => {
  const message = Object.assign(new EventEmitter(), {
    method: "POST",
    headers: {},
    socket: null,
    complete: true,
    destroy: () => {},
  });
  const call = new NodeRequestCall(message as NodeRequest, {
    mount: "",
    target: "/",
    toRequest: () => new Request("http://localhost/"),
  });
  const body = call.readBody(1_000);
  for (const piece of ["one ", "two"]) message.emit("data", Buffer.from(piece));
  message.emit("end");
  expect(Buffer.from(await body).toString()).toBe("one two");
  // A listener that remains retains the chunks.
  expect(message.eventNames()).toEqual([]);
});

it.each([
  ["8", "ERR_RELAY_BODY_INCOMPLETE"],
  ["4", undefined],
  [undefined, undefined],
])("N4 a body of 4 bytes with a declared length of %s", async (length, code) => {
  const message = Object.assign(new EventEmitter(), {
    method: "POST",
    headers: { "content-length": length },
    socket: null,
    complete: true,
    destroy: () => {},
  });
  const call = new NodeRequestCall(message as NodeRequest, {
    mount: "",
    target: "/",
    toRequest: () => new Request("http://localhost/"),
  });
  const outcome = call.readBody(1_000).then(
    () => undefined,
    (error: { code: string }) => error.code,
  );
  message.emit("data", Buffer.from("half"));
  message.emit("end");
  expect(await outcome).toBe(code);
});
