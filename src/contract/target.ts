import type { Dialect } from "./dialect.ts";

/** One place a request may go: upstream × quota pool × model. */
export interface Target {
  upstream: string;
  dialect: Dialect;
  pool: string;
  /** The model as the upstream knows it; `"*"` where the request names none. */
  model: string;
  /** The family that shares the model's limit. */
  family: string;
  /** Base URL without a trailing slash. */
  baseURL: string;
  /** Headers the operator adds to every call to this target, lower-case names. */
  headers: Readonly<Record<string, string>>;
}
