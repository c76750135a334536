import type { Dialect } from "./dialect.ts";

/** Endpoint of an upstream. */
export interface Endpoint {
  /** Scheme, host and port: `https://api.example.com`. */
  origin: string;
  /** Path of the base URL without a trailing slash: `/v1`. */
  basePath: string;
}

/** One possible destination of a request: upstream × quota pool × model. */
export interface Target {
  upstream: string;
  dialect: Dialect;
  pool: string;
  /** Model name sent to the upstream; `"*"` if the request names none. */
  model: string;
  /** Model name in the request that `model` replaces; `undefined` if they are the same. */
  replaces?: string;
  /** Family of models that share the limit. */
  family: string;
  /** The primary first, then its backups (E11). */
  endpoints: readonly Endpoint[];
  /** Headers that are added to every call to this target, by lower-case name. */
  headers: Readonly<Record<string, string>>;
  /** Values of those headers that are secrets. */
  secrets: readonly string[];
  /** Request headers (lower case) that pass from client to upstream, in addition to those of the dialect. */
  passHeaders: readonly string[];
  /** Which response headers pass from upstream to client. */
  responseFields: ResponseFieldRules;
}

/** Decides which response headers of an upstream pass to the client (N11). */
export interface ResponseFieldRules {
  /** True where `authorize` is configured: no shared cache may store an answer. */
  readonly isPrivate: boolean;
  /** True for a header, by its lower-case name, that does not pass. */
  stops(name: string): boolean;
}
