/** Builds tables of codes with one line per meaning. */
import type { CodeMeaning } from "../../contract/dialect.ts";

/** Gives each of the codes (lower case, separated by spaces) the same meaning. */
export function meaning(codes: string, is: CodeMeaning): Record<string, CodeMeaning> {
  return Object.fromEntries(
    codes
      .trim()
      .split(/\s+/)
      .map((code) => [code, is]),
  );
}
