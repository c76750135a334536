import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern, createLongestMatch } from "../../src/shared/patterns.ts";

describe("a pattern", () => {
  it.each([
    ["gpt-4o", "gpt-4o", true],
    ["gpt-4o", "gpt-4o-mini", false],
    ["GPT-4*", "gpt-4o", true],
    ["gpt-4*", "GPT-4", true],
    ["*-mini", "gpt-4o-mini", true],
    ["*-mini", "-min", false],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["*4*o*", "gpt-4-turbo", true],
    ["ab*bc", "abc", false],
    ["*", "", true],
    ["**", "anything", true],
    ["gpt.4", "gpt-4", false],
    ["ft:gpt*", "ft:gpt-4o:org::id", true],
  ])("A10 %s on %s: %s", (pattern, name, expected) => {
    expect(compilePattern(pattern)(name)).toBe(expected);
  });

  it("A10 agrees with a regular expression, for every pattern", () => {
    const letters = fc.array(fc.constantFrom("a", "b", "B", "*", "."), { maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (pattern, name) => {
        const text = name.join("").replaceAll("*", "a");
        const expression = pattern
          .map((it) => (it === "*" ? ".*" : it === "." ? "\\." : it))
          .join("");
        expect(compilePattern(pattern.join(""))(text)).toBe(
          new RegExp(`^${expression}$`, "i").test(text),
        );
      }),
      { numRuns: 2_000, seed: 10 },
    );
  });

  it("N4 stays fast on a pattern and a name that are made to be slow", () => {
    const matches = compilePattern(`${"*a".repeat(30)}*b`);
    expect(matches("a".repeat(50_000))).toBe(false);
  });
});

describe("the longest match", () => {
  const find = createLongestMatch({
    "gemini-2.5*": "2.5",
    "gemini*": "gemini",
    "gemini-2.5-pro": "pro alone",
    "*": "all",
    "gpt-4*": "4 and more",
    "gpt-4": "4 alone",
  });

  it.each([
    ["gemini-2.5-flash", "2.5"],
    ["gemini-2.5-pro", "pro alone"],
    ["Gemini-1.5-pro", "gemini"],
    ["gpt-4o", "4 and more"],
    ["gpt-4", "4 alone"],
    ["claude", "all"],
  ])("D2 of %s is %s", (model, family) => {
    expect(find(model)).toBe(family);
  });

  it("D2 returns nothing for a model that no pattern matches", () => {
    expect(createLongestMatch({ "gpt*": "gpt" })("claude")).toBeUndefined();
  });
});
