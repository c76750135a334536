import { describe, expect, it } from "vitest";
import type { Asked } from "../../src/contract/dialect.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";

function post(path: string, json?: unknown, query = ""): Asked {
  return { method: "POST", path, query, json };
}

function get(path: string): Asked {
  return { method: "GET", path, query: "", json: undefined };
}

describe("the model of a request", () => {
  it.each<[string, Asked, string | undefined]>([
    ["openai", post("/chat/completions", { model: "gpt-5" }), "gpt-5"],
    ["openai", post("/v1/responses", { model: "gpt-5:free" }), "gpt-5:free"],
    ["openai", post("/openai/deployments/my%20gpt/chat/completions", {}), "my gpt"],
    ["openai", get("/models"), undefined],
    ["openai", post("/chat/completions", { model: 5 }), undefined],
    ["anthropic", post("/v1/messages", { model: "claude-x" }), "claude-x"],
    ["google", post("/v1beta/models/gemini-2.5-pro:streamGenerateContent"), "gemini-2.5-pro"],
    ["google", post("/v1/models/gemini-2.5-pro:generateContent"), "gemini-2.5-pro"],
    [
      "google",
      post("/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:generateContent"),
      "gemini-2.5-pro",
    ],
    ["google", post("/v1beta/models/gemini-2.5-pro%3AgenerateContent"), "gemini-2.5-pro"],
    ["google", post("/v1beta/tunedModels/mine:generateContent"), "tunedModels/mine"],
    [
      "google",
      post("/v1internal:streamGenerateContent", { model: "gemini-3-pro" }),
      "gemini-3-pro",
    ],
    ["google", get("/v1beta/models"), undefined],
    ["generic", post("/anything", { model: "m" }), "m"],
  ])("B12 of %s: %o", (name, asked, model) => {
    expect(DIALECTS[name]!.readModel(asked)).toBe(model);
  });

  it.each<[string, Asked, boolean]>([
    ["openai", post("/chat/completions"), true],
    ["openai", post("/v1/completions"), true],
    ["openai", post("/responses", {}), true],
    ["openai", post("/responses", { prompt: { id: "p" } }), false],
    ["openai", post("/files"), false],
    ["openai", post("/embeddings"), false],
    ["openai", get("/models"), false],
    ["anthropic", post("/v1/messages"), true],
    ["anthropic", post("/v1/messages/count_tokens"), true],
    ["anthropic", post("/v1/messages/batches"), false],
    ["google", post("/v1beta/models/m:generateContent"), true],
    ["google", get("/v1beta/models"), false],
    ["generic", post("/chat/completions"), false],
  ])("L7 of %s is required for %o: %s", (name, asked, needed) => {
    expect(DIALECTS[name]!.needsModel(asked)).toBe(needed);
  });
});

describe("a stream", () => {
  it.each<[string, Asked, boolean]>([
    ["openai", post("/chat/completions", { stream: true }), true],
    ["openai", post("/chat/completions", { stream: "true" }), false],
    ["openai", post("/audio/speech", { stream_format: "sse" }), true],
    ["anthropic", post("/v1/messages", { stream: true }), true],
    ["anthropic", post("/v1/messages", {}), false],
    ["google", post("/v1beta/models/m:streamGenerateContent", {}, "?alt=sse"), true],
    ["google", post("/v1beta/models/m:streamGenerateContent", {}, "?x=1&alt=sse"), true],
    ["google", post("/v1beta/models/m:streamGenerateContent", {}), false],
    ["google", post("/v1beta/models/m:generateContent", {}, "?alt=sse"), false],
    ["generic", post("/x", { stream: true }), true],
  ])("I1 in %s is requested by %o: %s", (name, asked, wanted) => {
    expect(DIALECTS[name]!.wantsStream(asked)).toBe(wanted);
  });
});

describe("a credential", () => {
  it.each([
    ["openai", "sk-x", "authorization", "Bearer sk-x"],
    ["generic", "anything", "authorization", "Bearer anything"],
    ["anthropic", "sk-ant-api03-x", "x-api-key", "sk-ant-api03-x"],
    ["anthropic", "sk-ant-oat01-x", "authorization", "Bearer sk-ant-oat01-x"],
    ["anthropic", "eyJhbGciOi.x.y", "authorization", "Bearer eyJhbGciOi.x.y"],
    ["google", "AIzaSyX", "x-goog-api-key", "AIzaSyX"],
    ["google", "ya29.x", "authorization", "Bearer ya29.x"],
    ["google", "eyJhbGciOi.x.y", "authorization", "Bearer eyJhbGciOi.x.y"],
  ])("B12 of %s: %s is sent as %s", (name, secret, header, value) => {
    expect(DIALECTS[name]!.credentialHeader(secret)).toEqual([header, value]);
  });

  it("N2 in a query parameter of Google's is recognised", () => {
    expect(DIALECTS["google"]!.secretParameters).toContain("key");
  });

  it("N2 of a client is not in the headers that any dialect passes", () => {
    const secrets = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie"];
    for (const { passHeaders } of Object.values(DIALECTS)) {
      expect(
        passHeaders.filter((name) => secrets.includes(name) || name !== name.toLowerCase()),
      ).toEqual([]);
    }
  });
});
