import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Dialect } from "../../src/contract/dialect.ts";
import type { Verdict } from "../../src/contract/verdict.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { classify, classifyFault } from "../../src/refusals/classify.ts";
import { refusal, type Said } from "./refusal.ts";

const openai: Dialect = DIALECTS["openai"]!;
const google: Dialect = DIALECTS["google"]!;

function read(said: Said, dialect: Dialect = openai): Verdict {
  return classify(refusal(said), dialect);
}

function message(text: string, status = 429): Said {
  return { status, body: { error: { message: text } } };
}

describe("the order of evidence", () => {
  it("B2 puts an explicit code before the status, the message and the type", () => {
    const error = { message: "rate limit", type: "invalid_request_error", code: "invalid_api_key" };
    expect(read({ status: 400, body: { error } })).toMatchObject({
      reason: "UNAUTHENTICATED",
      evidence: "code:invalid_api_key",
    });
  });

  it.each<[string, unknown]>([
    ["details[]", { error: { details: [{}, { reason: "QUOTA_EXHAUSTED" }] } }],
    ["errors[]", { errors: [{ code: "quota_exhausted" }] }],
    ["metadata", { error: { code: 429, metadata: { reason: "quota_exhausted" } } }],
    ["an array around it", [{ error: { status: "QUOTA_EXHAUSTED" } }]],
    [
      "JSON inside a string",
      { error: { message: JSON.stringify({ error: { code: "quota_exhausted" } }) } },
    ],
    ["words around JSON", 'Error: 429 {"error":{"code":"quota_exhausted"}}'],
    ["gRPC's text", '429 refused. [reason: "QUOTA_EXHAUSTED"\ndomain: "x"]'],
    ["four levels down", { a: { b: { c: { d: { code: "quota_exhausted" } } } } }],
    ["an event stream", 'event: error\ndata: {"error":{"code":"quota_exhausted"}}\n\n'],
  ])("B2 finds a code in %s", (_, body) => {
    expect(read({ body })).toMatchObject({ reason: "QUOTA_EXHAUSTED" });
  });

  it("B2 finds a code in x-amzn-errortype, with its namespace and its URL", () => {
    const headers = {
      "x-amzn-errortype": "com.amazonaws.bedrock#ModelNotReadyException:http://x/",
    };
    expect(read({ headers, body: { message: "no" } }).reason).toBe("MODEL_CAPACITY_EXHAUSTED");
  });

  it("B2 classifies 503 and 529 as capacity when they are JSON, as the server's when they are a page", () => {
    expect(read({ status: 503, body: { error: {} } }).reason).toBe("MODEL_CAPACITY_EXHAUSTED");
    expect(read({ status: 529, body: { error: {} } }).reason).toBe("MODEL_CAPACITY_EXHAUSTED");
    expect(read({ status: 503, body: "<html><h1>503</h1></html>" }).reason).toBe("SERVER_ERROR");
    expect(read(message("rate limit", 500)).reason).toBe("SERVER_ERROR");
  });

  it.each([408, 504, 522, 524])(
    "B2 classifies %i as a timeout, a proxy's page included",
    (status) => {
      expect(
        read({ status, body: "<html><title>A timeout occurred</title></html>" }),
      ).toMatchObject({
        reason: "TIMEOUT",
        scope: "none",
        action: "same-later",
      });
    },
  );

  it.each([
    ["Your credit balance is too low", "BILLING"],
    ["Incorrect API key provided", "UNAUTHENTICATED"],
    ["Rate limit reached for x", "RATE_LIMIT_EXCEEDED"],
    ["The model `x` does not exist", "NOT_FOUND"],
    ["Country, region, or territory not supported", "FORBIDDEN"],
  ])("B2 accepts the meaning of a 400 that says %j", (text, reason) => {
    expect(read(message(text, 400)).reason).toBe(reason);
  });

  it("B2 falls back to UNKNOWN", () => {
    expect(read({ status: 200, inStream: true, body: { error: { message: "hm" } } })).toMatchObject(
      {
        reason: "UNKNOWN",
        evidence: "none",
      },
    );
  });

  it("B12 searches the dialect's own table first", () => {
    const own: Dialect = { ...openai, codes: { invalid_api_key: { reason: "QUOTA_EXHAUSTED" } } };
    expect(read({ body: { error: { code: "invalid_api_key" } } }, own).reason).toBe(
      "QUOTA_EXHAUSTED",
    );
  });

  it("B12 asks the dialect's own classification before any table", () => {
    const own: Dialect = { ...openai, judge: () => ({ reason: "EMPTY" }) };
    expect(read({ body: { error: { code: "invalid_api_key" } } }, own)).toMatchObject({
      reason: "EMPTY",
      evidence: "dialect:openai",
    });
  });
});

