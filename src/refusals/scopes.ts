/** The scope of a refusal, and what may be tried next. */
import type { Action, RefusingEndpoint, Reason, Refusal, Scope } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";
import { plainWords } from "./phrases.ts";
import { BEHIND } from "./message-words.ts";

const USUAL: Readonly<Record<Reason, Scope>> = {
  QUOTA_EXHAUSTED: "model",
  RATE_LIMIT_EXCEEDED: "model",
  MODEL_CAPACITY_EXHAUSTED: "upstream-model",
  SERVER_ERROR: "none",
  UNKNOWN: "model",
  TOKEN_EXHAUSTED: "credential",
  CREATE_LIMITED: "acquirer",
  UNAUTHENTICATED: "credential",
  FORBIDDEN: "credential",
  BILLING: "credential",
  INVALID_REQUEST: "request",
  NOT_FOUND: "model",
  TIMEOUT: "none",
  NETWORK: "none",
  ABORTED: "none",
  EMPTY: "none",
};

/** Reasons that end with a window. */
export const LIMITS: readonly Reason[] = ["QUOTA_EXHAUSTED", "RATE_LIMIT_EXCEEDED"];
const OTHERS: readonly Reason[] = [
  ...LIMITS,
  "UNKNOWN",
  "TOKEN_EXHAUSTED",
  "FORBIDDEN",
  "BILLING",
  "NOT_FOUND",
];
const LATER: readonly Reason[] = [
  "MODEL_CAPACITY_EXHAUSTED",
  "SERVER_ERROR",
  "TIMEOUT",
  "NETWORK",
  "EMPTY",
];

/** With these statuses a limit belongs to the account or the key, not to the model. */
const ACCOUNT_STATUSES = [401, 402];
const NAMES_MODEL =
  /\b(?:this|that|the|base|for|per|by|each|and) (?:\w+ )?model\b|\bmodel:? [a-z][\w./]* ?\d|\bmodel ?[:=]|\bmodel specific\b|\bendpoint\b|模型/;
const WHOLE_ACCOUNT = new RegExp(
  [
    "\\b(?:your|this|the) (?:account|user|subscription|team|workspace)\\b",
    "\\bfor (?:organi[sz]ation|account)\\b|\\borgani[sz]ation (?:max|level|wide|rate limit)\\b",
    "\\b(?:individual|account|user|global|session) (?:level )?(?:quota|limits?)\\b|\\btrial key\\b",
    "\\bper (?:user|account|organi[sz]ation)\\b|\\bfree models per\\b",
    "\\b(?:usage|weekly|monthly) limits?\\b|\\bweekly\\/monthly\\b",
    "\\bapi requests?\\b|\\b(?:token|coding) plan\\b|\\bcopilot\\b|\\bfree allocation\\b",
    "账[户号]|用户|您已达到|套餐",
  ].join("|"),
);

/** Returns the scope of a limit or of missing money: the narrowest that the response allows (decision 9). */
export function scopeOf(reason: Reason, refusal: Refusal, reading: BodyReading): Scope {
  if (LIMITS.includes(reason)) return scopeOfLimit(refusal, reading);
  return reason === "BILLING" ? scopeOfMoney(refusal, reading) : USUAL[reason];
}

/** A gateway's own limit belongs to no key; otherwise it is the model's, unless the whole account is named. */
function scopeOfLimit(refusal: Refusal, reading: BodyReading): Scope {
  if (reading.relayed || BEHIND.test(plainWords(reading.text))) return "upstream";
  return isWholeAccount(refusal, reading) ? "credential" : "model";
}

/** Money belongs to the account, except for a gateway's own account, a model that costs extra, or a model that is named. */
function scopeOfMoney(refusal: Refusal, reading: BodyReading): Scope {
  if (reading.relayed) return "upstream";
  return /\blong context\b/i.test(reading.text) || namesAsked(refusal.model, reading.text)
    ? "model"
    : "credential";
}

function isWholeAccount(refusal: Refusal, reading: BodyReading): boolean {
  if (reading.namesModel || namesAsked(refusal.model, reading.text)) return false;
  const words = plainWords(`${reading.text}\n${reading.codes.join("\n")}`);
  return (
    ACCOUNT_STATUSES.includes(refusal.status) ||
    (WHOLE_ACCOUNT.test(words) && !NAMES_MODEL.test(words))
  );
}

/** True when the requested model is named in the text, completely or without its owner and its suffix. */
function namesAsked(model: string | undefined, text: string): boolean {
  if (!model) return false;
  const name = lettersOf(model.split("/").pop()!.split(":", 1)[0]!);
  return name.length > 2 && lettersOf(text).includes(name);
}

/** `GPT-6 Astra` is `gpt-6-astra`. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[\s._-]+/g, "");
}

/** Returns what may be tried next after a verdict. */
export function actionOf(
  reason: Reason,
  scope: Scope,
  disables: boolean,
  endpoint: RefusingEndpoint,
): Action {
  if (LATER.includes(reason)) return "same-later";
  if (reason === "CREATE_LIMITED") return "no";
  if (scope === "acquirer") return endpoint === "token" && !disables ? "same-later" : "no";
  if (reason === "UNAUTHENTICATED") {
    if (endpoint !== "ai") return "no";
    return disables ? "other-credential" : "refresh-then-same";
  }
  if (scope === "upstream") return LIMITS.includes(reason) ? "same-later" : "no";
  return OTHERS.includes(reason) && scope !== "request" ? "other-credential" : "no";
}
