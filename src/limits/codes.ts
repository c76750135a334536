/** What explicit codes mean: tables first, then the words a code is made of. */
import type { CodeMeaning, Dialect } from "../contract/dialect.ts";
import { anthropic } from "../dialects/anthropic.ts";
import { google } from "../dialects/google.ts";
import { openai } from "../dialects/openai.ts";
import { meaning } from "../dialects/shared/codes.ts";
import { plainWords } from "./words.ts";

/** Codes that one API alone uses, so that they mean the same behind every dialect. */
const VENDORS: Readonly<Record<string, CodeMeaning>> = {
  ...meaning(
    "exceeded_current_quota_error insufficient_user_quota pre_consume_token_quota_failed 1113",
    {
      reason: "BILLING",
    },
  ),
  ...meaning("in_flight_budget_exhausted openrouter_in_flight_budget", {
    reason: "RATE_LIMIT_EXCEEDED",
    scope: "credential",
  }),
  ...meaning("openrouter_shared_capacity upstream_provider_shared_pool", {
    reason: "RATE_LIMIT_EXCEEDED",
    scope: "upstream",
  }),
  ...meaning("user_global_rate_limited", { reason: "RATE_LIMIT_EXCEEDED", scope: "credential" }),
  ...meaning("1302", { reason: "RATE_LIMIT_EXCEEDED", scope: "credential" }),
  ...meaning("queue_exceeded 1305 3505", { reason: "MODEL_CAPACITY_EXHAUSTED" }),
  ...meaning("token_quota_exceeded", { reason: "RATE_LIMIT_EXCEEDED" }),
  ...meaning("1308", { reason: "QUOTA_EXHAUSTED", scope: "credential" }),
  ...meaning("allocationquota.freetieronly", { reason: "QUOTA_EXHAUSTED", scope: "model" }),
  ...meaning("monthly_request_count", { reason: "QUOTA_EXHAUSTED", scope: "credential" }),
};

/** Words of a code that no table has, in order. */
const CODE_WORDS: readonly [RegExp, CodeMeaning][] = [
  [
    /\b(?:balance|billing|arrear\w*|overdue|payment|credits?|spend\w*)\b|\binsufficient (?:user )?quota\b/,
    { reason: "BILLING" },
  ],
  [
    /\b(?:overload\w*|capacity|busy|model not ready|service unavailable)\b/,
    { reason: "MODEL_CAPACITY_EXHAUSTED" },
  ],
  [
    /\b(?:per|by) (?:day|week|month)\b|\b(?:daily|weekly|monthly|day|month)\b.*\b(?:limit|quota|count|exceeded)\b/,
    { reason: "QUOTA_EXHAUSTED" },
  ],
  [/\bper (?:minute|second)\b|\b(?:rpm|tpm|qps)\b/, { reason: "RATE_LIMIT_EXCEEDED" }],
  [
    /\brate ?limit|\bthrottl|\btoo many\b|\bconcurren|\blimit requests\b|\brequest limit\b/,
    { reason: "RATE_LIMIT_EXCEEDED", vague: true },
  ],
  [/\bquota\b|\busage limit\b/, { reason: "QUOTA_EXHAUSTED" }],
  [/\b(?:api ?key|access ?key)\b/, { reason: "UNAUTHENTICATED", disables: true }],
  [
    /\b(?:expired token|token expired|unauthori[sz]ed|unauthenticated|authentication|unrecognized client|invalid token)\b/,
    { reason: "UNAUTHENTICATED", vague: true },
  ],
  [/\b(?:suspended|deactivated|banned)\b/, { reason: "FORBIDDEN", disables: true }],
  [/\b(?:access denied|permission|forbidden)\b/, { reason: "FORBIDDEN", vague: true }],
  [
    /\bmodel\b.*\bnot\b.*\b(?:found|exists?|supported|available)\b|\b(?:unknown|invalid) model\b|\bdeployment not found\b/,
    { reason: "NOT_FOUND" },
  ],
  [
    /\b(?:context length|content filter|policy violation|too large|too long)\b/,
    { reason: "INVALID_REQUEST" },
  ],
  [
    /\b(?:invalid|validation|bad request|unsupported)\b/,
    { reason: "INVALID_REQUEST", vague: true },
  ],
  [/\b(?:timeout|timed out|deadline)\b/, { reason: "TIMEOUT" }],
  [
    /\b(?:internal|server error|bad gateway|upstream error)\b/,
    { reason: "SERVER_ERROR", vague: true },
  ],
];

const EVERYWHERE: Readonly<Record<string, CodeMeaning>> = {
  ...google.codes,
  ...anthropic.codes,
  ...openai.codes,
  ...VENDORS,
};

/** Finds what a code means: the dialect's own table, everybody's, then its words. */
export function meaningOfCode(code: string, dialect: Dialect): CodeMeaning | undefined {
  for (const form of formsOf(code)) {
    const known = own(dialect.codes, form) ?? own(EVERYWHERE, form);
    if (known) return known;
  }
  const words = plainWords(code.replace(/[.:/#]/g, " "));
  return CODE_WORDS.find(([pattern]) => pattern.test(words))?.[1];
}

/** AWS puts a namespace before `#` and a URL after `:`; Copilot a plan after `:`. */
function formsOf(code: string): string[] {
  const whole = code.toLowerCase();
  const name = whole.slice(whole.lastIndexOf("#") + 1);
  return [whole, name, name.split(":", 1)[0]!];
}

function own(table: Readonly<Record<string, CodeMeaning>>, code: string): CodeMeaning | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}