describe("words", () => {
  it.each([
    ["The model is at model_capacity", "MODEL_CAPACITY_EXHAUSTED"],
    ["We are out of capacity", "MODEL_CAPACITY_EXHAUSTED"],
    ["High demand, retry shortly", "MODEL_CAPACITY_EXHAUSTED"],
    ["engine overloaded", "MODEL_CAPACITY_EXHAUSTED"],
    ["10 requests per minute", "RATE_LIMIT_EXCEEDED"],
    ["requests_per_minute_per_project", "RATE_LIMIT_EXCEEDED"],
    ["Request was throttled", "RATE_LIMIT_EXCEEDED"],
    ["too many concurrent requests", "RATE_LIMIT_EXCEEDED"],
    ["rate limit of 50 requests per day", "QUOTA_EXHAUSTED"],
    ["quota_per_day exceeded", "QUOTA_EXHAUSTED"],
    ["monthly limit", "QUOTA_EXHAUSTED"],
    ["quota will reset after 5h", "QUOTA_EXHAUSTED"],
    ["usage limit reached", "QUOTA_EXHAUSTED"],
    ["Overloaded", "MODEL_CAPACITY_EXHAUSTED"],
    ["no capacity", "MODEL_CAPACITY_EXHAUSTED"],
  ])("B3 reads %j as %s", (text, reason) => {
    expect(read(message(text)).reason).toBe(reason);
  });

  it.each([
    "Visit https://x.test/settings/billing/quota?daily=1 for more",
    "Upgrade your plan to get more",
    "Add a payment method, see plan and credit",
  ])("B3 ignores URLs and advertising: %j", (text) => {
    expect(read(message(text))).toMatchObject({
      reason: "RATE_LIMIT_EXCEEDED",
      evidence: "status:429",
    });
  });

  it("B3 reads a day as a quota with an explicit rate code, unless the response states its own wait", () => {
    const error = { code: "RATE_LIMIT_EXCEEDED", message: "requests per day" };
    expect(read({ body: { error } }, google).reason).toBe("QUOTA_EXHAUSTED");
    const waits = { ...error, message: "requests per day. Please try again in 9m38s." };
    expect(read({ body: { error: waits } }, google).reason).toBe("RATE_LIMIT_EXCEEDED");
    const headers = { "x-ratelimit-reset-requests": "3h" };
    expect(read({ headers, body: { error } }, google).reason).toBe("QUOTA_EXHAUSTED");
  });

  it("B4 reads an exhausted capacity that resets as quota", () => {
    const text =
      "You have exhausted your capacity on this model. Your quota will reset after 5h5m47s.";
    expect(read(message(text))).toMatchObject({
      reason: "QUOTA_EXHAUSTED",
      scope: "model",
      hint: 18_347_000,
    });
  });

  it("B5 reads a bare RESOURCE_EXHAUSTED as a rate limit of that model", () => {
    const error = {
      code: 429,
      message: "Resource has been exhausted (e.g. check quota).",
      status: "RESOURCE_EXHAUSTED",
    };
    expect(read({ body: { error } }, google)).toMatchObject({
      reason: "RATE_LIMIT_EXCEEDED",
      scope: "model",
      hint: null,
    });
  });

  it("B6 reads a quota that names no model as the whole credential's", () => {
    const text =
      "Quota exceeded for quota metric 'Chat API requests' and limit 'Chat API requests per day'";
    expect(read({ ...message(text), model: "gemini-3-pro" }, google).scope).toBe("credential");
    expect(
      read({ ...message(`${text} of model gemini-3-pro`), model: "gemini-3-pro" }, google).scope,
    ).toBe("model");
  });

  it("B7 distinguishes the two 429s of anonymous tokens", () => {
    const page = "<html><title>429 Too Many Requests</title></html>";
    const headers = { "content-type": "text/html" };
    expect(read({ endpoint: "create", headers, body: page })).toMatchObject({
      reason: "CREATE_LIMITED",
      scope: "acquirer",
    });
    for (const text of ["No remaining quota", "No AI requests remaining"]) {
      expect(read({ body: { error: text } })).toMatchObject({
        reason: "TOKEN_EXHAUSTED",
        scope: "credential",
      });
      // Whatever code accompanies it.
      for (const code of ["insufficient_quota", "rate_limit_error"])
        expect(read({ body: { error: { message: text, code } } }).reason).toBe("TOKEN_EXHAUSTED");
    }
  });
});

