/** From a refusal to a verdict: pieces of evidence in the order of row B2, the first that speaks decides. */
import type { CodeMeaning, Dialect } from "../contract/dialect.ts";
import type { TransportFault } from "../contract/transport.ts";
import type { Reason, Refusal, Verdict } from "../contract/verdict.ts";
import { findAtAcquirer } from "./acquirer.ts";
import { readBody, type Reading } from "./body.ts";
import { meaningOfCode } from "./codes.ts";
import { findHint, type Hint } from "./hints.ts";
import { findInPage } from "./pages.ts";
import { actionOf, scopeOf } from "./scopes.ts";
import { findByStatus, findFailedServer } from "./statuses.ts";
import {
  AFTER_LIMITS,
  BEFORE_LIMITS,
  HIGH_DEMAND,
  LONG_WINDOW,
  NEVER_FITS,
  OUTRIGHT,
  plainWords,
  QUOTA,
  RATE,
  type WordRule,
} from "./words.ts";

/** A meaning and the evidence for it. */
export interface Finding {
  is: CodeMeaning;
  evidence: string;
}

/** All that is known of one refusal while it is judged. */
export interface Case {
  refusal: Refusal;
  reading: Reading;
  /** The HTTP status, or the one that an error inside a 200 carries; 0 where there is none. */
  status: number;
  /** The messages, as `plainWords` gives them. */
  words: string;
  codes: { code: string; is: CodeMeaning }[];
  hint: Hint | undefined;
}

/**
 * Reads what an upstream's refusal means. Pure; never throws, whatever the body is.
 *
 * @example
 * judge({ status: 429, header: () => undefined, body: "", endpoint: "ai", inStream: false, receivedAt }, openai).reason;
 */
export function judge(refusal: Refusal, dialect: Dialect): Verdict {
  const open = openCase(refusal, dialect);
  const found = narrow(open, find(open, dialect));
  return toVerdict(open, found);
}

/** Returns the verdict on a call that brought no whole answer. */
export function judgeFault(fault: TransportFault | "timeout" | "aborted" | "empty"): Verdict {
  const reasons: Partial<Record<string, Reason>> = {
    timeout: "TIMEOUT",
    aborted: "ABORTED",
    empty: "EMPTY",
  };
  const reason = reasons[fault] ?? "NETWORK";
  return {
    reason,
    scope: "none",
    hint: null,
    action: actionOf(reason, "none", false, "ai"),
    disables: false,
    evidence: `fault:${fault}`,
  };
}

function openCase(refusal: Refusal, dialect: Dialect): Case {
  const reading = readBody(refusal.body);
  const inside = refusal.inStream || refusal.status < 300;
  const awsType = refusal.header("x-amzn-errortype");
  const codes = [...(awsType ? [awsType] : []), ...reading.codes].flatMap((code) => {
    const is = meaningOfCode(code, dialect);
    return is ? [{ code, is }] : [];
  });
  return {
    refusal,
    reading,
    status: inside ? (reading.status ?? 0) : refusal.status,
    words: plainWords(reading.text),
    codes,
    hint: findHint(refusal, reading),
  };
}

function find(open: Case, dialect: Dialect): Finding {
  return (
    findAtAcquirer(open) ??
    findNeverFits(open) ??
    findByDialect(open, dialect) ??
    findByCode(open, (is) => !is.vague) ??
    findInPage(open) ??
    findFailedServer(open) ??
    findByWords(open) ??
    findByCode(open, (is) => is.vague === true && is.reason !== "INVALID_REQUEST") ??
    findByStatus(open) ??
    findByCode(open, () => true) ?? { is: { reason: "UNKNOWN" }, evidence: "none" }
  );
}

/** `Limit 6000, Requested 12328`: no wait and no other credential of that tier makes it fit (B8). */
function findNeverFits(open: Case): Finding | undefined {
  const [, limit, requested] =
    /\blimit:? (\d{1,12}),? requested:? (\d{1,12})/.exec(open.words) ?? [];
  const over = limit !== undefined && Number(requested) > Number(limit) && Number(limit) > 0;
  return over
    ? { is: NEVER_FITS.is, evidence: "words:limit<requested" }
    : findByRules(open, [NEVER_FITS]);
}

function findByDialect(open: Case, dialect: Dialect): Finding | undefined {
  const is = dialect.judge?.(open.refusal);
  return is && { is, evidence: `dialect:${dialect.name}` };
}

function findByCode(open: Case, wanted: (is: CodeMeaning) => boolean): Finding | undefined {
  const found = open.codes.find(({ is }) => wanted(is));
  return found && { is: found.is, evidence: `code:${found.code}` };
}

function findByWords(open: Case): Finding | undefined {
  return (
    findByRules(open, BEFORE_LIMITS) ?? findLimitInWords(open) ?? findByRules(open, AFTER_LIMITS)
  );
}

function findByRules(open: Case, rules: readonly WordRule[]): Finding | undefined {
  const rule = rules.find((rule) => holds(rule, open.status) && rule.words.test(open.words));
  return rule && { is: rule.is, evidence: `words:${rule.name}` };
}

function holds(rule: WordRule, status: number): boolean {
  return rule.statuses?.includes(status) ?? true;
}

function findLimitInWords(open: Case): Finding | undefined {
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

/** A day or a month named is a quota, also under a rate code, unless the answer states its own wait (B3). */
function narrow(open: Case, found: Finding): Finding {
  if (open.refusal.endpoint !== "ai" && LIMITED.includes(found.is.reason)) {
    return { is: LIMIT_OF[open.refusal.endpoint], evidence: found.evidence };
  }
  // Gateways reuse codes of money for "no channel is free".
  if (found.is.reason === "BILLING") return findByRules(open, [HIGH_DEMAND]) ?? found;
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

function statesOwnWait(open: Case): boolean {
  return open.hint !== undefined && !open.hint.window;
}

const LIMITED: readonly Reason[] = ["RATE_LIMIT_EXCEEDED", "QUOTA_EXHAUSTED"];
/** What a limit is at the endpoints that create and refresh. */
const LIMIT_OF: Readonly<Record<"create" | "token", CodeMeaning>> = {
  create: { reason: "CREATE_LIMITED" },
  token: { reason: "RATE_LIMIT_EXCEEDED", scope: "acquirer" },
};
/** Reasons for which the reset of a window is a wait; for the others it is a bystander. */
const WINDOWED: readonly Reason[] = ["RATE_LIMIT_EXCEEDED", "QUOTA_EXHAUSTED", "CREATE_LIMITED"];
const WAITLESS: readonly Reason[] = ["INVALID_REQUEST", "NOT_FOUND", "UNAUTHENTICATED"];

function toVerdict(open: Case, found: Finding): Verdict {
  const { refusal, reading } = open;
  const { reason, disables = false } = found.is;
  const scope = found.is.scope ?? scopeOf(reason, refusal, reading);
  const hint = WAITLESS.includes(reason) || disables ? undefined : open.hint;
  const counts = hint && (!hint.window || WINDOWED.includes(reason));
  const verdict: Verdict = {
    reason,
    scope,
    hint: counts ? hint.wait : null,
    action: actionOf(reason, scope, disables, refusal.endpoint),
    disables,
    evidence: found.evidence,
  };
  if (reason === "TOKEN_EXHAUSTED") verdict.exhausts = true;
  if (reason === "QUOTA_EXHAUSTED" && /\blimit: ?0\b/.test(open.words)) verdict.barred = true;
  return verdict;
}
