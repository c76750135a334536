// The schema of the rules for refusals. A rule that could have no effect is a fault.
import * as v from "valibot";
import type { Reason } from "../contract/verdict.ts";
import type { RefusalRule, RuleReason } from "../refusals/operator-rules.ts";
import { REASONS } from "../shared/reasons.ts";
import { groupOf } from "./schema-group.ts";
import { flag, oneOf, orOff, ms, text } from "./schema-parts.ts";

/** Reasons that a rule may name. */
export const RULE_REASONS: readonly RuleReason[] = (Object.keys(REASONS) as Reason[]).filter(
  (reason): reason is RuleReason => REASONS[reason].ruleable,
);
const SCOPES = ["model", "credential", "upstream-model", "upstream", "request", "none"] as const;

const status = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(100, "must be a status"),
  v.maxValue(599, "must be a status"),
);

const when = v.pipe(
  groupOf<RefusalRule["when"]>()({
    status: v.lazy((input) => (Array.isArray(input) ? v.array(status) : status)),
    fields: v.record(
      text,
      v.lazy((input) => (typeof input === "number" ? v.number() : v.string())),
    ),
    text: v.lazy((input) =>
      typeof input === "string" ? text : v.instance(RegExp, "must be a text or a pattern"),
    ),
    upstream: text,
  }),
  v.check(
    ({ status, fields, text }) => [status, fields, text].some((it) => it !== undefined),
    "must have a status, fields or a text: without one it matches every answer",
  ),
);

const then = v.pipe(
  groupOf<RefusalRule["then"]>()(
    {
      scope: oneOf(SCOPES),
      action: oneOf(["stop", "continue"]),
      cooldown: orOff(ms),
      disables: flag,
    },
    { reason: oneOf(RULE_REASONS) },
  ),
  v.check(
    ({ reason, cooldown }) => typeof cooldown !== "number" || REASONS[reason].closes,
    "has a cooldown, but its reason sets none",
  ),
  v.check(
    ({ reason, disables }) => !disables || reason === "FORBIDDEN",
    "disables only with the reason FORBIDDEN",
  ),
);

export const refusalRule: v.GenericSchema<RefusalRule> = groupOf<RefusalRule>()({}, { when, then });