describe("what is no limit", () => {
  it("B8 attributes a malformed request to the request", () => {
    const error = {
      code: 400,
      message: "Request contains an invalid argument.",
      status: "INVALID_ARGUMENT",
    };
    expect(read({ status: 400, body: { error } }, google)).toMatchObject({
      reason: "INVALID_REQUEST",
      scope: "request",
      action: "no",
    });
  });

  it.each([
    "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40216.",
    "tokens per min: Limit 6000, Requested 12328",
  ])("B8 attributes a 429 that can never fit to the request: %j", (text) => {
    expect(read(message(text))).toMatchObject({
      reason: "INVALID_REQUEST",
      scope: "request",
      action: "no",
    });
  });

  it.each([
    "dns",
    "refused",
    "unreachable",
    "certificate",
    "tls",
    "denied",
    "connect",
    "closed",
    "protocol",
  ] as const)("B8 attributes the fault %s to the network", (fault) => {
    expect(classifyFault(fault)).toEqual({
      reason: "NETWORK",
      scope: "none",
      hint: null,
      action: "same-later",
      disables: false,
      evidence: `fault:${fault}`,
    });
  });

  it.each([
    ["timeout", "TIMEOUT", "same-later"],
    ["aborted", "ABORTED", "no"],
    ["empty", "EMPTY", "same-later"],
  ] as const)("B8 reads the fault %s as %s", (fault, reason, action) => {
    expect(classifyFault(fault)).toMatchObject({ reason, action, scope: "none" });
  });
});

describe("money", () => {
  it.each([400, 402, 403, 412, 429])("B9 reads a spent balance under %i as money", (status) => {
    expect(read(message("Insufficient balance", status))).toMatchObject({
      reason: "BILLING",
      scope: "credential",
      action: "other-credential",
      disables: false,
    });
  });

  it("B9 applies to the model that the response names", () => {
    expect(
      read({ ...message("exceeded budget for model=claude-x", 429), model: "claude-x" }).scope,
    ).toBe("model");
  });

  it("B9 attributes a gateway's own account to no key", () => {
    const raw = JSON.stringify({ error: { message: "insufficient balance" } });
    expect(
      read({ body: { error: { message: "Provider returned error", metadata: { raw } } } }),
    ).toMatchObject({
      reason: "BILLING",
      scope: "upstream",
      action: "no",
    });
  });

  it("B9 reads a usage window in a 402 as a limit of the account", () => {
    expect(read(message("weekly usage limit reached", 402))).toMatchObject({
      reason: "QUOTA_EXHAUSTED",
      scope: "credential",
    });
  });
});

