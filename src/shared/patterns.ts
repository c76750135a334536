// Wildcard patterns over model names: `*` matches any run of characters, and case does not matter.

/** The wildcard by itself: every credential, quota pool, family or model. */
export const ANY = "*";

/** Compiles a pattern such as `gpt-4*` to a test. Its time is linear in the length of the name times the number of stars. */
export function compilePattern(pattern: string): (name: string) => boolean {
  const [head = "", ...rest] = pattern.toLowerCase().split("*");
  if (rest.length === 0) return (name) => name.toLowerCase() === head;
  const tail = rest.pop()!;
  return (name) => matches(name.toLowerCase(), head, rest, tail);
}

function matches(name: string, head: string, middles: readonly string[], tail: string): boolean {
  if (!name.startsWith(head) || name.length < head.length + tail.length) return false;
  let at = head.length;
  for (const middle of middles) {
    const found = name.indexOf(middle, at);
    if (found < 0) return false;
    at = found + middle.length;
  }
  return at <= name.length - tail.length && name.endsWith(tail);
}

/** Compiles lists of patterns to a test whether they allow a model (A10); `deny` has priority over `allow`. */
export function toModelTest(
  allow: readonly string[] | undefined,
  deny: readonly string[] | undefined,
): (model: string) => boolean {
  const allowed = allow?.map(compilePattern);
  const denied = deny?.map(compilePattern) ?? [];
  return (model) =>
    !denied.some((matches) => matches(model)) &&
    (allowed?.some((matches) => matches(model)) ?? true);
}

/** Finds the value of the most specific pattern that matches a name: the one with the most letters, then one without a star. */
export function createLongestMatch<T>(
  patterns: Readonly<Record<string, T>>,
): (name: string) => T | undefined {
  const compiled = Object.entries(patterns)
    .map(([pattern, value]) => ({ pattern, value, matches: compilePattern(pattern) }))
    .toSorted((a, b) => lettersOf(b.pattern) - lettersOf(a.pattern) || starsOf(a) - starsOf(b));
  return (name) => compiled.find((it) => it.matches(name))?.value;
}

function lettersOf(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}

function starsOf({ pattern }: { pattern: string }): number {
  return pattern.length - lettersOf(pattern);
}
