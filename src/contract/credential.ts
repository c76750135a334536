/** A credential without its secret, which `tokens/` keeps. */
export interface Credential {
  id: string;
  /** Display name; the id if none is configured. */
  label: string;
  upstream: string;
  /** Priority; a lower number is used first. */
  tier: number;
  /** Share of the requests under the strategy `weighted`, from 1 to 100. */
  weight: number;
  /** Patterns of the models that it serves; `undefined`: all. */
  allow: readonly string[] | undefined;
  /** Patterns of the models that it never serves; overrides `allow`. */
  deny: readonly string[] | undefined;
  /** Maximum number of concurrent requests; `Infinity` without a limit. */
  maxInFlight: number;
}

/** What a cooldown applies to: credential × quota pool × family, or more if a part is `"*"`. */
export interface Key {
  /** Credential id, or `"*"` for every credential of the upstream. */
  credential: string;
  upstream: string;
  pool: string;
  /** Family of models, or `"*"` for every model. */
  family: string;
}
