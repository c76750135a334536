/** The order of evidence (B2), and its corrections (B3). */
import type { CodeMeaning, Dialect } from "../contract/dialect.ts";
import type { Reason } from "../contract/verdict.ts";
import { findTokenRefusal } from "./token-refusals.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";
import { findInPage } from "./proxy-pages.ts";
import { isLimit, namesAsked } from "./scopes.ts";
import { findByStatus, findFailedServer, saysEnough } from "./statuses.ts";
import {
  ACCOUNT,
  AFTER_LIMITS,
  BEFORE_LIMITS,
  HIGH_DEMAND,
  LONG_WINDOW,
  MONEY,
  NEVER_FITS,
  NO_CHANNEL,
  OUTRIGHT,
  QUOTA,
  RATE,
  USED_UP,
  WINDOW,
  type WordRule,
} from "./message-words.ts";

/** The meaning of a limit at the endpoints that create and refresh tokens. */
const LIMIT_OF: Readonly<Record<"create" | "token", CodeMeaning>> = {
  create: { reason: "CREATE_LIMITED" },
  token: { reason: "RATE_LIMIT_EXCEEDED", scope: "acquirer" },
};

const NO_MODEL_NAMED: Finding = {
  is: { reason: "NOT_FOUND", scope: "request" },
  evidence: "status:404",
};

const TOLD_TO_WAIT: CodeMeaning = { reason: "RATE_LIMIT_EXCEEDED", scope: "credential" };

/** Finds the meaning of a refusal: kinds of evidence in the order of row B2, the first match decides. */
export function findMeaning(open: RefusalCase, dialect: Dialect): Finding {
  return (
    findTokenRefusal(open) ??
    findNeverFits(open) ??
    findUsedUp(open) ??
    findByDialect(open, dialect) ??
    findByCode(open, (is) => !is.weak) ??
    findInPage(open) ??
    findFailedServer(open) ??
    findByWords(open) ??
    findByCode(open, (is) => is.weak === true && fits(is.reason, open.status)) ??
    findByStatus(open) ??
    findByCode(open, () => true) ?? {
      is: { reason: "UNKNOWN", scope: "none" },
      evidence: "none",
    }
  );
}

/** `Limit 6000, Requested 12328`: neither a wait nor another credential of the tier makes the request fit (B8). */
function findNeverFits(open: RefusalCase): Finding | undefined {
  const [, limit, requested] =
    /\blimit:? (\d{1,12}),? (?:used:? \d{1,12},? )?requested:? ~?(\d{1,12})/.exec(open.words) ?? [];
  const over = limit !== undefined && Number(requested) > Number(limit) && Number(limit) > 0;
  return over
    ? { is: NEVER_FITS.is, evidence: "words:limit<requested" }
    : findByRules(open, [NEVER_FITS, NO_CHANNEL]);
}

/** The code of every 429 names a quota or a rate; only the words say that this token's quota is never renewed (B7). */
function findUsedUp(open: RefusalCase): Finding | undefined {
  return open.status === 429 ? findByRules(open, [USED_UP]) : undefined;
}

function findByDialect(open: RefusalCase, dialect: Dialect): Finding | undefined {
  const is = dialect.judge?.(open.refusal);
  return is && { is, evidence: `dialect:${dialect.name}` };
}

function findByCode(open: RefusalCase, wanted: (is: CodeMeaning) => boolean): Finding | undefined {
  const found = open.codes.find(({ is }) => wanted(is));
  return found && { is: found.is, evidence: `code:${found.code}` };
}

function findByWords(open: RefusalCase): Finding | undefined {
  return (
    findByRules(open, BEFORE_LIMITS) ?? findLimitInWords(open) ?? findByRules(open, AFTER_LIMITS)
  );
}

/** An ambiguous code must fit the status: a 429 of the type `api_error` is neither a server failure nor a wrong key. */
function fits(reason: Reason, status: number): boolean {
  if (status === 429) return isLimit(reason);
  return reason !== "INVALID_REQUEST" && (reason !== "SERVER_ERROR" || !saysEnough(status));
}

