// Why no credential is available, counted: `2 disabled (API key refused), 1 not allowed for this model`.
import type { Skipped } from "../contract/route-decision.ts";
import type { Target } from "../contract/target.ts";
import type { Reason } from "../contract/verdict.ts";
import { type AttemptServices, poolOf } from "./attempt-services.ts";
import { whyDisabled } from "../observe/disabled-messages.ts";

/** Number of credentials that are examined; an error must not cost a scan of a large pool. */
const MOST = 100;

const COOLING: Partial<Record<Reason, string>> = {
  QUOTA_EXHAUSTED: "quota exhausted",
  RATE_LIMIT_EXCEEDED: "rate limited",
  MODEL_CAPACITY_EXHAUSTED: "without capacity",
  BILLING: "without credit",
  NOT_FOUND: "without access to this model",
  FORBIDDEN: "cooling down (access refused)",
  UNAUTHENTICATED: "cooling down (API key refused)",
};

const SKIPPED: Readonly<Record<Exclude<Skipped["why"], "disabled" | "cooling">, string>> = {
  model: "not allowed for this model",
  excluded: "failed for this request",
  trial: "being probed after a cooldown",
  protected: "held back by quota protection",
  busy: "at the concurrency limit (`maxInFlight`)",
};

/**
 * Counts why none of a target's credentials is available; `excluded` are those that this request has tried. `undefined` if there
 * is nothing to count.
 */
export function summarize(
  { pools, disabled, clock }: Pick<AttemptServices, "pools" | "disabled" | "clock">,
  target: Target,
  excluded: readonly string[],
): string | undefined {
  const pool = poolOf({ pools }, target);
  const wanted = { target, session: undefined, excluded };
  const { candidates, left } = pool.explain(wanted, clock.now(), MOST);
  const counts = new Map<string, number>();
  for (const { credential, skipped } of candidates) {
    if (!skipped) continue;
    const mark = disabled.get(credential);
    const why = skipped.why === "disabled" && mark ? ` (${whyDisabled(mark.cause)})` : "";
    const words = wordsFor(skipped) + why;
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  const listed = [...counts].map(([words, count]) => `${count} ${words}`);
  if (left > 0) listed.push(`${left} more`);
  return listed.length > 0 ? listed.join(", ") : undefined;
}

function wordsFor({ why, reason }: Skipped): string {
  if (why === "disabled") return "disabled";
  return why === "cooling" ? ((reason && COOLING[reason]) ?? "cooling down") : SKIPPED[why];
}
