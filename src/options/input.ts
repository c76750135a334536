// What an entry takes: options, or a factory of them. TypeScript finds unknown names in a literal, but not in what a function
// returns; here it does.
import type { RelayOptions } from "./types.ts";

/**
 * Options, or a factory that returns or promises them. An entry that takes them has two type parameters, both inferred:
 * `<const Tier extends string = never, Given = unknown>(options: OptionsInput<Tier, Given>)`.
 */
export type OptionsInput<
  Tier extends string = string,
  Given = unknown,
  Context extends readonly unknown[] = [],
> =
  // The check comes first: its message is the shorter one.
  | (Exact<Given> &
      ((...context: Context) => (Given & RelayOptions<Tier>) | Promise<Given & RelayOptions<Tier>>))
  | RelayOptions<Tier>;

/** Stands in a message of TypeScript's where a factory returns a name that is no option. */
export interface NotAnOption<Path extends string> {
  readonly isNotAnOption: Path;
}

type Exact<Given> = [UnknownIn<Given, RelayOptions>] extends [infer Path extends string]
  ? [Path] extends [never]
    ? unknown
    : NotAnOption<Path>
  : unknown;

/** Objects of the operator's own: they may have more than what is used. */
type Own = "dialect" | "token" | "storage" | "log" | "transport" | "clock";

type Leaf = string | number | boolean | null | undefined | ((...input: never[]) => unknown);

/** Paths of the names in `Given` that are no options. */
type UnknownIn<Given, Known, Path extends string = ""> = Given extends Leaf
  ? never
  : Given extends readonly (infer Item)[]
    ? Known extends readonly (infer KnownItem)[]
      ? UnknownIn<Item, KnownItem, `${Path}[]`>
      : never
    : string extends keyof Given
      ? never
      : UnknownNames<Given, Known, Path extends "" ? "" : `${Path}.`>;

type UnknownNames<Given, Known, Start extends string> = {
  [Name in keyof Given & string]: Name extends NamesOf<Known>
    ? Name extends Own
      ? never
      : UnknownIn<Given[Name], NonNullable<ValueOf<Known, Name>>, `${Start}${Name}`>
    : `${Start}${Name}`;
}[keyof Given & string];

type NamesOf<Known> = Known extends unknown ? keyof Known : never;
type ValueOf<Known, Name> = Known extends unknown
  ? Name extends keyof Known
    ? Known[Name]
    : never
  : never;
