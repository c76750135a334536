/** The scope of a refusal, and what may be tried next. */
import type { Action, RefusingEndpoint, Reason, Refusal, Scope } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";
import { plainWords } from "./phrases.ts";
import { REASONS } from "../shared/reasons.ts";
import { BEHIND } from "./message-words.ts";

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
  if (isLimit(reason)) return scopeOfLimit(refusal, reading);
  return reason === "BILLING" ? scopeOfMoney(refusal, reading) : REASONS[reason].scope;
}

/** A gateway's own limit belongs to no key; otherwise it is the model's, unless the whole account is named. */
function scopeOfLimit(refusal: Refusal, reading: BodyReading): Scope {
  if (reading.relayed || BEHIND.test(plainWords(reading.text))) return "upstream";
  return isWholeAccount(refusal, reading) ? "credential" : "model";
}

/** Money belongs to the account, except for a gateway's own account, a model that costs extra, or a model that is named. */
function scopeOfMoney(refusal: Refusal, reading: BodyReading): Scope {
  if (reading.relayed) return "upstream";
  const words = plainWords(reading.text);
  const isOfModel =
    /\blong context\b|\bbid(?:s|ders?|ding)?\b|\b(?:for|of) (?:this|that|the requested) model\b/;
  return isOfModel.test(words) || namesAsked(refusal.model, reading.text) ? "model" : "credential";
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
export function namesAsked(model: string | undefined, text: string): boolean {
  if (!model) return false;
  const name = lettersOf(model.split("/").pop()!.split(":", 1)[0]!);
  return name.length > 2 && lettersOf(text).includes(name);
}

/** `GPT-6 Astra` is `gpt-6-astra`. */
function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[\s._-]+/g, "");
}

/** Returns what the request may try next after a verdict. */
export function actionOf(
  reason: Reason,
  scope: Scope,
  disables: boolean,
  endpoint: RefusingEndpoint,
): Action {
  const { action } = REASONS[reason];
  if (action === "same-later") return action;
  if (reason === "CREATE_LIMITED") return "no";
  if (scope === "acquirer") return endpoint === "token" && !disables ? "same-later" : "no";
  if (action === "refresh-then-same") {
    if (endpoint !== "ai") return "no";
    return disables ? "other-credential" : action;
  }
  if (scope === "upstream") return isLimit(reason) ? "same-later" : "no";
  return scope === "request" ? "no" : action;
}

/** True for a limit of the AI API that ends with a window; not for a limit on creating tokens. */
export function isLimit(reason: Reason): boolean {
  return REASONS[reason].windowed && reason !== "CREATE_LIMITED";
}
