import type { Dialect } from "./dialect.ts";

/** One place a request may go: upstream × quota pool × model. */
export interface Target {
  upstream: string;
  dialect: Dialect;
  pool: string;
  /** The model as the upstream knows it; `"*"` where the request names none. */
  model: string;
  /** The name in the request that `model` takes the place of; `undefined` where it stands there already. */
  replaces?: string;
  /** The family that shares the model's limit. */
  family: string;
  /** Scheme, host and port of the base URL. */
  origin: string;
  /** Path of the base URL without a trailing slash: `/v1`. */
  basePath: string;
  /** Headers the operator adds to every call to this target, lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Request headers (lower case) that pass from client to upstream beside the dialect's. */
  passHeaders: readonly string[];
}
