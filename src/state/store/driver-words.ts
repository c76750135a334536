/** The words of a driver's error, for the log: without addresses, secrets and values. */

/** Longest text that is logged, in characters. */
const LONGEST = 200;
/** How deep libraries nest the cause of a failure. */
const DEPTH = 4;

/** What a message must not bring into the log, and what stands there instead. */
const REMOVED: readonly [pattern: RegExp, instead: string][] = [
  // A response's body: XML, HTML or JSON.
  [/[<{[][\s\S]*$/, ""],
  [/\b[a-z][\w+.-]*:\/\/\S+/gi, "[address]"],
  [/\S+@\S+/g, "[address]"],
  [/\b(\w*(?:key|token|secret|password|signature|credential)\w*)\s*[=:]\s*\S+/gi, "$1=[redacted]"],
  // Long words may be secrets or stored values; texts in quotes are cut to what names a column or a character set.
  [/[\w+/=.~%\\-]{25,}/g, "[…]"],
  [/(["'`])(?:(?!\1).){41,}\1/g, "$1[…]$1"],
];

/** Returns what the driver says, in one line; `undefined` if it says nothing. */
export function wordsOf(error: unknown): string | undefined {
  const message = messageOf(error, DEPTH);
  if (message === undefined) return undefined;
  let text = message;
  for (const [pattern, instead] of REMOVED) text = text.replace(pattern, instead);
  const line = text
    .replace(/\s+/g, " ")
    .replace(/[\s:;,]+$/, "")
    .trim();
  if (line === "") return undefined;
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

// An error that only passes another one on may have no message of its own.
function messageOf(error: unknown, depth: number): string | undefined {
  if (!(error instanceof Error) || depth === 0) return undefined;
  if (error.message !== "") return error.message;
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const inside = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  for (const one of inside) {
    const found = messageOf(one, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
