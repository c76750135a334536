import { expect, it } from "vitest";
import type { InboundCall } from "../../src/contract/inbound-call.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import type { RelayOptions } from "../../src/options/types.ts";
import { createSessionKey } from "../../src/request/session-key.ts";

const call = { header: (name: string) => (name === "x-session-id" ? "s1" : undefined) };

function keyOf(
  scheduling: RelayOptions["scheduling"],
  caller: string | undefined,
): string | undefined {
  const config = resolveOptions({
    upstream: { baseURL: "http://127.0.0.1:1/v1", dialect: "openai" },
    credentials: [{ id: "c1", apiKey: "sk-c1" }],
    scheduling,
  });
  return createSessionKey(config)({ call: call as unknown as InboundCall, caller });
}

it("N7 gives two callers different keys, also if they send the same session id", () => {
  const keys = ["alice", "bob", undefined].map((caller) =>
    keyOf({ sessionKey: "X-Session-Id" }, caller),
  );
  expect(new Set(keys).size).toBe(3);
  expect(keyOf({ sessionKey: "X-Session-Id" }, "alice")).toBe(keys[0]);
});

it("A6 has no key without the header, without the option, and in the mode performance-first", () => {
  expect(keyOf({ sessionKey: "x-other" }, "alice")).toBeUndefined();
  expect(keyOf({}, "alice")).toBeUndefined();
  const mode = "performance-first";
  expect(keyOf({ sessionKey: "x-session-id", mode }, "alice")).toBeUndefined();
});
