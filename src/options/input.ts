// What an entry takes: options, or a factory of them. TypeScript finds unknown names in a literal, but not in what a function
// returns; here it does.
import type { CommonOptions, OneUpstream, RelayOptions, SeveralUpstreams } from "./types.ts";
import type { UpstreamOptions } from "./upstream-types.ts";

/**
 * Options, or a factory that returns or promises them. An entry that takes them has two type parameters, both inferred:
 * `<const Tier extends string = never, Given extends AnyOptions = AnyOptions>(options: OptionsInput<Tier, Given>)`.
 */
export type OptionsInput<
  Tier extends string = string,
  Given extends AnyOptions = AnyOptions,
  Context extends readonly unknown[] = [],
> =
  // The checks come first: their messages are the shorter ones. A member for each kind of factory, because TypeScript takes apart
  // what a union holds. It infers from a mapped type only where nothing else says more, so that a promise is never `Given` itself.
  | (Checked<NoInfer<Given>> & ((...context: Context) => Same<Given> & AnyOptions<Tier>))
  | (Checked<NoInfer<Given>> & ((...context: Context) => Promise<Given & AnyOptions<Tier>>))
  | (Declared<NoInfer<Given>> &
      ((...context: Context) => RelayOptions<Tier> | Promise<RelayOptions<Tier>>))
  | RelayOptions<Tier>;

type Same<Given> = { [Name in keyof Given]: Given[Name] };

type Checked<Given> = [Given] extends [never] ? unknown : Exact<Given> & WithUpstream<Given>;

/** A factory that is declared to return options has no other names to look for; for all others this kind is none. */
type Declared<Given> = SeveralUpstreams extends Given
  ? unknown
  : OneUpstream extends Given
    ? unknown
    : never;

/** Options however many upstreams there are. Not a union: TypeScript would look for `Given` in each of its parts. */
export interface AnyOptions<Tier extends string = string> extends CommonOptions<Tier> {
  upstream?: UpstreamOptions;
  upstreams?: Record<string, UpstreamOptions>;
}

/** Stands in a message of TypeScript's where a factory returns a name that is no option. */
export interface NotAnOption<Path extends string> {
  readonly isNotAnOption: Path;
}

/** Stands in a message of TypeScript's where a factory returns not exactly one of two options. */
export interface GiveOneOf<Names extends string> {
  readonly giveOneOf: Names;
}

// Put off by `infer`: worked out before `Given` is known, all paths at once are more than TypeScript holds.
type Exact<Given> =
  Given extends PromiseLike<unknown>
    ? unknown
    : [UnknownIn<Given, RelayOptions>] extends [infer Path extends string]
      ? [Path] extends [never]
        ? unknown
        : NotAnOption<Path>
      : unknown;

// Where what is returned is wrong in its types, `Given` is `AnyOptions`, with every name, and the return type says what is wrong.
type WithUpstream<Given> = keyof AnyOptions extends keyof Given
  ? unknown
  : Given extends
        | PromiseLike<unknown>
        | { upstream: object; upstreams?: undefined }
        | { upstreams: object; upstream?: undefined }
    ? unknown
    : GiveOneOf<"upstream" | "upstreams">;

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
