import { describe, expect, it } from "vitest";
import type { DialectName, UpstreamOptions } from "../../src/options/upstream-types.ts";
import { doubtsOf } from "../../src/options/notes.ts";
import { resolveOptions, type RelayConfig } from "../../src/options/resolve.ts";
import type { Dialect } from "../../src/contract/dialect.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import type { RelayError } from "../../src/shared/errors.ts";

const URLS: Record<DialectName, string> = {
  openai: "https://api.example.com/v1",
  anthropic: "https://api.example.com",
  google: "https://api.example.com",
  generic: "https://api.example.com",
};

function resolve(dialect: UpstreamOptions["dialect"], upstream: object): RelayConfig {
  const baseURL = typeof dialect === "string" ? URLS[dialect] : URLS.openai;
  return resolveOptions({
    upstream: { baseURL, dialect, ...upstream },
    credentials: [{ id: "a", apiKey: "sk-test-0123456789" }],
  });
}

function faultsOf(dialect: UpstreamOptions["dialect"], allow: unknown): string[] {
  try {
    resolve(dialect, { allow });
  } catch (error) {
    return ((error as RelayError).facts.faults ?? []).map(
      ({ path, detail }) => `${path} ${detail}`,
    );
  }
  return [];
}

/** Why a request (`GET /a?b`) is not allowed. */
function why(request: string, dialect: DialectName, upstream: Partial<UpstreamOptions> = {}) {
  const { operations } = resolve(dialect, upstream).upstreams.get("default")!;
  const [method = "", target = ""] = request.split(" ", 2);
  const [path = "", query] = target.split("?", 2);
  return operations.whyNot({ method, path, query: query === undefined ? "" : `?${query}` })?.why;
}

describe("upstream.allow", () => {
  it.each([
    ["openai", ["files", "vector_stores", "DELETE /files/*", "* /my/**", "POST /a/{id}/b"]],
    ["anthropic", ["batches", "organizations"]],
    ["google", ["cachedContents", "POST /v1beta/models/*:predictLongRunning"]],
    ["openai", ["*"]],
    ["openai", []],
  ] as const)("N13 accepts %s: %j", (dialect, allow) => {
    expect(faultsOf(dialect, allow)).toEqual([]);
  });

  const KINDS = "must be `*`, a pattern like `DELETE /files/*`, or one of files, ";
  it.each([
    ["openai", "files", "upstream.allow must be a list"],
    ["openai", ["file"], 'did you mean "files"?'],
    ["openai", ["Files"], 'did you mean "files"?'],
    ["openai", ["vectorStores"], 'did you mean "vector_stores"?'],
    ["google", ["cached_contents"], 'did you mean "cachedContents"?'],
    ["anthropic", ["threads"], KINDS],
    ["openai", ["generate"], "upstream.allow[0] is allowed by default: remove it"],
    ["openai", ["files", "files"], "upstream.allow[1] is a duplicate"],
    ["openai", ["/files"], "upstream.allow[0] must be a method, one space and a path"],
    ["openai", ["GET files"], "must be a method, one space and a path"],
    ["openai", ["GET /files now"], "must be a method, one space and a path"],
    ["openai", ["get /files"], "must begin with GET (which includes HEAD), POST"],
    ["openai", ["HEAD /files"], "must begin with GET (which includes HEAD), POST"],
    ["openai", ["GET /files?x=1"], "must have a path without a query"],
    ["openai", ["GET /**/files"], "`**` only as the last segment"],
    ["openai", ["GET /../x"], "must have a path without"],
    ["openai", [""], "upstream.allow[0] must not be empty"],
    ["openai", [1], "upstream.allow[0] must be a string"],
    ["generic", ["files"], "upstream.allow has no effect: the dialect generic has no list"],
    ["generic", ["*"], "upstream.allow has no effect"],
  ] as const)("N13 rejects %s: %j", (dialect, allow, fault) => {
    expect(faultsOf(dialect, allow)).toEqual([expect.stringContaining(fault)]);
  });

  it("N13 warns at start where every client may call, and where a path contains the mount", () => {
    const doubts = (more: object) =>
      doubtsOf(
        resolveOptions({
          upstream: { baseURL: URLS.openai, dialect: "openai", allow: ["files", "GET /ai/x"] },
          credentials: [{ id: "a", apiKey: "sk-test-0123456789" }],
          ...more,
        }),
      );
    expect(doubts({})).toEqual([
      "upstream.allow lets every client that reaches this relay use the objects of its keys: set `authorize`",
    ]);
    expect(doubts({ mount: "/ai", authorize: () => "me" })).toEqual([
      "upstream.allow[1] begins with the mount path, which is not part of the path: remove it",
    ]);
    expect(doubts({ mount: "/a", authorize: () => "me" })).toEqual([]);
    expect(doubts({ upstream: { baseURL: URLS.openai, dialect: "openai" } })).toEqual([]);
  });

  it("N13 names the option of one of several upstreams", () => {
    expect(() =>
      resolveOptions({
        upstreams: { one: { baseURL: URLS.openai, dialect: "openai", allow: ["nothing"] } },
        credentials: [{ id: "a", apiKey: "sk-test-0123456789", upstream: "one" }],
      }),
    ).toThrow(/upstreams\.one\.allow\[0\].* must be/);
  });
});