function findByRules(open: RefusalCase, rules: readonly WordRule[]): Finding | undefined {
  const rule = rules.find((rule) => holds(rule, open.status) && rule.words.test(open.words));
  return rule && { is: rule.is, evidence: `words:${rule.name}` };
}

function holds(rule: WordRule, status: number): boolean {
  return rule.statuses?.includes(status) ?? true;
}

function findLimitInWords(open: RefusalCase): Finding | undefined {
  const { words, status } = open;
  if (status === 413) return undefined;
  if (![0, 402, 429].includes(status) && !OUTRIGHT.test(words)) return undefined;
  const rate = RATE.test(words);
  const long = LONG_WINDOW.test(words);
  if (rate && !long) return { is: { reason: "RATE_LIMIT_EXCEEDED" }, evidence: "words:rate" };
  if (rate && statesOwnWait(open))
    return { is: { reason: "RATE_LIMIT_EXCEEDED" }, evidence: "words:rate" };
  return long || QUOTA.test(words)
    ? { is: { reason: "QUOTA_EXHAUSTED" }, evidence: "words:quota" }
    : undefined;
}

/** A message that names a day or a month means a quota, also with a rate code, unless the response states its own wait (B3). */
export function narrow(open: RefusalCase, found: Finding): Finding {
  if (open.refusal.endpoint !== "ai" && isLimit(found.is.reason)) {
    return { is: LIMIT_OF[open.refusal.endpoint], evidence: found.evidence };
  }
  // A credential with a stated time to retry is not permanently refused.
  if (found.is.reason === "FORBIDDEN" && !found.is.scope && statesOwnWait(open))
    return { ...found, is: TOLD_TO_WAIT };
  if (found.is.reason === "NOT_FOUND") return namesItsModel(open, found) ? found : NO_MODEL_NAMED;
  if (found.is.reason === "BILLING") return reconsider(open) ?? found;
  if (found.is.reason !== "RATE_LIMIT_EXCEEDED" || found.is.scope === "upstream") return found;
  const inCode = open.codes.find(
    ({ code, is }) => is.reason === "QUOTA_EXHAUSTED" && /day|month|week/i.test(code),
  );
  if (inCode) return { is: inCode.is, evidence: `code:${inCode.code}` };
  if (open.refusal.endpoint !== "ai" || !LONG_WINDOW.test(open.words) || statesOwnWait(open))
    return found;
  const { scope: _, ...is } = found.is;
  return { is: { ...is, reason: "QUOTA_EXHAUSTED" }, evidence: `${found.evidence}+long-window` };
}

/** At an auxiliary operation, a 404 without a model is about a path, an endpoint or an id: it says nothing of the credential (E8). */
function namesItsModel(
  { refusal, reading, words }: RefusalCase,
  { is, evidence }: Finding,
): boolean {
  if (!refusal.isAuxiliary || is.scope || !/^(?:status:|code:not_?found)/i.test(evidence))
    return true;
  const says = /\b(?:models?|deployments?|engines?)\b|模型/.test(words) || reading.namesModel;
  return says || namesAsked(refusal.model, reading.text);
}

/** Gateways reuse codes about money for load, limits and closed accounts: a more precise message has priority. */
function reconsider(open: RefusalCase): Finding | undefined {
  const { words } = open;
  if (MONEY.words.test(words)) return findByRules(open, [HIGH_DEMAND]);
  const other = findByRules(open, [HIGH_DEMAND, ACCOUNT]);
  if (other) return other;
  if (WINDOW.test(words)) return { is: { reason: "QUOTA_EXHAUSTED" }, evidence: "words:window" };
  return open.status === 429 && RATE.test(words) && !QUOTA.test(words)
    ? { is: { reason: "RATE_LIMIT_EXCEEDED" }, evidence: "words:rate" }
    : undefined;
}

function statesOwnWait(open: RefusalCase): boolean {
  return open.hint !== undefined && !open.hint.window;
}
