// The text of ERR_RELAY_OPTIONS: every fault in the options, one per line.
import type { ErrorFacts, OptionFault } from "./error-facts.ts";

/** The search for faults stops at this number. */
export const FAULTS_COUNTED = 1_000;

/** Describes the faults: a single fault continues the sentence, several faults have a line each. */
export function describeOptionFaults({ path, detail, faults, faultCount = 1 }: ErrorFacts): string {
  if (!faults || faultCount === 1)
    return `: ${toLine(faults?.[0] ?? { path: path ?? "options", detail: detail ?? "" })}`;
  const lines = faults.map((fault) => `\n  ${toLine(fault)}`).join("");
  const more = faultCount - faults.length;
  const count = faultCount < FAULTS_COUNTED ? `${faultCount}` : `${faultCount} or more`;
  return ` in ${count} places:${lines}${more > 0 ? `\n  and ${more} more` : ""}`;
}

function toLine({ path, credential, detail }: OptionFault): string {
  const named =
    credential === undefined ? path : path.replace(/^credentials\[\d+\]/, `$& (${credential})`);
  return `${named}: ${detail}`;
}
