import { expect, it } from "vitest";
import { describeFault } from "../../src/shared/describe-error.ts";

it("J7 names kind, code and place of an error, and nothing of its message", () => {
  const error = Object.assign(new TypeError("secret\n    at secret (secret.ts:1:1)"), {
    code: "ERR_X",
  });
  const line = describeFault(error);
  expect(line).toMatch(/^TypeError ERR_X at .*describe-error\.test\.ts:\d+:\d+\)?$/);
  expect(line).not.toContain("secret");
});

it("J7 does not accept any text as a code", () => {
  const error = Object.assign(new Error("x"), { code: "sk-secret" });
  expect(describeFault(error)).not.toContain("sk-secret");
});

it("J7 names the type of a thrown value that is not an error, and nothing of its content", () => {
  expect(describeFault("secret")).toBe("a thrown string");
  expect(describeFault(null)).toBe("a thrown null");
  expect(describeFault({ secret: 1 })).toBe("a thrown object");
});

it("J7 works without a stack", () => {
  const error = new RangeError("secret");
  error.stack = undefined;
  expect(describeFault(error)).toBe("RangeError");
});
