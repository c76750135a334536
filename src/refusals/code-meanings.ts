/** The meaning of explicit error codes: tables first, then the words that a code consists of. */
import type { CodeMeaning, Dialect } from "../contract/dialect.ts";
import { anthropic } from "../dialects/anthropic.ts";
import { google } from "../dialects/google.ts";
import { openai } from "../dialects/openai.ts";
import { meaning } from "../dialects/shared/code-table.ts";
import { plainWords } from "./phrases.ts";

/** Codes that only one API uses, so that they mean the same in every dialect. Numbers: Z.ai, Mistral, SiliconFlow, Workers AI, MiniMax. */
const VENDORS: Readonly<Record<string, CodeMeaning>> = {
  ...meaning(`exceeded_current_quota_error openrouter_key_limit 1113 1309 30001 base_resp:1008`, {
    reason: "BILLING",
  }),
  ...meaning(
    "in_flight_budget_exhausted openrouter_in_flight_budget user_global_rate_limited 1302 1303 1313",
    {
      reason: "RATE_LIMIT_EXCEEDED",
      scope: "credential",
    },
  ),
  ...meaning("openrouter_shared_capacity upstream_provider_shared_pool", {
    reason: "RATE_LIMIT_EXCEEDED",
    scope: "upstream",
  }),
  ...meaning(
    `token_quota_exceeded request_quota_exceeded throttling.allocationquota throttling.ratequota
    base_resp:1002 base_resp:1039 base_resp:1041`,
    { reason: "RATE_LIMIT_EXCEEDED" },
  ),
  ...meaning("queue_exceeded nocapacity 1305 1312 3040 3505 50505", {
    reason: "MODEL_CAPACITY_EXHAUSTED",
  }),
  ...meaning("monthly_request_count 1304 1308 1310 3036 base_resp:2056", {
    reason: "QUOTA_EXHAUSTED",
    scope: "credential",
  }),
  ...meaning("allocationquota.freetieronly limitexceededexception setlimitexceeded", {
    reason: "QUOTA_EXHAUSTED",
    scope: "model",
  }),
  ...meaning("1000 1001 1002 1004 base_resp:2049", { reason: "UNAUTHENTICATED", disables: true }),
  ...meaning("1003 base_resp:1004", { reason: "UNAUTHENTICATED" }),
  ...meaning(
    "1110 1111 1112 1121 3023 temporarily_suspended usage_not_included tos_violation oauth_not_allowed_for_organization",
    {
      reason: "FORBIDDEN",
      disables: true,
    },
  ),
  ...meaning("1220 1311 3041 5016 5018 base_resp:2061", { reason: "FORBIDDEN", scope: "model" }),
  ...meaning("1211 20012 40301 3042 5007 modelnotopen", { reason: "NOT_FOUND" }),
  ...meaning(
    "1210 1212 1213 1214 1215 1231 1261 1301 base_resp:1026 base_resp:1027 base_resp:2013 content_length_exceeds_threshold",
    {
      reason: "INVALID_REQUEST",
    },
  ),
  ...meaning("base_resp:1001", { reason: "TIMEOUT" }),
  ...meaning("base_resp:1000 base_resp:1013 base_resp:1024 base_resp:1033", {
    reason: "SERVER_ERROR",
    weak: true,
  }),
};

/** Words inside codes that no table contains, in order of priority. */
const CODE_WORDS: readonly [RegExp, CodeMeaning][] = [
  [
    /\b(?:balance|billing|arrear\w*|overdue|payment|credits?|spend\w*|budget)\b|\binsufficient (?:user )?quota\b|\bconsume (?:token )?quota\b/,
    { reason: "BILLING" },
  ],
  [
    /\b(?:overload\w*|capacity|busy|not ready|service unavailable)\b/,
    { reason: "MODEL_CAPACITY_EXHAUSTED" },
  ],
  [
    /\b(?:per|by) (?:day|week|month)\b|\b(?:daily|weekly|monthly|day|month)\b.*\b(?:limit|quota|count|exceeded)\b/,
    { reason: "QUOTA_EXHAUSTED" },
  ],
  [/\bper (?:minute|second)\b|\b(?:rpm|tpm|qps)\b/, { reason: "RATE_LIMIT_EXCEEDED" }],
  [
    /\brate ?limit|\bthrottl|\btoo many\b|\bconcurren|\blimit requests\b|\brequest limit\b/,
    { reason: "RATE_LIMIT_EXCEEDED", weak: true },
  ],
  [/\bquota\b|\busage limit\b/, { reason: "QUOTA_EXHAUSTED" }],
  [
    /\b(?:invalid|incorrect|wrong|missing|unknown|expired|revoked|no|bad)\b.*\b(?:api|access) ?key\b|\b(?:api|access) ?key\b.*\b(?:invalid|incorrect|missing|unknown|expired|revoked|not|required|error)\b/,
    { reason: "UNAUTHENTICATED", disables: true },
  ],
  [
    /\b(?:expired token|token expired|unauthori[sz]ed|unauthenticated|authentication|unrecognized client|invalid token)\b/,
    { reason: "UNAUTHENTICATED", weak: true },
  ],
  [
    /\b(?:account|user|org\w*|team|key)\b.*\b(?:suspended|deactivated|banned|disabled)\b|^(?:suspended|deactivated|banned)$/,
    { reason: "FORBIDDEN", disables: true },
  ],
  [
    /\bmodel\b.*\b(?:permission|blocked)\b|\bdenied unpurchased\b/,
    { reason: "FORBIDDEN", scope: "model" },
  ],
  [
    /\baccess denied\b|\bpermissions?\b|^(?:request )?forbidden$/,
    { reason: "FORBIDDEN", weak: true },
  ],
  [
    /\bmodel\b.*\bnot\b.*\b(?:found|exists?|supported|available)\b|\b(?:unknown|invalid|unavailable|unsupported) model\b|\bdeployment not found\b/,
    { reason: "NOT_FOUND" },
  ],
  [
    /\b(?:context length|content filter|policy violation|too large|too long|inspection failed|sensitive (?:words?|content))\b/,
    { reason: "INVALID_REQUEST" },
  ],
  [/\b(?:invalid|validation|bad request|unsupported)\b/, { reason: "INVALID_REQUEST", weak: true }],
  [/\b(?:time ?out|timed out|deadline)\b/, { reason: "TIMEOUT" }],
  [
    /\b(?:internal|server error|bad gateway|upstream error)\b/,
    { reason: "SERVER_ERROR", weak: true },
  ],
];

const EVERYWHERE: Readonly<Record<string, CodeMeaning>> = {
  ...google.codes,
  ...anthropic.codes,
  ...openai.codes,
  ...VENDORS,
};

/** Finds the meaning of a code: the dialect's own table, the common table, then its words. */
export function meaningOfCode(code: string, dialect: Dialect): CodeMeaning | undefined {
  for (const form of formsOf(code)) {
    const known = own(dialect.codes, form) ?? own(EVERYWHERE, form);
    if (known) return known;
  }
  const words = plainWords(code.replace(/[.:/#]/g, " "));
  return CODE_WORDS.find(([pattern]) => pattern.test(words))?.[1];
}

/** AWS adds a namespace before `#` and a URL after `:`; Copilot adds a plan after `:`. */
function formsOf(code: string): string[] {
  const whole = code.toLowerCase();
  const name = whole.slice(whole.lastIndexOf("#") + 1);
  return [whole, name, name.split(":", 1)[0]!];
}

function own(table: Readonly<Record<string, CodeMeaning>>, code: string): CodeMeaning | undefined {
  return Object.hasOwn(table, code) ? table[code] : undefined;
}
