import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OperationTable } from "../../src/contract/operations.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { operationOf } from "../../src/dialects/operation-of.ts";
import { readPath } from "../../src/http/path.ts";
import { parsePattern } from "../../src/shared/path-patterns.ts";
import { renderOperations } from "./operations-table.ts";

const NAMES = ["openai", "anthropic", "google"] as const;
type Name = (typeof NAMES)[number];

const root = fileURLToPath(new URL("../../", import.meta.url));
const tableOf = (name: Name): OperationTable => DIALECTS[name]!.operations!;

function operation(name: string, request: string) {
  const [method = "", path = ""] = request.split(" ", 2);
  return operationOf(DIALECTS[name]!, method, path);
}

const DEFAULT: Record<Name, Record<string, string>> = {
  openai: {
    "POST /chat/completions": "generate",
    "POST /v1/chat/completions": "generate",
    "POST /openai/v1/responses": "generate",
    "POST /v1beta/openai/chat/completions": "generate",
    "POST /beta/completions": "generate",
    "POST /chat/completions/": "generate",
    "POST /responses/compact": "generate",
    "POST /openai/deployments/gpt-4o/chat/completions": "generate",
    "POST /deployments/gpt-4o/images/generations": "draw",
    "POST /engines/davinci/completions": "generate",
    "POST /responses/input_tokens": "count",
    "POST /embeddings": "embed",
    "POST /audio/transcriptions": "transcribe",
    "POST /audio/translations": "transcribe",
    "POST /audio/speech": "speak",
    "POST /images/edits": "draw",
    "POST /moderations": "moderate",
    "POST /v2/rerank": "rerank",
    "GET /models": "models",
    "HEAD /models": "models",
    "GET /models/": "models",
    "GET /models/gpt-4o": "models",
    "GET /models/ft:gpt-4o:org::id": "models",
    "GET /models/llama3%3A8b": "models",
    "GET /models/meta-llama/Llama-3.1-8B": "models",
    "GET /responses/resp_1": "responses",
    "GET /responses/resp_1/input_items": "responses",
    "POST /responses/resp_1/cancel": "responses",
    "DELETE /responses/resp_1": "responses",
  },
  anthropic: {
    "POST /v1/messages": "generate",
    "POST /messages": "generate",
    "POST /v1/complete": "generate",
    "POST /v1/messages/count_tokens": "count",
    "GET /v1/models": "models",
    "GET /v1/models/claude-opus-4": "models",
    "POST /v1/projects/p/locations/l/publishers/anthropic/models/claude@1:streamRawPredict":
      "generate",
    "POST /v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict": "count",
  },
  google: {
    "POST /v1beta/models/gemini-2.5-pro:generateContent": "generate",
    "POST /v1beta/models/gemini-2.5-pro:streamGenerateContent": "generate",
    "POST /models/gemini-2.5-pro:countTokens": "count",
    "POST /v1beta/models/e:embedContent": "embed",
    "POST /v1beta/models/e:batchEmbedContents": "embed",
    "POST /v1beta/models/imagen-4:predict": "predict",
    "POST /v1beta/tunedModels/mine:generateContent": "generate",
    "POST /v1/projects/p/locations/l/publishers/google/models/g:generateContent": "generate",
    "POST /v1beta1/publishers/google/models/g:countTokens": "count",
    "POST /v1/projects/p/locations/l/endpoints/123:predict": "predict",
    "POST /v1internal:streamGenerateContent": "generate",
    "GET /v1beta/models": "models",
    "GET /v1beta/models/gemini-2.5-pro": "models",
    "POST /v1beta/interactions": "generate",
    "GET /v1beta/interactions/i1": "interactions",
    "POST /v1beta/interactions/i1/cancel": "interactions",
  },
};

