/** A small notation for phrases in messages, which keeps the tables of words readable. */

/** Class names of SDKs, which only repeat the status: `litellm.RateLimitError:`. */
const WRAPPERS = /\b(?:litellm\.)?\w*Error:/g;
const URLS = /(?:https?:\/\/|www\.)[^\s"'<>)\]]*/gi;

/** Removes URLs, splits camelCase and snake_case into words, and returns lower case with one space between words. */
export function plainWords(text: string): string {
  return text
    .replace(URLS, " ")
    .replace(WRAPPERS, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .replace(/[\s_`"'’*-]+/g, " ")
    .trim();
}

/**
 * Compiles phrases to one pattern for text from `plainWords`. Each matches whole words; `(a|b)?` is as in a pattern, `…` matches up to 90
 * characters, a trailing `*` the rest of a word. Chinese has no word boundaries.
 */
export function phrases(...all: string[]): RegExp {
  return new RegExp(all.map(toPattern).join("|"));
}

function toPattern(phrase: string): string {
  const words = phrase.replace(/\((?!\?)/g, "(?:").replace(/ … /g, "\\b.{0,90}\\b");
  if (/[\u4e00-\u9fff]/.test(phrase)) return words;
  const start = /^[\w(]/.test(phrase) ? "\\b" : "";
  if (phrase.endsWith("*")) return `${start}(?:${words.slice(0, -1)})`;
  return `${start}(?:${words})${/[\w)?]$/.test(phrase) ? "\\b" : ""}`;
}
