import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isReserved, readPath, withoutParameters } from "../../src/http/path.ts";
import { splitTarget } from "../../src/http/mount.ts";

describe("paths", () => {
  it.each([
    "",
    "/",
    "/a/b",
    "/a%20b/caf%C3%A9",
    "/models/x:generate",
    "/.well-known/x",
    "/a..b/c.",
    "/...",
  ])("N3 accepts %j unchanged", (path) => {
    expect(readPath(`${path}?q=%2f..`)).toEqual({ path, query: "?q=%2f.." });
    expect(readPath(path)).toEqual({ path, query: "" });
  });

  it.each([
    "/..",
    "/a/../b",
    "/.",
    "/%2E",
    "/%2e./a",
    "/%252e%252e/a",
    "/..;x/a",
    "/a//b",
    "//a",
    "/a%2Fb",
    "/a%25252fb",
    "/a%5Cb",
    "/a\\b",
    "/a%00",
    "/a%0d%0a",
    "/a%7f",
    "a",
    "http://x/a",
    "/a b",
    "/a#b",
    "/a%",
    "/a%g0",
    "/a\u0100",
    "/a?b c",
    "/a?b#c",
    "/a?\u0100",
  ])("N3 rejects %j", (target) => {
    expect(() => readPath(target)).toThrow(
      expect.objectContaining({ code: "ERR_RELAY_PATH", status: 400 }),
    );
  });

  it("N3 accepts no path that a URL parser would move out of its base", () => {
    const piece = fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "\\",
      "%5c",
      "a",
      ";",
      "%00",
      "//",
      "?",
      "#",
      "\t",
      "%25",
      "2e",
      ":",
      "@",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        let path: string;
        try {
          ({ path } = readPath(`/${pieces.join("")}`));
        } catch {
          return;
        }
        const url = new URL(`https://host.test/base${path}`);
        expect([url.host, url.pathname]).toEqual(["host.test", `/base${path}`]);
        expect(decode(decode(path))).not.toMatch(/\/\.\.?(?:\/|$)/);
      }),
      { seed: 11, numRuns: 2_000 },
    );
  });

  it("J10 recognises its own paths in every encoding, and no others", () => {
    for (const path of [
      "/_relay",
      "/_relay/x",
      "/%5frelay",
      "/%25255Frelay/x",
      "/_Relay",
      "/_relay;v=1",
    ])
      expect(isReserved(path), path).toBe(true);
    for (const path of ["", "/", "/_relayx", "/a/_relay", "/relay", "/_rela", "/%5frelayed/x"])
      expect(isReserved(path), path).toBe(false);
  });
});

describe("queries", () => {
  it.each([
    ["?key=1", "", ["key"]],
    ["?a=1&key=2&b=%20", "?a=1&b=%20", ["key"]],
    ["?KEY=1&a", "?a", ["key"]],
    ["?%6b%65y=1&a=key", "?a=key", ["key"]],
    ["?key", "", ["key"]],
    ["?a=1&&b=", "?a=1&&b=", ["key"]],
    ["?keys=1", "?keys=1", ["key"]],
    ["?", "?", ["key"]],
    ["", "", ["key"]],
    ["?key=1", "?key=1", []],
    ["?%zz=1&key=2", "?%zz=1", ["key"]],
  ])("N2 removes credentials from %s", (query, expected, names) => {
    expect(withoutParameters(query, names)).toBe(expected);
  });
});

describe("mounts", () => {
  it.each([
    ["/ai/a/b", 2, "/ai", "/a/b"],
    ["/ai/a/b/", 2, "/ai", "/a/b/"],
    ["/ai", 0, "/ai", ""],
    ["/ai/", 0, "/ai", "/"],
    ["/ai?x=/a/b", 0, "/ai", "?x=/a/b"],
    ["/ai/a?x=/y", 1, "/ai", "/a?x=/y"],
    ["/a", 5, "", "/a"],
    ["http://h/ai/a", 1, "http://h/ai", "/a"],
  ])("L7 splits %s %i segments before its end", (raw, count, mount, target) => {
    expect(splitTarget(raw, count)).toEqual({ mount, target });
  });
});

/** As a careless server would do it. */
function decode(path: string): string {
  return path.replace(/%([\da-f]{2})/gi, (_all, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}
