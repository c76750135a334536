/** One operation of an API. */
export interface Operation {
  /** Kind of the operation, as `upstream.allow` names it: `generate`, `files`. */
  readonly kind: string;
  /** Method and path of the operation, the same for all its requests: `GET /responses/{id}`. */
  readonly name: string;
  /** True if clients may use the operation without `upstream.allow`. */
  readonly isDefault: boolean;
}

/**
 * The operations of an API by kind: `{ files: ["* /files/**"] }`. A pattern is a method, or `*` for every method, and a path after the
 * version. `{name}` is one segment, `/**` at the end is the path and everything below it. A path that matches no pattern is unknown.
 */
export interface OperationTable {
  /** Kinds that clients may use by default. */
  readonly defaults: Readonly<Record<string, readonly string[]>>;
  /** Kinds that clients may use only if `upstream.allow` names them. */
  readonly restricted: Readonly<Record<string, readonly string[]>>;
  /** Segments that may stand before every path, beside a version. @default none */
  readonly prefixes?: readonly string[] | undefined;
  /** True where a segment may end with a method of its own (`models/x:generateContent`). @default false */
  readonly hasVerbs?: boolean | undefined;
  /** Other places of the same operations. @default none */
  readonly places?: readonly OperationPlaces[] | undefined;
}

/** Places where an API has operations a second time: `/deployments/{deployment}/` besides `/`. */
export interface OperationPlaces {
  /** Kinds of the operations. */
  readonly kinds: readonly string[];
  /** How their paths begin. */
  readonly from: string;
  /** How they begin at the other places. */
  readonly to: readonly string[];
}
