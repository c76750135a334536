import { describe, expect, it } from "vitest";
import type { Dialect } from "../../src/contract/dialect.ts";
import type { RelayError } from "../../src/shared/errors.ts";
import { anthropic } from "../../src/dialects/anthropic.ts";
import { generic } from "../../src/dialects/generic.ts";
import { google } from "../../src/dialects/google.ts";
import { openai } from "../../src/dialects/openai.ts";
import { checkVersion } from "../../src/http/api-version.ts";

const own: Dialect = { ...generic, name: "own", version: "required" };

/** What a client gets for a path below `/ai`; `undefined` where it is relayed. */
function told(dialect: Dialect, base: string, path: string, name = "default", mount = "/ai") {
  const { origin, pathname } = new URL(base, "https://api.example.com");
  const endpoint = { origin, basePath: pathname.replace(/\/$/, "") };
  try {
    checkVersion(path, mount, { name, dialect }, endpoint);
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_RELAY_VERSION", status: 404 });
    const { message } = error as RelayError;
    expect(message).not.toContain("example.com");
    expect(message).not.toContain("api.openai.com");
    return message;
  }
  return undefined;
}

const OPENAI =
  "OpenAI clients add no version: in the relay `upstream.baseURL` must end with the version (/v1) and without an endpoint, in the client the base URL must end with /ai.";
const ANTHROPIC =
  "Anthropic clients add /v1 by themselves: in the relay `upstream.baseURL` must end without a version and without an endpoint, in the client the base URL must end with /ai.";
const GOOGLE =
  "Google clients add /v1beta by themselves: in the relay `upstream.baseURL` must end without a version and without an endpoint, in the client the base URL must end with /ai.";
const TWICE = "the version is given twice, in the request and in the relay's options";
const TWICE_ASKED = "the version is given twice in the request";
const NOWHERE = "no version is given in the request or in the relay's options";
const WHOLE = "the relay's options contain a whole endpoint, and the client adds one";

