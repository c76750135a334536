/** Each reading with a text that looks alike and means something else. */
import { describe, expect, it } from "vitest";
import type { Verdict } from "../../src/contract/verdict.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { classify } from "../../src/refusals/classify.ts";
import { refusal, type Said } from "./refusal.ts";

function read(said: Said): Verdict {
  return classify(refusal(said), DIALECTS["openai"]!);
}
const says = (status: number, message: string): Said => ({
  status,
  body: { error: { message } },
});

describe.each<[string, Said, string, Said, string]>([
  [
    "money under a 5xx",
    says(500, "insufficient balance (1008)"),
    "BILLING",
    says(500, "The billing service did not answer."),
    "SERVER_ERROR",
  ],
  [
    "a prompt that is too long, under a 5xx",
    says(500, "This model's maximum context length is 8192 tokens."),
    "INVALID_REQUEST",
    says(500, "The context of the request was lost."),
    "SERVER_ERROR",
  ],
  [
    "a full worker",
    says(429, "ResourceExhausted: Worker local total request limit reached (33/32)"),
    "MODEL_CAPACITY_EXHAUSTED",
    says(429, "Request limit reached for your workers plan (33/32)"),
    "RATE_LIMIT_EXCEEDED",
  ],
  [
    "a full queue",
    says(429, "The request queue is full."),
    "MODEL_CAPACITY_EXHAUSTED",
    says(429, "Too many requests: queue full for IP 192.0.2.1."),
    "RATE_LIMIT_EXCEEDED",
  ],
  [
    "refused content",
    says(403, "Content violates usage guidelines."),
    "INVALID_REQUEST",
    says(403, "This key was disabled for violation of our terms."),
    "FORBIDDEN",
  ],
  [
    "a rate in Chinese",
    says(429, "请求频次过高,请稍后重试"),
    "RATE_LIMIT_EXCEEDED",
    says(400, "请求参数 frequency_penalty 不正确"),
    "INVALID_REQUEST",
  ],
  [
    "money in Chinese",
    says(403, "账户资金不足,请先付款"),
    "BILLING",
    says(400, "账户参数不能为空"),
    "INVALID_REQUEST",
  ],
  [
    "a quota in Chinese",
    says(429, "您的模型用量已达上限"),
    "QUOTA_EXHAUSTED",
    says(400, "max_tokens 超出上限"),
    "INVALID_REQUEST",
  ],
  [
    "load in Chinese",
    says(429, "当前服务压力较大,排队人数过多"),
    "MODEL_CAPACITY_EXHAUSTED",
    says(429, "您的并发数过大"),
    "RATE_LIMIT_EXCEEDED",
  ],
  [
    "a refused key in Chinese",
    says(401, "无效的密钥"),
    "UNAUTHENTICATED",
    says(400, "密钥参数格式错误"),
    "INVALID_REQUEST",
  ],
  [
    "a part of an edge's page",
    { status: 400, body: "<div>Sorry, you have been blocked</div>" },
    "FORBIDDEN",
    { status: 400, body: "<div>Please correct the form</div>" },
    "INVALID_REQUEST",
  ],
  [
    "a status that nothing explains",
    { status: 421, body: "Misdirected Request" },
    "UNKNOWN",
    { status: 422, body: "Unprocessable" },
    "INVALID_REQUEST",
  ],
])("B2 B3 %s", (_name, one, reason, twin, other) => {
  it(`is read as ${reason}, its twin as ${other}`, () => {
    expect([read(one).reason, read(twin).reason]).toEqual([reason, other]);
  });
});

describe("what is closed", () => {
  it.each([403, 418, 421, 425, 449, 498, 499])(
    "E5 B2 nothing for a bare %i without words",
    (status) => {
      const { reason, scope, disables } = read({ status, body: "?" });
      const isOwn = ["UNKNOWN", "INVALID_REQUEST"].includes(reason) && scope !== "credential";
      expect([isOwn || reason === "FORBIDDEN", disables]).toEqual([true, false]);
    },
  );

  it("B9 one model where the money is about its bidders", () => {
    expect(read(says(402, "No bidders accept this model at your price."))).toMatchObject({
      reason: "BILLING",
      scope: "model",
    });
    expect(read(says(402, "Insufficient credits."))).toMatchObject({ scope: "credential" });
  });

  it("B10 nothing for an error inside a 200 that is not understood: it is tried again once", () => {
    expect(read({ status: 200, inStream: true, body: { error: { message: "hm" } } })).toMatchObject(
      {
        reason: "UNKNOWN",
        scope: "none",
        action: "same-later",
      },
    );
  });
});

describe("waits in Chinese", () => {
  it.each([
    ["请在30秒后重试", 30_000],
    ["请等待 2 分钟后再试", 120_000],
    ["剩余时间: 45秒", 45_000],
    ["每 60 秒最多 10 次请求", null],
  ])("C3 %j", (message, hint) => {
    expect(read(says(429, `请求过快。${message}`)).hint).toBe(hint);
  });
});
