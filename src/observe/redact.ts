// Removes secrets from texts of upstreams, which often quote keys: whole, truncated, or masked (J7).

/** Number of leading characters that identify a secret; fewer may be a format that all keys share. */
const START = 6;
/** Number of characters left at the ends of a masked key: `sk-…cdef`. */
const MASKED_END = 3;
/** All characters of keys and masked keys, also inside a URL or a JSON string. */
const RUN = /[\w.*•…+/=~%\\-]{4,}/g;
const MASK = /\*|•|…|\.{2,}|x{3,}/i;

/** Replaces a secret in a text, every fragment that starts like it, and every masked form of it. */
export function redact(text: string, secret: string): string {
  if (secret.length < START) return secret === "" ? text : text.replaceAll(secret, "[redacted]");
  const start = secret.slice(0, START);
  return text
    .replace(RUN, (run) => {
      const at = run.indexOf(start);
      if (at >= 0) return `${run.slice(0, at)}[redacted]`;
      return isMasked(run, secret) ? "[redacted]" : run;
    })
    .replace(
      /\b(end(?:s|ing) (?:in|with) [`'"]?)([\w-]{3,})/gi,
      (all, words: string, end: string) => (secret.endsWith(end) ? `${words}[redacted]` : all),
    );
}

function isMasked(run: string, secret: string): boolean {
  const mark = MASK.exec(run);
  if (!mark) return false;
  const [head = "", tail = ""] = [run.slice(0, mark.index), run.split(MASK).at(-1)];
  const shows = (piece: string, has: boolean): boolean => piece.length >= MASKED_END && has;
  return shows(head, secret.startsWith(head)) || shows(tail, secret.endsWith(tail));
}
