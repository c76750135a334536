import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact } from "../../src/observe/redact.ts";

const SECRET = "sk-proj-4f9A_b2C-d7E8fGh1";

describe("redaction", () => {
  it.each([
    [`key ${SECRET}.`, "key [redacted]"],
    [`Incorrect API key provided: ${SECRET}. Find`, "Incorrect API key provided: [redacted] Find"],
    ["key sk-proj-4f9A", "key [redacted]"],
    ["key sk-pro", "key [redacted]"],
    ["sk-proj-********************fGh1", "[redacted]"],
    ["sk-...fGh1", "[redacted]"],
    ["sk-…Gh1", "[redacted]"],
    ["****Gh1", "[redacted]"],
    ["key ending in fGh1", "key ending in [redacted]"],
    ["the key ends with 'fGh1'", "the key ends with '[redacted]'"],
    [`{"message":"${SECRET}"}`, '{"message":"[redacted]"}'],
    [`?key=${SECRET}&x=1`, "?key=[redacted]&x=1"],
    [`Bearer ${SECRET}\\nnext`, "Bearer [redacted]"],
  ])("J7 removes %s", (text, expected) => {
    expect(redact(text, SECRET)).toBe(expected);
  });

  it.each([
    "",
    "The model gpt-4o does not exist.",
    "Use an sk- key from https://platform.example.com/account/api-keys ...",
    "Limit 100%, used **all** of it, see section 4...",
    "ending in tears",
  ])("E5 leaves %j unchanged", (text) => {
    expect(redact(text, SECRET)).toBe(text);
  });

  it("J7 removes short secrets completely", () => {
    expect(redact("k1 or k12", "k12")).toBe("k1 or [redacted]");
    expect(redact("text", "")).toBe("text");
  });

  it("J7 leaves no secret in a text, whatever surrounds it", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9_-]{12,40}$/);
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, key, after) => {
        expect(redact(before + key + after, key)).not.toContain(key.slice(0, 8));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("J7 takes time in proportion to the text", () => {
    const text = `${"*".repeat(50_000)} ${"a.".repeat(50_000)} ${"ending in ".repeat(5_000)}`;
    const startedAt = performance.now();
    redact(text, SECRET);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
