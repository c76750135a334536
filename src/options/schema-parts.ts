// The small schemas that the others are made of: numbers, texts, headers.
import * as v from "valibot";
import { didYouMean } from "./suggest.ts";

type Text = v.GenericSchema<string>;
type Whole = v.GenericSchema<number>;

const off: v.GenericSchema<false> = v.literal(false);
export const flag: v.GenericSchema<boolean> = v.boolean();
export const finite: Whole = v.pipe(v.number(), v.finite("must be finite"));
export const ms: Whole = v.pipe(finite, v.minValue(0, "must not be negative"));
/** A timeout in ms: with 0 nothing could succeed. */
export const timeout: Whole = v.pipe(
  ms,
  v.check((value) => value < 0 || value >= 1, "must be at least 1 ms"),
);
export const whole: Whole = v.pipe(v.number(), v.integer("must be a whole number"));
export const count: Whole = v.pipe(whole, v.minValue(1, "must be at least 1"));
export const percent: Whole = v.pipe(
  finite,
  v.gtValue(0, "must be above 0"),
  v.maxValue(100, "must be at most 100"),
);
export const text: Text = v.pipe(v.string(), v.nonEmpty("must not be empty"));
export const texts: v.GenericSchema<string[]> = v.array(text);

/** A text in which a function finds no fault. */
export const checked = (faultOf: (text: string) => string | undefined): Text =>
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? faultOf(dataset.value) : undefined;
      if (message !== undefined) addIssue({ message });
    }),
  );

export const headerName: Text = v.pipe(
  text,
  v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be a header name"),
);
export const headerValue: Text = v.pipe(
  v.string(),
  v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, "must be a header value"),
);
/** A header name outside a pattern. */
export const headerBut = (pattern: RegExp, message: string): Text =>
  v.pipe(
    headerName,
    v.check((name) => !pattern.test(name), message),
  );

// A schema chosen by a first look: a union would say "none of these" where the path inside is wanted.
/** `false`, or what a schema describes. */
export const orOff = <T>(schema: v.GenericSchema<T>): v.GenericSchema<T | false> =>
  v.lazy((input) => (input === false ? off : schema)) as never;

/** One of some names; the message suggests the nearest one for any other. */
export const oneOf = <const Name extends string>(
  names: readonly Name[],
  must: string = `must be one of ${names.join(", ")}`,
): v.GenericSchema<Name> => v.picklist(names, ({ input }) => must + didYouMean(input, names));
