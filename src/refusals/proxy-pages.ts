/** Pages of proxies, front ends and bot checks: the API behind them has not seen the credential. */
import type { CodeMeaning } from "../contract/dialect.ts";
import { phrases } from "./phrases.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";

/** Cloudflare's 1xxx errors, which arrive as a page, as plain text and as JSON. */
const CLOUDFLARE = /\berror(?: code)?:? (10\d\d)\b/;
const RATE_LIMITED = ["1015", "1027"];

const BLOCKED: CodeMeaning = { reason: "FORBIDDEN", scope: "upstream" };
const BLOCK_WORDS = phrases(
  "(been|was|is|are) (\\w+ )?(blocked|denied|banned)",
  "access (is )?denied|attention required|unusual traffic|suspicious activity|security (check|service)",
  "just a moment|checking your browser|verify (that )?you are (a )?human|are you a robot|captcha|enable (javascript|cookies)",
);

const PAGES: Readonly<Record<number, CodeMeaning>> = {
  403: { reason: "FORBIDDEN", scope: "upstream" },
  404: { reason: "NOT_FOUND", scope: "request" },
  429: { reason: "RATE_LIMIT_EXCEEDED" },
};

/** Classifies a page by the proxy that made it; statuses with a clear meaning are not handled here. */
export function findInPage({ status, reading, words }: RefusalCase): Finding | undefined {
  const code = status >= 500 ? undefined : CLOUDFLARE.exec(words)?.[1];
  if (code) {
    const reason = RATE_LIMITED.includes(code) ? "RATE_LIMIT_EXCEEDED" : "FORBIDDEN";
    return { is: { reason, scope: "upstream" }, evidence: `page:${code}` };
  }
  if (!reading.page) return undefined;
  // A relay's 400 that wraps a page: the status named in the page counts.
  const of = status === 400 ? Number(/\b(?:403|404|429)\b/.exec(words)) : status;
  const is = PAGES[of] ?? (isBlocked(status, words) ? BLOCKED : undefined);
  return is && { is, evidence: `page:${of}` };
}

/** A page under another status of a client's fault that says that a proxy has blocked the call. */
function isBlocked(status: number, words: string): boolean {
  return status < 500 && ![401, 402].includes(status) && BLOCK_WORDS.test(words);
}
