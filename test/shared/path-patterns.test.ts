import { describe, expect, it } from "vitest";
import { parsePattern, type PathForm, PathPatterns } from "../../src/shared/path-patterns.ts";

function patternsOf(patterns: readonly string[], form?: PathForm): PathPatterns<string> {
  const all = new PathPatterns<string>(form);
  for (const pattern of patterns) all.add(parsePattern(pattern)!, pattern);
  return all;
}

/** The pattern that a request (`GET /a`) matches. */
function found(request: string, patterns: readonly string[], form?: PathForm): string | undefined {
  const [method = "", path = ""] = request.split(" ", 2);
  return patternsOf(patterns, form).find(method, path);
}

describe("a pattern", () => {
  it.each([
    "GET /files",
    "* /files/**",
    "POST /files/*/content",
    "DELETE /files/{id}",
    "POST /models/*:generateContent",
    "GET /files/file-*",
    "POST /",
    "* /**",
    "GET /a%20b",
  ])("N13 is %s", (pattern) => expect(parsePattern(pattern)).toBeDefined());

  it.each([
    "",
    "files",
    "/files",
    "GET files",
    "get /files",
    "HEAD /files",
    "OPTIONS /files",
    "GET  /files",
    "GET /files ",
    "GET /files?x",
    "GET /files#x",
    "GET /files//x",
    "GET /files/",
    "GET /files/..",
    "GET /./files",
    "GET /**/files",
    "GET /a**",
    "GET /***",
    "GET /*a*",
    "GET /files;x",
    "GET /files\\x",
    "GET https://x/files",
  ])("N13 is not %j", (pattern) => expect(parsePattern(pattern)).toBeUndefined());
});

describe("a request", () => {
  it.each([
    ["GET /files", "GET /files"],
    ["HEAD /files", "GET /files"],
    ["GET /files/", "GET /files"],
    ["GET /v1/files", "GET /files"],
    ["GET /v1beta/files", "GET /files"],
    ["DELETE /v1/files/f1", "DELETE /files/{id}"],
    ["GET /files/f:1", "GET /files/*"],
    ["GET /files/f1/content", "GET /files/*/content"],
    ["GET /trees", "* /trees/**"],
    ["PATCH /trees/a/b/c", "* /trees/**"],
    ["GET /parts/file-1", "GET /parts/file-*"],
    ["GET /v2/own", "GET /v2/own"],
    ["POST ", "POST /"],
    ["POST /", "POST /"],
  ])("N13 matches: %s → %s", (request, pattern) => {
    expect(found(request, [pattern])).toBe(pattern);
  });

  it.each([
    ["POST /files", "GET /files"],
    ["HEAD /files", "POST /files"],
    ["GET /Files", "GET /files"],
    ["GET /%66iles", "GET /files"],
    ["GET /files;x", "GET /files"],
    ["GET /files//", "GET /files"],
    ["GET /files/f1", "GET /files"],
    ["GET /files", "GET /files/*"],
    ["GET /files/", "GET /files/*"],
    ["GET /files/a/b", "GET /files/*"],
    ["GET /trees/../a", "* /trees/**"],
    ["GET /v1/v1/files", "GET /files"],
    ["GET /x/files", "GET /files"],
    ["GET /v1/own", "GET /v2/own"],
    ["GET /own", "GET /v2/own"],
    ["GET /parts/file-", "GET /parts/file-*"],
    ["GET /parts/x-file-1", "GET /parts/file-*"],
    ...[
      ";x",
      "a;x=1",
      "a%3Bx",
      "a%3fb",
      "a%23b",
      "a%252fb",
      "%2e",
      "a%2Fb",
      "a%5cb",
      "a%00",
    ].flatMap((segment): [string, string][] => [
      [`GET /files/${segment}`, "GET /files/*"],
      [`GET /trees/${segment}`, "* /trees/**"],
      [`GET /trees/a/${segment}/b`, "* /trees/**"],
      [`GET /parts/file-${segment}`, "GET /parts/file-*"],
    ]),
  ])("N13 does not match: %s, %s", (request, pattern) => {
    expect(found(request, [pattern])).toBeUndefined();
  });

  it("N13 matches with one prefix and one version in any order", () => {
    const form = { prefixes: ["openai"] };
    const at = (path: string) => found(`GET ${path}`, ["GET /files"], form);
    for (const path of ["/openai/files", "/openai/v1/files", "/v1beta/openai/files"])
      expect(at(path)).toBe("GET /files");
    for (const path of [
      "/openai/openai/files",
      "/v1/openai/v1/files",
      "/OpenAI/files",
      "/beta/files",
    ])
      expect(at(path)).toBeUndefined();
  });

  it("N13 matches no `:` in a placeholder where segments have verbs", () => {
    const form = { hasVerbs: true };
    const all = ["POST /models/*:run", "GET /models/*", "* /jobs/**", "POST /v1internal:*"];
    expect(found("POST /models/a:run", all, form)).toBe("POST /models/*:run");
    // A name that is missing is a fault of its own.
    expect(found("POST /models/:run", all, form)).toBe("POST /models/*:run");
    expect(found("GET /models/a", all, form)).toBe("GET /models/*");
    expect(found("POST /jobs/a:cancel", all, form)).toBe("* /jobs/**");
    expect(found("POST /v1internal:load", all, form)).toBe("POST /v1internal:*");
    for (const request of [
      "GET /models/a:run",
      "GET /models/a%3Arun",
      "POST /models/a%3arun",
      "POST /models/a:b:run",
      "POST /models/a:run:",
      "POST /models/a;b:run",
      "POST /v1internal:a:b",
      "POST /jobs/a%3Acancel",
    ])
      expect([request, found(request, all, form)]).toEqual([request, undefined]);
  });

  it("N13 matches the more literal one of several patterns, and the first of the same", () => {
    const all = ["* /a/**", "GET /a/*", "GET /a/b", "POST /a/b/c"];
    expect(found("GET /a/b", all)).toBe("GET /a/b");
    expect(found("GET /a/c", all)).toBe("GET /a/*");
    expect(found("PUT /a/b", all)).toBe("* /a/**");
    expect(found("GET /a/b/d", all)).toBe("* /a/**");
    const same = new PathPatterns<number>();
    same.add(parsePattern("GET /a/{x}")!, 1);
    same.add(parsePattern("GET /a/*")!, 2);
    expect(same.find("GET", "/a/b")).toBe(1);
  });
});