describe("versions", () => {
  it.each([
    [openai, "/v1", "/chat/completions"],
    [openai, "", "/v1/chat/completions"],
    [openai, "", "/chat/completions"],
    [openai, "https://api.openai.com/v1", "/chat/completions"],
    [openai, "https://api.openai.com", "/v1/chat/completions"],
    [openai, "/openai/deployments/gpt-4o", "/chat/completions"],
    [openai, "/v1beta/openai", "/chat/completions"],
    [openai, "", "/v1beta/openai/chat/completions"],
    [openai, "/v1/chat/completions", ""],
    [openai, "/v1", "/a/v1/b"],
    [openai, "/v1", "/version"],
    [anthropic, "", "/v1/messages"],
    [anthropic, "/v1", "/messages"],
    [anthropic, "/v1/messages", "/batches"],
    [google, "", "/v1beta/models/m:generateContent"],
    [google, "", "/v1/models/m:generateContent"],
    [google, "/v1beta", "/models/m:generateContent"],
    [google, "/v1/projects/p/locations/l/publishers/google", "/models/m:generateContent"],
    [google, "/proxy", "/v1beta/models"],
    [generic, "", "/v1/v2/x"],
    [generic, "/v1/chat/completions", "/models"],
    [own, "/v2", "/x"],
  ] as const)("L7 accepts a version in one place: $name %s %s", (dialect, base, path) => {
    expect(told(dialect, base, path)).toBeUndefined();
  });

  it.each<[Dialect, string, string, string, string]>([
    [openai, "/v1", "/v1/chat/completions", TWICE, "/ai/chat/completions"],
    [openai, "/v1", "/v1", TWICE, "/ai/"],
    [openai, "", "/v1/v1/models", TWICE_ASKED, "/ai/models"],
    [openai, "https://api.openai.com", "/chat/completions", NOWHERE, "/ai/chat/completions"],
    [openai, "/v1/chat/completions", "/chat/completions", WHOLE, "/ai/chat/completions"],
    [openai, "/v1/chat/completions", "/models", WHOLE, "/ai/models"],
    [openai, "/v1/responses", "/responses", WHOLE, "/ai/responses"],
    [anthropic, "/v1", "/v1/messages", TWICE, "/ai/v1/messages"],
    [anthropic, "/v1", "/v1/v1/messages", TWICE, "/ai/v1/messages"],
    [anthropic, "", "/v1/v1/messages", TWICE_ASKED, "/ai/v1/messages"],
    [anthropic, "", "/messages", NOWHERE, "/ai/v1/messages"],
    [
      anthropic,
      "",
      "/v1beta/messages",
      "the version v1beta does not exist in this API",
      "/ai/v1/messages",
    ],
    [anthropic, "/v1/messages", "/v1/messages", WHOLE, "/ai/v1/messages"],
    [google, "/v1beta", "/v1beta/models", TWICE, "/ai/v1beta/models"],
    [google, "/v1", "/v1beta/models", TWICE, "/ai/v1beta/models"],
    [google, "/v1beta", "/v1/models", TWICE, "/ai/v1/models"],
    [google, "", "/v1beta/v1beta/models", TWICE_ASKED, "/ai/v1beta/models"],
    [google, "", "/models", NOWHERE, "/ai/v1beta/models"],
    [
      google,
      "/v1beta/models/m:generateContent",
      "/v1beta/models/m:generateContent",
      WHOLE,
      "/ai/v1beta/models/m:generateContent",
    ],
  ])(
    "L7 tells both sides what to change: $name, %s, %s",
    (dialect, base, path, fault, expected) => {
      const advice = { openai: OPENAI, anthropic: ANTHROPIC, google: GOOGLE }[dialect.name];
      expect(told(dialect, base, path)).toBe(
        `Nothing is served at /ai${path}: ${fault}. ${advice} Then the request goes to ${expected}.`,
      );
    },
  );

  it.each<[Dialect, string, string, string, string]>([
    [openai, "/v1", "/v1/messages", "Anthropic", "Use an OpenAI client"],
    [openai, "/v1", "/v1beta/models/m:generateContent", "Google", "Use an OpenAI client"],
    [anthropic, "", "/chat/completions", "OpenAI", "Use an Anthropic client"],
    [google, "/v1beta", "/v1/messages", "Anthropic", "Use a Google client"],
    [google, "", "/responses", "OpenAI", "Use a Google client"],
  ])(
    "L7 reports that the client belongs to another dialect: $name, %s, %s",
    (dialect, base, path, client, advice) => {
      const other = client.toLowerCase();
      expect(told(dialect, base, path)).toBe(
        `Nothing is served at /ai${path}: this is a path of ${client} clients, and the dialect of the upstream is ${dialect.name}; the relay does not translate. ${advice}, or an upstream with \`dialect: "${other}"\`.`,
      );
    },
  );

  it.each<[Dialect, string, string, string]>([
    [openai, "/v1", "/chat/completions/chat/completions", "/ai/chat/completions"],
    [openai, "/v1", "/responses/responses", "/ai/responses"],
    [openai, "", "/v1/embeddings/v1/embeddings", "/ai/embeddings"],
    [anthropic, "", "/v1/messages/v1/messages", "/ai/v1/messages"],
  ])(
    "L7 reports that the client's base URL has an endpoint: $name, %s, %s",
    (dialect, base, path, expected) => {
      const message = told(dialect, base, path);
      expect(message).toContain(": the endpoint is given twice in the request.");
      expect(message).toContain(`Then the request goes to ${expected}.`);
    },
  );

  it.each<[Dialect, string, string, string]>([
    [openai, "/v1", "", "/ai/chat/completions"],
    [openai, "/v1", "/", "/ai/chat/completions"],
    [openai, "", "/v1", "/ai/chat/completions"],
    [anthropic, "", "/v1/", "/ai/v1/messages"],
    [google, "", "/", "/ai/v1beta/models/MODEL:generateContent"],
  ])(
    "L7 reports that no endpoint was requested: $name, %s, %s",
    (dialect, base, path, expected) => {
      const message = told(dialect, base, path);
      expect(message).toContain(": the request names no endpoint.");
      expect(message).toContain(`Then the request goes to ${expected}.`);
    },
  );

  it("L7 names only the path where no client is known", () => {
    expect(told(generic, "/v1", "/v1/x")).toBe(
      `Nothing is served at /ai/v1/x: ${TWICE}. Did you mean /ai/x?`,
    );
    expect(told(own, "", "/x")).toBe(
      `Nothing is served at /ai/x: ${NOWHERE}. Did you mean /ai/v1/x?`,
    );
  });

  it("L7 names the upstream among several, and the app's own address where there is no mount path", () => {
    expect(told(anthropic, "/v1", "/v1/messages", "claude")).toContain(
      "`upstreams.claude.baseURL` must end without",
    );
    expect(told(anthropic, "/v1", "/v1/messages", "default", "")).toContain(
      "in the client the base URL must be the address of the app, without a path. Then the request goes to /v1/messages.",
    );
  });
});