const RESTRICTED: Record<Name, Record<string, string>> = {
  openai: {
    "GET /files": "files",
    "POST /v1/files": "files",
    "DELETE /files/f1": "files",
    "GET /files/f1/content": "files",
    "POST /uploads": "uploads",
    "POST /batches": "batches",
    "POST /openai/deployments/d/batches": "batches",
    "GET /chat/completions": "stored_completions",
    "PUT /chat/completions": "stored_completions",
    "DELETE /chat/completions/c1": "stored_completions",
    "GET /chat/completions/c1/messages": "stored_completions",
    "POST /conversations": "conversations",
    "GET /vector_stores/v1/files": "vector_stores",
    "POST /assistants": "assistants",
    "POST /threads/runs": "threads",
    "POST /fine_tuning/jobs": "fine_tuning",
    "DELETE /models/ft:gpt-4o:me": "fine_tuning",
    "GET /containers/c/files/f/content": "containers",
    "POST /videos": "videos",
    "POST /realtime/client_secrets": "realtime",
    "GET /organization/costs": "organization",
    "POST /organization/admin_api_keys": "organization",
    "GET /credits": "account",
    "GET /user/balance": "account",
    "GET /openai/deployments": "deployments",
  },
  anthropic: {
    "POST /v1/messages/batches": "batches",
    "GET /v1/messages/batches/b/results": "batches",
    "DELETE /v1/files/f": "files",
    "GET /v1/skills": "skills",
    "GET /v1/organizations/users": "organizations",
    "POST /v1/sessions": "sessions",
  },
  google: {
    "POST /upload/v1beta/files": "files",
    "GET /v1beta/files": "files",
    "DELETE /v1beta/files/f": "files",
    "POST /v1beta/files:register": "files",
    "POST /v1beta/cachedContents": "cachedContents",
    "POST /v1/projects/p/locations/l/cachedContents": "cachedContents",
    "POST /v1beta/models/g:batchGenerateContent": "batches",
    "POST /v1beta/batches/b:cancel": "batches",
    "PATCH /v1beta/tunedModels/t": "tunedModels",
    "POST /v1beta/tunedModels/t:transferOwnership": "tunedModels",
    "POST /v1beta/corpora/c:query": "corpora",
    "POST /v1beta/models/veo:predictLongRunning": "videos",
    "GET /v1beta/models/veo/operations/o": "videos",
    "POST /v1beta/auth_tokens": "realtime",
    "POST /v1internal:onboardUser": "codeAssist",
    "GET /v1/projects/p/locations/l/endpoints": "projects",
  },
};

const UNKNOWN: Record<Name, readonly string[]> = {
  openai: [
    "POST /",
    "GET ",
    "GET /v1",
    "POST /messages",
    "GET /Models",
    "POST /chat/Completions",
    "POST /chat%2Fcompletions",
    "POST /%63hat/completions",
    "POST /chat/completions;x=1",
    "POST /chat;x/completions",
    "POST /v1/v1/chat/completions",
    "POST /x/chat/completions",
    "POST /files/../chat/completions",
    "PUT /models/x",
    "POST /models",
    "GET /responses",
    "DELETE /responses",
    "GET /models/x;y",
    "GET /models/x%3By",
    "GET /models/x%3Fy",
    "GET /models/%2e%2e",
    "GET /models/x%2523",
    "DELETE /responses/x;y",
    "POST /responses/x/cancel/y",
    "DELETE /embeddings",
    "POST /openai/openai/chat/completions",
  ],
  anthropic: [
    "POST /v1/chat/completions",
    "GET /v1/messages",
    "POST /v1/Messages",
    "POST /api/event_logging/batch",
    "GET /v1/models/x:delete",
    "GET /v1/models/x%3Adelete",
  ],
  google: [
    "POST /v1beta/models/g:GenerateContent",
    "POST /v1beta/models/g%3AgenerateContent",
    "POST /v1beta/models/g:generateContent:x",
    "POST /v1beta/models/g:x:generateContent",
    "POST /v1beta/models/g:delete",
    "POST /v1beta/models/g",
    "DELETE /v1beta/models/g",
    "GET /v1beta/models/g:generateContent",
    "POST /v1beta/models/g;x:generateContent",
    "POST /batch",
    "POST /v1beta/openai/chat/completions",
  ],
};

