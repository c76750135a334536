// Ties the schema of a group of options to its type: an option that is in one of them alone, or has another type there, does not compile.
import * as v from "valibot";

type AnyFunction = (...args: never[]) => unknown;

/** Names in any member of a union. */
export type NamesOf<T> = T extends unknown ? keyof T & string : never;
type ValueOf<T, Name> = T extends unknown ? (Name extends keyof T ? T[Name] : never) : never;

type IsOptional<T, Name> = T extends unknown
  ? Name extends keyof T
    ? object extends Pick<T, Name>
      ? true
      : never
    : true
  : never;
type OptionalNames<T> = {
  [Name in NamesOf<T>]: [IsOptional<T, Name>] extends [never] ? never : Name;
}[NamesOf<T>];
type RequiredNames<T> = Exclude<NamesOf<T>, OptionalNames<T>>;

/** Of a function a schema can tell only that it is one. */
type Checkable<Value> = Value extends AnyFunction ? v.InferInput<typeof callable> : Value;

type IsSame<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Appears in TypeScript's message for a schema that does not fit the type of its option. */
interface TypeDiffers<OfType, OfSchema> {
  readonly ofType: OfType;
  readonly ofSchema: OfSchema;
}
/** Appears in TypeScript's message for a schema of a name that is not in the type. */
interface NotInType {
  readonly isNotInType: true;
}

type Tied<Entries, T> = {
  [Name in keyof Entries]: Name extends NamesOf<T>
    ? Entries[Name] extends v.GenericSchema<infer Input>
      ? IsSame<Input, Checkable<Exclude<ValueOf<T, Name>, undefined>>> extends true
        ? unknown
        : TypeDiffers<Checkable<Exclude<ValueOf<T, Name>, undefined>>, Input>
      : never
    : NotInType;
};

type Schemas = Record<string, v.GenericSchema>;

/** Names that have no schema. */
type Lacking<Names extends string, Entries> = {
  [Name in Exclude<Names, keyof Entries>]: v.GenericSchema;
};

/** Schema of any function. */
export const callable: v.GenericSchema<(...args: unknown[]) => unknown> = v.function();

/** Makes a schema of the options `T`: an entry for each, first those that may be left out, then those that must be given. */
export function groupOf<T extends object>(): <
  const Optional extends Schemas,
  const Required extends Schemas,
>(
  optional: Optional & Tied<Optional, T> & Lacking<OptionalNames<T>, Optional>,
  ...rest: [RequiredNames<T>] extends [never]
    ? []
    : [
        required: Required & Tied<Required, T> & Lacking<RequiredNames<T>, Required>,
        message?: string,
      ]
) => v.GenericSchema<T> {
  return ((optional: Schemas, required: Schemas = {}, message?: string) =>
    v.strictObject({ ...required, ...leavable(optional) }, message)) as never;
}

/** Makes a schema of an object in code (`T`): its required methods are checked, more are allowed. */
export function objectOf<T extends object>(): (
  required: Record<RequiredNames<T>, v.GenericSchema>,
  optional?: Partial<Record<OptionalNames<T>, v.GenericSchema>>,
  message?: string,
) => v.GenericSchema<T> {
  return ((required: Schemas, optional: Schemas = {}, message?: string) =>
    v.looseObject({ ...required, ...leavable(optional) }, message)) as never;
}

function leavable(schemas: Schemas): Schemas {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, v.optional(schema)]),
  );
}
