import type { Dialect } from "./dialect.ts";

/** Where an upstream listens. */
export interface Endpoint {
  /** Scheme, host and port: `https://api.example.com`. */
  origin: string;
  /** Path of the base URL without a trailing slash: `/v1`. */
  basePath: string;
}

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
  /** The primary first, then its backups (E11). */
  endpoints: readonly Endpoint[];
  /** Headers the operator adds to every call to this target, lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Request headers (lower case) that pass from client to upstream beside the dialect's. */
  passHeaders: readonly string[];
}
