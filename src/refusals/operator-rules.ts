// The operator's own rules for refusals; they have priority over the built-in ones (B11).
import type { Reason, Refusal, Scope, Verdict } from "../contract/verdict.ts";
import { parseJson, valueAt } from "../shared/json.ts";
import { readBody } from "./read-body.ts";
import { findHint } from "./wait-hints.ts";
import { actionOf, scopeOf } from "./scopes.ts";

/** A rule: what a response looks like, and what it means. */
export interface RefusalRule {
  /** All given conditions must hold; at least one is required. */
  when: {
    /** One HTTP status, or several. */
    status?: number | number[];
    /** Values in the JSON body, by path: `{ "error.code": "1113" }`. */
    fields?: Record<string, string | number>;
    /** Found anywhere in the body: a text (ignoring case) or a pattern. */
    text?: string | RegExp;
    /** Name of the upstream. */
    upstream?: string;
  };
  then: {
    reason: RuleReason;
    /** What the refusal applies to. @default the usual scope of the reason */
    scope?: Exclude<Scope, "acquirer">;
    /** `"stop"` ends the request, `"continue"` allows further attempts. @default as usual for the reason */
    action?: "stop" | "continue";
    /** Cooldown in ms; `false` for none. @default the wait that the response states, otherwise the backoff */
    cooldown?: number | false;
    /** Disables the credential at once; for `FORBIDDEN`. @default false */
    disables?: boolean;
  };
}

/** The reasons that a rule may give. */
export type RuleReason = Exclude<
  Reason,
  "TOKEN_EXHAUSTED" | "CREATE_LIMITED" | "TIMEOUT" | "NETWORK" | "ABORTED" | "EMPTY"
>;

/** Classifies by the first rule that matches; `undefined` where none does. */
export function judgeByRules(
  rules: readonly RefusalRule[],
  refusal: Refusal,
  upstream: string,
): Verdict | undefined {
  if (rules.length === 0) return undefined;
  const json = parseJson(refusal.body);
  const index = rules.findIndex(({ when }) => fits(when, refusal, json, upstream));
  return index < 0 ? undefined : toVerdict(rules[index]!.then, refusal, `rule:${index}`);
}

function toVerdict(then: RefusalRule["then"], refusal: Refusal, evidence: string): Verdict {
  const { reason, cooldown, disables = false } = then;
  const reading = readBody(refusal.body);
  const usual = then.scope ?? scopeOf(reason, refusal, reading);
  const action = actionOf(reason, usual, disables, refusal.endpoint);
  return {
    reason,
    scope: cooldown === false ? "none" : usual,
    hint: typeof cooldown === "number" ? cooldown : (findHint(refusal, reading)?.wait ?? null),
    action:
      then.action === "stop" ? "no" : then.action && action === "no" ? "other-credential" : action,
    disables,
    evidence,
  };
}

function fits(
  when: RefusalRule["when"],
  { status, body }: Refusal,
  json: unknown,
  upstream: string,
): boolean {
  if (when.upstream !== undefined && when.upstream !== upstream) return false;
  if (when.status !== undefined && ![when.status].flat().includes(status)) return false;
  if (when.text !== undefined && !hasText(body, when.text)) return false;
  return Object.entries(when.fields ?? {}).every(
    ([path, value]) => String(valueAt(json, path)) === String(value),
  );
}

function hasText(body: string, text: string | RegExp): boolean {
  if (typeof text === "string") return body.toLowerCase().includes(text.toLowerCase());
  // A pattern with `g` or `y` would start at its last position.
  text.lastIndex = 0;
  return text.test(body);
}
