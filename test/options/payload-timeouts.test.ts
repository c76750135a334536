import { expect, it } from "vitest";
import { doubtsOf } from "../../src/options/notes.ts";
import { resolveOptions } from "../../src/options/resolve.ts";
import type { StreamingOptions } from "../../src/options/group-types.ts";

const resolve = (streaming: StreamingOptions): ReturnType<typeof resolveOptions> =>
  resolveOptions({
    upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
    credentials: [{ id: "a", apiKey: "sk-a-0123456789abcdef" }],
    streaming,
  });

it("I7 I8 K13 a timeout for bytes that is raised alone raises the one for payload", () => {
  const raised = resolve({ responseTimeout: 1_800_000, idleTimeout: 900_000 });
  expect(raised.streaming).toMatchObject({
    firstPayloadTimeout: 1_800_000,
    payloadIdleTimeout: 900_000,
  });
  expect(doubtsOf(raised)).toEqual([]);
  expect(resolve({ firstByteTimeout: 700_000 }).streaming.firstPayloadTimeout).toBe(700_000);
  expect(resolve({}).streaming).toMatchObject({
    firstPayloadTimeout: 600_000,
    payloadIdleTimeout: 600_000,
  });
  // A shorter limit for payload needs no other: it holds for the first byte, too.
  expect(doubtsOf(resolve({ firstPayloadTimeout: 30_000 }))).toEqual([]);
  expect(resolve({ firstPayloadTimeout: false }).streaming.firstPayloadTimeout).toBe(false);
});