describe.each(NAMES)("the operations of %s", (name) => {
  it.each(Object.entries(DEFAULT[name]))("N13 allow by default: %s (%s)", (request, kind) => {
    expect(operation(name, request)).toMatchObject({ kind, isDefault: true });
  });

  it.each(Object.entries(RESTRICTED[name]))("N13 restrict: %s (%s)", (request, kind) => {
    expect(operation(name, request)).toMatchObject({ kind, isDefault: false });
  });

  it.each(UNKNOWN[name])("N13 do not know: %s", (request) => {
    expect(operation(name, request)).toBeUndefined();
  });

  it("N13 are valid patterns, each once, and no kind is in both groups", () => {
    const { defaults, restricted } = tableOf(name);
    const all = [...Object.values(defaults), ...Object.values(restricted)].flat();
    expect(all.filter((one) => !parsePattern(one))).toEqual([]);
    expect(new Set(all).size).toBe(all.length);
    expect(Object.keys(defaults).filter((kind) => kind in restricted)).toEqual([]);
  });

  it("N13 have one name for all requests of one operation", () => {
    const { defaults } = tableOf(name);
    const one = operation(
      name,
      Object.values(defaults)
        .flat()[0]!
        .replace(/\{\w+\}/g, "a"),
    );
    const other = operation(
      name,
      Object.values(defaults)
        .flat()[0]!
        .replace(/\{\w+\}/g, "b"),
    );
    expect(other).toBe(one);
  });

  // The readings of lenient servers: decoded to the end, without parameters, in any case.
  it("N13 allow no path by default that a lenient server reads as another operation", () => {
    const judge = lowered(tableOf(name));
    const allowed = { count: 0 };
    fc.assert(
      fc.property(pathsOf(tableOf(name)), fc.constantFrom(...METHODS), (path, method) => {
        if (!isPath(path) || !operationOf(DIALECTS[name]!, method, path)?.isDefault) return;
        allowed.count++;
        const read = operationOf({ operations: judge }, method, lenient(path));
        expect([path, read?.isDefault]).toEqual([path, true]);
      }),
      { numRuns: 20_000 },
    );
    expect(allowed.count).toBeGreaterThan(100);
  });

  it("N13 allow no variant of a restricted operation", () => {
    const { restricted } = tableOf(name);
    const requests = Object.values(restricted)
      .flat()
      .map((one) => one.replace(/\{\w+\}/g, "x1").replace("/**", ""));
    const judge = lowered(tableOf(name));
    fc.assert(
      fc.property(
        fc.constantFrom(...requests),
        fc.array(fc.tuple(fc.nat(60), fc.constantFrom(...MUTATIONS)), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.constantFrom(...METHODS),
        (request, mutations, any) => {
          const [given = "", original = ""] = request.split(" ", 2);
          const method = given === "*" ? any : given;
          const path = mutations.reduce((so, [at, change]) => change(so, at), original);
          if (!isPath(path)) return;
          const read = operationOf({ operations: judge }, method, lenient(path));
          if (read?.isDefault) return;
          expect([path, operationOf(DIALECTS[name]!, method, path)?.isDefault ?? false]).toEqual([
            path,
            false,
          ]);
        },
      ),
      { numRuns: 10_000 },
    );
  });
});

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

type Mutation = (path: string, at: number) => string;
const insert =
  (text: string): Mutation =>
  (path, at) =>
    path.slice(0, at % (path.length + 1)) + text + path.slice(at % (path.length + 1));
const encode =
  (prefix: string): Mutation =>
  (path, at) => {
    const index = at % path.length;
    const code = path.charCodeAt(index).toString(16);
    return `${path.slice(0, index)}${prefix}${code}${path.slice(index + 1)}`;
  };
const MUTATIONS: Mutation[] = [
  encode("%"),
  encode("%25"),
  (path, at) =>
    path.slice(0, at % path.length) +
    path[at % path.length]!.toUpperCase() +
    path.slice((at % path.length) + 1),
  ...[
    "/",
    "//",
    ";x",
    ";",
    "/.",
    "/..",
    "/..;",
    "%2f",
    "%3b",
    "%3f",
    "%23",
    "%00",
    ":",
    "%3a",
    ".",
  ].map(insert),
  (path) => `/v1${path}`,
  (path) => `/v1beta/openai${path}`,
  (path) => `/models${path}`,
  (path) => `/chat/completions/..${path}`,
  (path) => `${path}/`,
  (path) => `${path}/chat/completions`,
];

/** Paths of segments that the table knows, and of what attackers put between them. */
function pathsOf({ defaults, restricted }: OperationTable): fc.Arbitrary<string> {
  const known = [...Object.values(defaults), ...Object.values(restricted)]
    .flat()
    .flatMap((one) => one.split(" ")[1]!.slice(1).split("/"))
    .map((segment) => segment.replace(/\{\w+\}|\*\*?/g, "x1"));
  const whole = Object.values(defaults)
    .flat()
    .map((one) =>
      one
        .split(" ")[1]!
        .slice(1)
        .replace(/\{\w+\}/g, "x1"),
    );
  const segment = fc.oneof(
    fc.constantFrom(...known),
    fc.constantFrom(
      "v1",
      "v1beta",
      "openai",
      "x1",
      "a;b",
      "%66iles",
      "a%3fb",
      "a%2523",
      "..",
      "a%3ab",
    ),
  );
  const path = fc.oneof(
    fc.array(segment, { minLength: 1, maxLength: 6 }).map((all) => `/${all.join("/")}`),
    fc.constantFrom(...whole).map((one) => `/${one}`),
  );
  const changes = fc.array(fc.tuple(fc.nat(60), fc.constantFrom(...MUTATIONS)), { maxLength: 2 });
  return fc
    .tuple(path, changes)
    .map(([one, all]) => all.reduce((so, [at, change]) => change(so, at), one));
}

function isPath(path: string): boolean {
  try {
    return readPath(path).path === path;
  } catch {
    return false;
  }
}

/** A path as the most lenient server reads it. */
function lenient(path: string): string {
  let decoded = path;
  for (let last = ""; last !== decoded;) {
    last = decoded;
    decoded = decoded.replace(/%([\da-f]{2})/gi, (_, code: string) =>
      String.fromCharCode(parseInt(code, 16)),
    );
  }
  const segments: string[] = [];
  for (const raw of decoded.split(/[?#]/, 1)[0]!.split("/")) {
    const segment = raw.split(";", 1)[0]!;
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}`.toLowerCase();
}

function lowered(table: OperationTable): OperationTable {
  const lower = (all: readonly string[]) =>
    all.map((one) => one.replace(/ .*/, (path) => path.toLowerCase()));
  const group = (kinds: OperationTable["defaults"]) =>
    Object.fromEntries(Object.entries(kinds).map(([kind, all]) => [kind, lower(all)]));
  return {
    ...table,
    defaults: group(table.defaults),
    restricted: group(table.restricted),
    places: table.places?.map(({ kinds, from, to }) => ({
      kinds,
      from: from.toLowerCase(),
      to: lower(to.map((one) => ` ${one}`)).map((one) => one.trim()),
    })),
  };
}

describe("official clients", () => {
  const CALL =
    /_client\.(get|post|put|patch|delete|getAPIList)\(\s*(?:path\s*`([^`]+)`|["']([^"']+)["'])/g;

  function requestsOf(folder: string): string[] {
    const sources = readdirSync(root + folder, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.endsWith(".mjs"),
    );
    return sources
      .map((file) => readFileSync(`${root}${folder}/${file}`, "utf8"))
      .flatMap((text) => [...text.matchAll(CALL)])
      .map(([, call = "", template, literal]) => {
        const path = (template ?? literal)!.split("?", 1)[0]!.replace(/\$\{[^}]+\}/g, "x1");
        return `${call === "getAPIList" ? "GET" : call.toUpperCase()} ${path}`;
      });
  }

  it.each([
    ["openai", "node_modules/openai/resources", 150],
    ["anthropic", "node_modules/@anthropic-ai/sdk/resources", 100],
  ])("N13 of %s send no request of an unknown kind", (name, folder, count) => {
    const requests = requestsOf(folder);
    expect(requests.length).toBeGreaterThan(count);
    expect(requests.filter((one) => !operation(name, one))).toEqual([]);
  });

  it("N13 of google send no request of an unknown kind", () => {
    const text = readFileSync(`${root}node_modules/@google/genai/dist/node/index.mjs`, "utf8");
    const verbs = [...text.matchAll(/formatMap\('\{model\}(:\w+)/g)].map(([, verb]) => verb!);
    const paths = [...text.matchAll(/pathToFunc\("\/\{api_version\}([^"]+)"/g)].map(([, path]) =>
      path!.replace(/\{\w+\}/g, "x1"),
    );
    const own = [...text.matchAll(/formatMap\('([a-zA-Z]\w*(?:[/:{][^']*)?)'/g)].map(([, path]) =>
      `/${path!}`
        .replace("{file_search_store_name}", "fileSearchStores/x1")
        .replace(/\{\w+\}/g, "x1"),
    );
    expect([verbs.length > 10, paths.length > 10, own.length > 10]).toEqual([true, true, true]);
    const all = [...verbs.map((verb) => `/models/g${verb}`), ...paths, ...own];
    const isKnown = (path: string) =>
      METHODS.some((method) => operation("google", `${method} ${path}`));
    expect(all.filter((path) => !isKnown(path))).toEqual([]);
  });
});

describe("docs/security.md", () => {
  it("N13 has the tables of the code", () => {
    const text = readFileSync(`${root}docs/security.md`, "utf8");
    expect(text.match(/<!-- operations: \w+ -->/g)).toHaveLength(NAMES.length);
    expect(text).toBe(renderOperations(text));
  });

  it("N13 generic has no table: it passes every path", () => {
    expect(DIALECTS["generic"]!.operations).toBeUndefined();
    expect(operation("generic", "DELETE /anything")).toBeUndefined();
  });
});