describe("status", () => {
  it("B10 does not change for a 403 in the text of a 429", () => {
    expect(read(message("403 rate limit: too many requests"))).toMatchObject({
      reason: "RATE_LIMIT_EXCEEDED",
    });
  });

  it("B10 reads a numeric code inside a 200 as the status that could not be sent", () => {
    const body = { error: { code: 504, message: "idle" }, choices: [{ finish_reason: "error" }] };
    expect(read({ status: 200, inStream: true, body }).reason).toBe("TIMEOUT");
  });

  it("B10 uses evidence from the error of a failed response only", () => {
    const response = {
      error: { code: "server_error", message: "x" },
      instructions: "insufficient_quota",
      metadata: { code: "invalid_api_key" },
    };
    expect(
      read({ status: 200, inStream: true, body: { type: "response.failed", response } }).reason,
    ).toBe("SERVER_ERROR");
  });

  it("C4 marks a limit of 0 as one that no wait opens", () => {
    const verdict = read(
      message("Quota exceeded for metric: x, limit: 0. Please retry in 45s."),
      google,
    );
    expect(verdict).toMatchObject({ reason: "QUOTA_EXHAUSTED", noAccess: true });
  });
});

describe("what must not disable a credential", () => {
  it.each<[string, Said]>([
    ["a number that another API uses", { status: 400, body: { code: 1001, message: "no" } }],
    ["a 400 about a field of the request", message("Missing api_key in tools[0]", 400)],
    ["a limit of the key", { body: { error: { code: "api_key_limit_reached", message: "no" } } }],
    ["content", { status: 400, body: { error: { code: "banned_content", message: "no" } } }],
    ["a model that is off", message("Your organization has disabled the model gpt-6.", 403)],
    ["a block with its own end", message("Your account is blocked. Retry after 60 seconds.", 403)],
    ["a firewall", message("Your request was blocked.", 403)],
    [
      "a country",
      message("Country, region, or territory not supported for this organization", 403),
    ],
    ["a page", { status: 403, body: "<html><h1>Account suspended</h1></html>" }],
    ["a page that a relay wraps", message("<html><h1>403 Forbidden</h1></html>", 400)],
    ["a gateway's own limit", message("Error from provider (Console): Rate limit exceeded")],
  ])("B3 does not disable it after %s", (_, said) => {
    const verdict = read(said);
    expect(verdict.disables).toBe(false);
    expect([verdict.reason, verdict.scope]).not.toEqual(["FORBIDDEN", "credential"]);
  });

  it("B3 classifies a 403 with a wait of its own as a limit: two bare ones would disable", () => {
    expect(read({ status: 403, headers: { "retry-after": "60" }, body: {} })).toMatchObject({
      reason: "RATE_LIMIT_EXCEEDED",
      scope: "credential",
      hint: 60_000,
    });
  });

  it.each(["create", "token"] as const)("B3 does not disable the acquirer at %s", (endpoint) => {
    const said = message("Country, region, or territory not supported", 403);
    expect(read({ ...said, endpoint })).toMatchObject({ scope: "acquirer", disables: false });
    const page = { status: 403, body: "<html><h1>Attention Required!</h1></html>" };
    expect(read({ ...page, endpoint })).toMatchObject({ scope: "acquirer", disables: false });
  });
});

describe("codes that gateways reuse", () => {
  it.each([
    ["当前分组上游负载已饱和", "MODEL_CAPACITY_EXHAUSTED"],
    ["Your account has been suspended", "FORBIDDEN"],
    ["Free tier used up, resets at 08:00", "QUOTA_EXHAUSTED"],
    ["You exceeded your current quota, check your billing details", "BILLING"],
  ])("B3 reads insufficient_quota with %j as %s", (text, reason) => {
    const error = { message: text, code: "insufficient_quota" };
    expect(read({ status: reason === "FORBIDDEN" ? 403 : 429, body: { error } }).reason).toBe(
      reason,
    );
  });

  it.each([429, 403, 401])("B2 does not attribute api_error under %i to the server", (status) => {
    const error = { message: "no", type: "api_error" };
    expect(read({ status, body: { error } }).reason).not.toBe("SERVER_ERROR");
  });

  it.each(["authentication_error", "permission_error", "not_found_error"])(
    "B2 keeps a 429 of the type %s a limit",
    (type) => {
      const verdict = read({ body: { error: { type, message: "no" } } }, DIALECTS["anthropic"]);
      expect(verdict).toMatchObject({ reason: "RATE_LIMIT_EXCEEDED", disables: false });
    },
  );

  it("B2 classifies a gateway without a channel as a missing model, also under 503", () => {
    const error = { message: "No available channel for model x under group default" };
    expect(read({ status: 503, body: { error } })).toMatchObject({
      reason: "NOT_FOUND",
      scope: "model",
    });
  });
});

