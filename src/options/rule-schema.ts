// The shape of an operator's rules for refusals. What could have no effect is refused, so that nobody trusts in it.
import * as v from "valibot";
import { isReason, REASONS } from "../shared/reasons.ts";
import { didYouMean } from "./suggest.ts";

/** Reasons that an upstream's refusal can have. */
export const RULE_REASONS: readonly string[] = Object.entries(REASONS)
  .filter(([, { ruleable }]) => ruleable)
  .map(([name]) => name);
const SCOPES = ["model", "credential", "upstream-model", "upstream", "request", "none"];

const words = v.pipe(v.string(), v.nonEmpty("must not be empty"));
const status = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(100, "must be a status"),
  v.maxValue(599, "must be a status"),
);
/** One of some names; of another the nearest is told. */
export const oneOf = (
  names: readonly string[],
  must: string = `must be one of ${names.join(", ")}`,
): v.GenericSchema<string> => v.picklist(names, ({ input }) => must + didYouMean(input, names));

const when = v.pipe(
  v.strictObject({
    status: v.optional(v.lazy((input) => (Array.isArray(input) ? v.array(status) : status))),
    fields: v.optional(
      v.record(
        words,
        v.lazy((input) => (typeof input === "number" ? v.number() : v.string())),
      ),
    ),
    text: v.optional(
      v.lazy((input) =>
        typeof input === "string" ? words : v.instance(RegExp, "must be a text or a pattern"),
      ),
    ),
    upstream: v.optional(words),
  }),
  v.check(
    ({ status, fields, text }) => [status, fields, text].some((it) => it !== undefined),
    "must give a status, fields or a text: it would fit every answer",
  ),
);

const then = v.pipe(
  v.strictObject({
    reason: oneOf(RULE_REASONS),
    scope: v.optional(oneOf(SCOPES)),
    action: v.optional(oneOf(["stop", "continue"])),
    cooldown: v.optional(
      v.lazy((input) =>
        input === false
          ? v.literal(false)
          : v.pipe(v.number(), v.finite("must be finite"), v.minValue(0, "must not be negative")),
      ),
    ),
    disables: v.optional(v.boolean()),
  }),
  v.check(
    ({ reason, cooldown }) =>
      typeof cooldown !== "number" || !isReason(reason) || REASONS[reason].closes,
    "has a cooldown, but its reason closes nothing",
  ),
  v.check(
    ({ reason, disables }) => !disables || reason === "FORBIDDEN",
    "disables only with the reason FORBIDDEN",
  ),
);

export const refusalRule: v.GenericSchema = v.strictObject({ when, then });
