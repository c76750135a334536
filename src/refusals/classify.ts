/** Turns a refusal into a verdict. */
import type { Dialect } from "../contract/dialect.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Reason, Refusal, Verdict } from "../contract/verdict.ts";
import { readBody } from "./read-body.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";
import { meaningOfCode } from "./code-meanings.ts";
import { findMeaning, narrow } from "./evidence-order.ts";
import { findHint } from "./wait-hints.ts";
import { plainWords } from "./phrases.ts";
import { REASONS } from "../shared/reasons.ts";
import { actionOf, scopeOf } from "./scopes.ts";

/**
 * Classifies an upstream's refusal. A pure function; it never throws, whatever the body is.
 *
 * @example
 * classify({ status: 429, header: () => undefined, body: "", endpoint: "ai", inStream: false, receivedAt }, openai).reason;
 */
export function classify(refusal: Refusal, dialect: Dialect): Verdict {
  const open = openCase(refusal, dialect);
  const found = narrow(open, findMeaning(open, dialect));
  return toVerdict(open, found);
}

/** Returns the verdict on a call that brought no complete response. */
export function classifyFault(fault: AttemptFault | "aborted"): Verdict {
  const reasons: Partial<Record<string, Reason>> = {
    "connect-timeout": "TIMEOUT",
    timeout: "TIMEOUT",
    "body-timeout": "TIMEOUT",
    "payload-timeout": "TIMEOUT",
    "idle-timeout": "TIMEOUT",
    "payload-idle-timeout": "TIMEOUT",
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

function openCase(refusal: Refusal, dialect: Dialect): RefusalCase {
  const reading = readBody(refusal.body);
  const inside = refusal.inStream || refusal.status < 300;
  const awsType = refusal.header("x-amzn-errortype");
  const status = inside ? (reading.status ?? 0) : refusal.status;
  const codes = [...(awsType ? [awsType] : []), ...reading.codes].flatMap((code) => {
    const is = meaningOfCode(code, dialect);
    // The same code has other meanings elsewhere: alone it disables no credential.
    const isDoubtful =
      is?.reason === "UNAUTHENTICATED" && /^\d+$/.test(code) && status !== 401 && status !== 403;
    return is && !isDoubtful ? [{ code, is }] : [];
  });
  return {
    refusal,
    reading,
    status,
    words: plainWords(reading.text),
    codes,
    hint: findHint(refusal, reading),
  };
}

function toVerdict(open: RefusalCase, found: Finding): Verdict {
  const { refusal, reading } = open;
  const { reason, disables = false } = found.is;
  const scope = found.is.scope ?? scopeOf(reason, refusal, reading);
  const hint = REASONS[reason].waitless || disables ? undefined : open.hint;
  const counts = hint && (!hint.window || REASONS[reason].windowed);
  const verdict: Verdict = {
    reason,
    scope,
    hint: counts ? hint.wait : null,
    action: isUnknownInside(found, refusal)
      ? "same-later"
      : actionOf(reason, scope, disables, refusal.endpoint),
    disables,
    evidence: found.evidence,
  };
  if (reason === "QUOTA_EXHAUSTED" && /\blimit: ?0\b/.test(open.words)) verdict.noAccess = true;
  return verdict;
}

/** An error inside a 200 that is not understood: the same call may succeed. */
function isUnknownInside({ is }: Finding, { status, inStream }: Refusal): boolean {
  return is.reason === "UNKNOWN" && is.scope === "none" && (inStream || status < 300);
}
