/** Tables of codes: one line says what a row of words means. */
import type { CodeMeaning } from "../../contract/dialect.ts";

/** Gives each of the codes (lower case, parted by blanks) the same meaning. */
export function meaning(codes: string, is: CodeMeaning): Record<string, CodeMeaning> {
  return Object.fromEntries(
    codes
      .trim()
      .split(/\s+/)
      .map((code) => [code, is]),
  );
}
