// The argument of `createRelay` and `defineRelay`: options, or a factory of them. TypeScript reports unknown names in a literal, but
// not in the result of a function; these types make it do so.
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
  // The checks come first, because their messages are shorter. Each kind of factory is a member, because TypeScript splits unions. It
  // infers from a mapped type only as a last resort, so that a promise is never inferred as `Given`.
  | (Checked<NoInfer<Given>> & ((...context: Context) => Same<Given> & AnyOptions<Tier>))
  | (Checked<NoInfer<Given>> & ((...context: Context) => Promise<Given & AnyOptions<Tier>>))
  | (Declared<NoInfer<Given>> &
      ((...context: Context) => RelayOptions<Tier> | Promise<RelayOptions<Tier>>))
  | RelayOptions<Tier>;

type Same<Given> = { [Name in keyof Given]: Given[Name] };

type Checked<Given> = [Given] extends [never] ? unknown : Exact<Given> & WithUpstream<Given>;

/** Matches factories that are declared to return options; they cannot have unknown names. */
type Declared<Given> = SeveralUpstreams extends Given
  ? unknown
  : OneUpstream extends Given
    ? unknown
    : never;

/** Options with any number of upstreams. Not a union, because TypeScript would infer `Given` from each member. */
export interface AnyOptions<Tier extends string = string> extends CommonOptions<Tier> {
  upstream?: UpstreamOptions;
  upstreams?: Record<string, UpstreamOptions>;
}

/** Appears in TypeScript's message if a factory returns an unknown name. */
export interface NotAnOption<Path extends string> {
  readonly isNotAnOption: Path;
}

/** Appears in TypeScript's message if a factory returns none or both of two options. */
export interface GiveOneOf<Names extends string> {
  readonly giveOneOf: Names;
}

// Deferred by `infer`: evaluated before `Given` is known, the paths exceed a limit of TypeScript.
type Exact<Given> =
  Given extends PromiseLike<unknown>
    ? unknown
    : [UnknownIn<Given, RelayOptions>] extends [infer Path extends string]
      ? [Path] extends [never]
        ? unknown
        : NotAnOption<Path>
      : unknown;

// If the result has a type error, `Given` is `AnyOptions`, with every name, and the error of the return type is shown.
type WithUpstream<Given> = keyof AnyOptions extends keyof Given
  ? unknown
  : Given extends
        | PromiseLike<unknown>
        | { upstream: object; upstreams?: undefined }
        | { upstreams: object; upstream?: undefined }
    ? unknown
    : GiveOneOf<"upstream" | "upstreams">;

/** Objects in code, which may have more members than are used. */
type Own = "dialect" | "token" | "storage" | "log" | "transport" | "clock";

type Leaf = string | number | boolean | null | undefined | ((...input: never[]) => unknown);

/** Paths of the unknown names in `Given`. */
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
