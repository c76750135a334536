// The operator's own rules for refusals; they have priority over the built-in ones (B11).
import type { Reason, Refusal, Scope, Verdict } from "../contract/verdict.ts";
import { parseJson, valueAt } from "../shared/json.ts";
import { readBody } from "./read-body.ts";
import { findHint } from "./wait-hints.ts";
import { actionOf, scopeOf } from "./scopes.ts";

/** A rule of the operator's for refusals: which answers it matches, and what they mean. */
export interface RefusalRule {
  /** Conditions on the answer; at least one, and all that are given must hold. */
  when: {
    /** HTTP status, or a list of them. */
    status?: number | number[];
    /** Values in the JSON body, by path: `{ "error.code": "1113" }`. */
    fields?: Record<string, string | number>;
    /** Text anywhere in the body: a string (case does not matter) or a pattern. */
    text?: string | RegExp;
    /** Name of the upstream. @default all */
    upstream?: string;
  };
  /** What the answer means and what follows. */
  then: {
    /**
     * `"QUOTA_EXHAUSTED"`, `"RATE_LIMIT_EXCEEDED"`, `"MODEL_CAPACITY_EXHAUSTED"`, `"SERVER_ERROR"`, `"UNKNOWN"`, `"UNAUTHENTICATED"`,
     * `"FORBIDDEN"`, `"BILLING"`, `"INVALID_REQUEST"` or `"NOT_FOUND"` (docs/refusals.md).
     */
    reason: RuleReason;
    /**
     * What the refusal concerns: `"model"`, `"credential"`, `"upstream-model"`, `"upstream"`, `"request"` or `"none"`.
     * @default the usual scope of the reason
     */
    scope?: Exclude<Scope, "acquirer">;
    /** `"stop"` ends the request; `"continue"` lets it try again. @default the usual action of the reason */
    action?: "stop" | "continue";
    /** Cooldown, in ms; `false`: none. @default the wait that the answer states, otherwise the backoff */
    cooldown?: number | false;
    /** `true` disables the credential at once; only with the reason `"FORBIDDEN"`. @default off */
    disables?: boolean;
  };
}

/** The reasons that a rule may give. */
export type RuleReason = Exclude<
  Reason,
  "TOKEN_EXHAUSTED" | "CREATE_LIMITED" | "TIMEOUT" | "NETWORK" | "ABORTED" | "EMPTY"
>;

/** Classifies by the first rule that matches; `undefined` if none does. */
export function classifyByRules(
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
  // A pattern with `g` or `y` would remember where it stopped.
  text.lastIndex = 0;
  return text.test(body);
}