describe("an operation", () => {
  it.each([
    ["POST /chat/completions", "openai", undefined],
    ["GET /models", "openai", undefined],
    ["POST /files", "openai", ["files"]],
    ["DELETE /files/f1", "openai", ["files"]],
    ["DELETE /files/f1", "openai", ["DELETE /files/*"]],
    ["DELETE /v1/files/f1", "anthropic", ["DELETE /files/*"]],
    ["DELETE /v1/files/f1", "anthropic", ["DELETE /v1/files/*"]],
    ["GET /files", "openai", ["GET /files/**"]],
    ["HEAD /files/f1/content", "openai", ["GET /files/**"]],
    ["POST /my/endpoint", "openai", ["POST /my/endpoint"]],
    ["PROPFIND /any;thing", "openai", ["*"]],
    ["GET /chat/completions?_method=DELETE", "openai", ["*"]],
    ["DELETE /any;thing?_method=GET", "generic", undefined],
    ["POST /chat/completions?api-version=1&methods=x&x=_method", "openai", undefined],
  ] as const)("N13 is allowed: %s in %s with %j", (request, dialect, allow) => {
    expect(why(request, dialect, allow && { allow: [...allow] })).toBeUndefined();
  });

  it.each([
    ["POST /files", "openai", undefined, "restricted"],
    ["POST /files", "openai", ["batches"], "restricted"],
    ["POST /files", "openai", ["DELETE /files/*"], "restricted"],
    ["DELETE /files/f1/x", "openai", ["DELETE /files/*"], "restricted"],
    ["DELETE /v2/files/f1", "anthropic", ["DELETE /v1/files/*"], "restricted"],
    ["GET /files;x", "openai", ["files"], "unknown"],
    ["GET /files/f;x", "openai", ["files"], "unknown"],
    ["GET /files/f%3Bx", "openai", ["GET /files/**"], "unknown"],
    ["GET /Files", "openai", ["files", "GET /files"], "unknown"],
    [
      "POST /v1beta/tunedModels/t:transferOwnership",
      "google",
      ["POST /tunedModels/*"],
      "restricted",
    ],
    ["POST /my/Endpoint", "openai", ["POST /my/endpoint"], "unknown"],
    ["POST /chat/completions?_method=GET", "openai", undefined, "method"],
    ["POST /files?a=1&X-HTTP-Method-Override=DELETE", "openai", ["files"], "method"],
    ["POST /v1beta/interactions?%24httpMethod=GET", "google", undefined, "method"],
    ["POST /chat/completions?%5Fmethod=GET", "openai", undefined, "method"],
    ["POST /chat/completions?a;_METHOD=GET", "openai", undefined, "method"],
  ] as const)("N13 is not allowed: %s in %s with %j (%s)", (request, dialect, allow, expected) => {
    expect(why(request, dialect, allow && { allow: [...allow] })).toBe(expected);
  });

  it("N13 at the mount itself is the one that the base URL names", () => {
    const at = (method: string, path: string, more: Partial<UpstreamOptions> = {}) =>
      why(`${method} `, "openai", { baseURL: `https://api.example.com${path}`, ...more });
    expect(at("POST", "/v1/chat/completions")).toBeUndefined();
    expect(at("GET", "/v1/models/")).toBeUndefined();
    expect(at("GET", "/v1/chat/completions")).toBe("restricted");
    expect(at("DELETE", "/v1/files/f1")).toBe("restricted");
    expect(at("POST", "/v1/my/endpoint")).toBe("unknown");
    expect(at("POST", "/v1/my/endpoint", { allow: ["POST /"] })).toBeUndefined();
  });

  it("N13 of a dialect of your own is one of its table; without a table every path passes", () => {
    const { openai } = DIALECTS;
    const operations = { defaults: { ask: ["POST /ask"] }, restricted: { jobs: ["* /jobs/**"] } };
    const own: Dialect = { ...openai!, name: "own", operations };
    const { upstreams } = resolve(own, { allow: ["GET /jobs/*"] });
    const ask = (method: string, path: string) =>
      upstreams.get("default")!.operations.whyNot({ method, path, query: "" })?.why;
    expect([ask("POST", "/ask"), ask("GET", "/jobs/1")]).toEqual([undefined, undefined]);
    expect([ask("GET", "/jobs"), ask("POST", "/chat/completions")]).toEqual([
      "restricted",
      "unknown",
    ]);
    const free = resolve({ ...own, operations: undefined }, {}).upstreams.get("default")!;
    expect(free.operations.whyNot({ method: "GET", path: "/x", query: "" })).toBeUndefined();
    expect(
      faultsOf({ ...own, operations: { ...operations, defaults: { a: ["ask"] } } }, []),
    ).toEqual([
      "upstream.dialect.operations.defaults.a[0] must be a method and a path: `GET /files/{id}`",
    ]);
  });

  it.each([
    "x-http-method-override",
    "X-HTTP-Method",
    "x-method-override",
    "X-Original-URL",
    "x-rewrite-url",
  ])("N13 cannot be changed by a request header: %s", (name) => {
    expect(() => resolve("generic", { passHeaders: [name] })).toThrow(
      /passHeaders\[0\].* cannot be passed/,
    );
  });
});
