/** Decides whether tests are skipped because a program is missing, and prints which; in CI nothing may be missing. */

/**
 * Returns true, after a sentence on stderr, where `isThere` is false; throws instead where `CI` is `true`.
 *
 * @example
 * describe.skipIf(isMissing("chromium", existsSync(CHROMIUM), "apt-get install chromium"))("the page", …);
 */
export function isMissing(what: string, isThere: boolean, remedy: string): boolean {
  if (isThere) return false;
  const sentence = `${what} is missing (${remedy})`;
  if (process.env["CI"] === "true") throw new Error(sentence);
  process.stderr.write(`skipped: ${sentence}\n`);
  return true;
}
