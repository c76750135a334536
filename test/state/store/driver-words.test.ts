import { expect, it } from "vitest";
import { wordsOf } from "../../../src/state/store/driver-words.ts";

it("K18 K20 the words of a driver are logged without addresses, secrets and values", () => {
  const cases: [message: string, words: string | undefined][] = [
    [
      "CROSSSLOT Keys in request don't hash to the same slot",
      "CROSSSLOT Keys in request don't hash to the same slot",
    ],
    [
      "[unstorage] [deno-kv] Missing `Deno.openKv`. Are you running Deno with --unstable-kv?",
      undefined,
    ],
    ["Error at redis://user:s3cret@10.0.0.1:6379/0 now", "Error at [address] now"],
    ["mail me at user:s3cret@host", "mail me at [address]"],
    [
      "Incorrect string value: '\\xE5\\xAF\\x86' for column `test`.`t`.`value` at row 1",
      "Incorrect string value: '\\xE5\\xAF\\x86' for column `test`.`t`.`value` at row 1",
    ],
    ["bad AccountKey=c2VjcmV0 given", "bad AccountKey=[redacted] given"],
    ["denied sk-test-0123456789abcdefghijklmn", "denied […]"],
    ["403 Forbidden <?xml><AWSAccessKeyId>AKIA</AWSAccessKeyId>", "403 Forbidden"],
    [`value "${"x y ".repeat(20)}" is too long`, 'value "[…]" is too long'],
    ["first line\n  second line", "first line second line"],
    ["", undefined],
  ];
  for (const [message, words] of cases) expect(wordsOf(new Error(message)), message).toBe(words);
  expect(wordsOf(new Error("z ".repeat(500)))).toHaveLength(201);
  expect(wordsOf(new AggregateError([new Error("inside")], ""))).toBe("inside");
  expect(wordsOf("text")).toBeUndefined();
});
