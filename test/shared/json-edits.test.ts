import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinBytes } from "../../src/shared/bytes.ts";
import { applyEdits, replaceString, setField } from "../../src/shared/json-edits.ts";
import { compilePaths } from "../../src/shared/json-paths.ts";
import { scanJson } from "../../src/shared/scan-json.ts";

const PATH = ["stream_options", "include_usage"] as const;
const NODE = compilePaths([PATH.join("."), "model"]);

function setInBody(
  body: Uint8Array,
  path: readonly string[],
  value: string,
): Uint8Array | undefined {
  const edit = setField(body, scanJson(body, NODE).root, path, value);
  return edit && joinBytes(applyEdits(body, [edit]));
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string | undefined =>
  body && new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
const set = (before: string): string | undefined => text(setInBody(bytes(before), PATH, "true"));

describe("a field set in a body", () => {
  it.each([
    ['{"stream":true}', '{"stream_options":{"include_usage":true},"stream":true}'],
    [
      ' \n{ "stream" : true }\n',
      ' \n{"stream_options":{"include_usage":true}, "stream" : true }\n',
    ],
    ["{}", '{"stream_options":{"include_usage":true}}'],
    ["{ }", '{"stream_options":{"include_usage":true} }'],
    ['\uFEFF{"a":1}', '\uFEFF{"stream_options":{"include_usage":true},"a":1}'],
    ['{"stream_options":{}}', '{"stream_options":{"include_usage":true}}'],
    ['{"stream_options": { } ,"a":1}', '{"stream_options": {"include_usage":true } ,"a":1}'],
    ['{"stream_options":null,"a":1}', '{"stream_options":{"include_usage":true},"a":1}'],
    [
      '{"stream_options":{"include_obfuscation":false}}',
      '{"stream_options":{"include_usage":true,"include_obfuscation":false}}',
    ],
    [
      '{"stream_options":{"include_usage":false, "x":[1,{"include_usage":0}]}}',
      '{"stream_options":{"include_usage":true, "x":[1,{"include_usage":0}]}}',
    ],
    ['{"stream_options":{"include_usage" :null}}', '{"stream_options":{"include_usage" :true}}'],
    ['{"stream\\u005foptions":{"a":1}}', '{"stream\\u005foptions":{"include_usage":true,"a":1}}'],
    [
      '{"stream_options":{"a":1},"stream_options":{"include_usage":true,"include_usage":false}}',
      '{"stream_options":{"a":1},"stream_options":{"include_usage":true,"include_usage":true}}',
    ],
    [
      '{"messages":[{"stream_options":{}},"\\"stream_options\\":{}}"],"n":-1.5e3}',
      '{"stream_options":{"include_usage":true},"messages":[{"stream_options":{}},"\\"stream_options\\":{}}"],"n":-1.5e3}',
    ],
  ])("I17 I11 changes nothing else in %s", (before, after) => expect(set(before)).toBe(after));

  it.each([
    "[]",
    '[{"a":1}]',
    '"text"',
    "7",
    "",
    '{"stream_options":7}',
    '{"stream_options":[{}]}',
  ])("I17 finds no position in %s", (before) => expect(set(before)).toBeUndefined());

  it("I17 I11 sets the field in any request, however it is written, and leaves every other value unchanged", () => {
    const options = fc.oneof(
      fc.constant(undefined),
      fc.constant(null),
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.record({ include_usage: fc.jsonValue(), other: fc.jsonValue() }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        options,
        fc.nat(4),
        (rest, stream_options, indent) => {
          const before = { ...rest, ...(stream_options !== undefined && { stream_options }) };
          const body = bytes(JSON.stringify(before, undefined, indent));
          const copy = body.slice();
          const after = JSON.parse(text(setInBody(body, PATH, "true"))!) as object;
          const wanted = { ...stream_options, include_usage: true };
          expect(after).toEqual(JSON.parse(JSON.stringify({ ...before, stream_options: wanted })));
          expect(body).toEqual(copy);
        },
      ),
      { seed: 17, numRuns: 200 },
    );
  });
});

it("I17 D9 two edits of one body change nothing else, in whatever order they stand", () => {
  for (const before of ['{"model":"a","x":1}', '{"x":1,"model":"a","stream_options":{"y":2}}']) {
    const body = bytes(before);
    const { root } = scanJson(body, NODE);
    const edits = [
      replaceString(body, root, "model", "long name")!,
      setField(body, root, PATH, "true")!,
    ];
    const expected: unknown = JSON.parse(
      text(setInBody(bytes(before.replace('"a"', '"long name"')), PATH, "true"))!,
    );
    for (const order of [edits, edits.toReversed()])
      expect(JSON.parse(text(joinBytes(applyEdits(body, order)))!)).toEqual(expected);
  }
});
