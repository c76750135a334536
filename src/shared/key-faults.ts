// Finds typical mistakes in a pasted key. The messages describe its form and never quote it: it may be most of a real key.

/** Printable ASCII without spaces, as header values require. */
const PRINTABLE = /^[\u0021-\u007e]+$/;
/** None of the mistakes below; nearly every real key matches. */
const PLAIN = /^(?!undefined$|null$)[A-Za-z0-9][\w.:/+=~-]*$/;
const MAYBE_PLACEHOLDER = /your|x{3}|\.{3}|=.|^(?:replace|change|insert|put|enter|https?:)/i;

const KINDS: readonly (readonly [pattern: RegExp, detail: string])[] = [
  [
    /^(?:undefined|null|NaN|\[object \w+\])$/,
    "is the text `undefined` or `null`, which an unset variable becomes; is its environment variable set?",
  ],
  [/^["'`\u2018-\u201f]|["'`\u2018-\u201f]$/, "is in quotes: remove them"],
  [
    /\$\{|^\$[A-Za-z_]\w*$|^%\w+%$|\{\{|^process\.env\b|^import\.meta\b/,
    "is the name of a variable, not its value: the program that reads the file did not expand it",
  ],
  [
    /^\s*(?:authorization|x-api-key|x-goog-api-key|api-key)\s*:/i,
    "is a whole header: set the key only",
  ],
  [
    /^\s*(?:bearer|basic|token)\s/i,
    "begins with a scheme such as `Bearer `: set the key only, the relay adds the scheme",
  ],
  [/^[A-Z][A-Z0-9_]{2,}=[^=]/, "begins with the name of a variable and `=`: set the value only"],
  [/[\r\n]/, "contains a line break: files often end with one, `.trim()` removes it"],
  [/^\s|\s$/, "has a space before or behind it: remove it"],
  [
    /\.{3}|\u2026|\*{3}/,
    "is shortened or a placeholder (`...`): set the whole key, which most providers show only once",
  ],
  [
    /^<.*>$|(?:^|[-_ <{[])your[-_ ]?(?:\w+[-_ ])*(?:api[-_ ]?)?(?:key|token|secret|here)|^(?:[\w-]*[-_])?x{3,}$|^(?:replace|change|insert|put|enter)[-_ ]?(?:me|this|your|key|here)/i,
    "is a placeholder: set the real key",
  ],
  [/^https?:\/\//i, "is a URL, not a key"],
  [/\s/, "contains a space"],
  [/[^\u0021-\u007e]/, "contains a character that is not printable ASCII, as headers need it"],
];

/** Describes the mistake in a key, token or secret that goes into a header; `undefined` where there is none. */
export function faultOfKey(key: string): string | undefined {
  if (key === "") return "must not be empty; is its environment variable set?";
  if (PLAIN.test(key) && !MAYBE_PLACEHOLDER.test(key)) return undefined;
  const found = KINDS.find(([pattern]) => pattern.test(key));
  if (found) return found[1];
  return PRINTABLE.test(key) ? undefined : "must be printable ASCII without spaces";
}

/** True for a text that may be a secret in the wrong place and therefore must not be shown. */
export function isLikeSecret(text: string): boolean {
  if (text.length > 64 || !PRINTABLE.test(text)) return true;
  if (
    /^(?:sk|pk|rk|gsk|xai|hf|ghp|AIza|AKIA|eyJ|ya29)[-_.A-Za-z0-9]*\d/.test(text) &&
    text.length >= 16
  )
    return true;
  // Words are short; a key is one long run of letters and digits.
  return /[A-Za-z\d]{24,}/.test(text) && /\d/.test(text);
}
