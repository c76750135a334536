import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renameInBody as renameScanned, renameInPath } from "../../src/routing/rename-model.ts";
import { joinBytes } from "../../src/shared/bytes.ts";
import { applyEdits } from "../../src/shared/json-edits.ts";
import { compilePaths } from "../../src/shared/json-paths.ts";
import { scanJson } from "../../src/shared/scan-json.ts";

const MODEL = compilePaths(["model"]);
function renameInBody(body: Uint8Array, model: string): Uint8Array | undefined {
  const edit = renameScanned(body, scanJson(body, MODEL).root, model);
  return edit && joinBytes(applyEdits(body, [edit]));
}
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body);

describe("in a body", () => {
  it.each([
    ['{"model":"a","x":1}', '{"model":"b","x":1}'],
    ['{ "model" :\n "a" }', '{ "model" :\n "b" }'],
    [
      '{"messages":[{"model":"inner"}],"model":"a"}',
      '{"messages":[{"model":"inner"}],"model":"b"}',
    ],
    ['{"x":"\\"model\\":\\"no\\"","model":"a"}', '{"x":"\\"model\\":\\"no\\"","model":"b"}'],
    ['{"mod\\u0065l":"a"}', '{"mod\\u0065l":"b"}'],
    ['{"model":"first","model":"last"}', '{"model":"first","model":"b"}'],
    ['{"x":"model","model":"a\\\\"}', '{"x":"model","model":"b"}'],
  ])("D9 replaces only the name in %s", (before, after) => {
    expect(text(renameInBody(bytes(before), "b"))).toBe(after);
  });

  it("D9 leaves every other value of any request unchanged", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.string(),
        (rest, from, to) => {
          const before = { ...rest, model: from };
          const after = JSON.parse(
            text(renameInBody(bytes(JSON.stringify(before)), to)),
          ) as unknown;
          expect(after).toEqual(JSON.parse(JSON.stringify({ ...before, model: to })));
        },
      ),
      { seed: 9 },
    );
  });

  it("D9 finds nothing where there is no model", () => {
    expect(renameInBody(bytes('{"messages":[]}'), "b")).toBeUndefined();
    expect(renameInBody(bytes('{"model":7}'), "b")).toBeUndefined();
  });
});

it("D9 replaces the name in a path, encoded where necessary", () => {
  expect(
    renameInPath("/v1beta/models/gemini-pro:streamGenerateContent", "gemini-pro", "gemini-flash"),
  ).toBe("/v1beta/models/gemini-flash:streamGenerateContent");
  expect(renameInPath("/v1beta/models/a%2Db:generateContent", "a-b", "x/y")).toBe(
    "/v1beta/models/x%2Fy:generateContent",
  );
  expect(renameInPath("/v1/models", "gemini-pro", "b")).toBeUndefined();
});