describe("hostile bodies", () => {
  const dialects = Object.values(DIALECTS);
  const status = fc.constantFrom(
    200,
    400,
    401,
    402,
    403,
    404,
    413,
    422,
    429,
    499,
    500,
    503,
    524,
    529,
    599,
  );
  const endpoint = fc.constantFrom("ai" as const, "create" as const, "token" as const);
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.string().map((text) => `<html><body>${text}`),
    fc.anything().map((value) => JSON.stringify({ error: value }) ?? ""),
    fc.json().map((json) => `data: ${json}\n\n`),
  );

  it("B2 gives every body a complete verdict", () => {
    fc.assert(
      fc.property(status, endpoint, body, fc.boolean(), (code, at, text, inStream) => {
        for (const dialect of dialects) {
          const verdict = read(
            { status: code, endpoint: at, body: text, inStream, model: "m" },
            dialect,
          );
          expect(
            verdict.reason && verdict.scope && verdict.action && verdict.evidence,
          ).toBeTruthy();
          expect(verdict.hint === null || verdict.hint > 0).toBe(true);
        }
      }),
      { seed: 11, numRuns: 1_500 },
    );
  });

  const KIB_64 = 65_536;
  it.each([
    ["brackets", "[".repeat(KIB_64)],
    ["angle brackets", "<html" + "<".repeat(KIB_64)],
    ["scripts", "<html>" + "<script>".repeat(KIB_64 / 8)],
    ["blanks", '{"message":"' + " ".repeat(KIB_64)],
    ["digits", JSON.stringify({ message: `retry after ${"1".repeat(KIB_64)}` })],
    ["waits", JSON.stringify({ message: "retry after ".repeat(5_000) })],
    ["models", JSON.stringify({ message: "model ".repeat(10_000) })],
    ["accounts", JSON.stringify({ message: "account ".repeat(8_000) })],
    ["credits", JSON.stringify({ message: "used all of your the any ".repeat(2_600) })],
    ["keys", JSON.stringify({ message: "api key ".repeat(8_000) })],
    ["URLs", JSON.stringify({ message: "https://".repeat(8_000) })],
    ["dates", JSON.stringify({ message: "2026-01-01 00:00 ".repeat(3_800) })],
    ["depth", '{"error":'.repeat(6_000) + "1" + "}".repeat(6_000)],
    ["strings in strings", nest(40)],
    [
      "names of errors",
      JSON.stringify({ message: `${"a".repeat(30_000)} ${"x.Error".repeat(4_000)}` }),
    ],
    ["JSON between words", "words {".repeat(9_000)],
    ["subscriptions", JSON.stringify({ message: "no active ".repeat(6_000) })],
    ["many codes", JSON.stringify(Array.from({ length: 3_000 }, (_, i) => ({ code: `c${i}` })))],
  ])("B2 reads 64 KiB of %s in bounded time", (_, text) => {
    const startedAt = performance.now();
    for (const dialect of dialects) read({ status: 403, body: text.slice(0, KIB_64) }, dialect);
    expect(performance.now() - startedAt).toBeLessThan(1_500);
  });
});

/** JSON in a string in JSON, as deep as fits into 64 KiB. */
function nest(levels: number): string {
  let text = '{"code":"quota_exhausted"}';
  for (let i = 0; i < levels && text.length < 30_000; i++) text = JSON.stringify({ message: text });
  return text;
}
