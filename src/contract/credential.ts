/** Something that can carry a request, as the rooms see it. Which secret it presents is auth's business. */
export interface Credential {
  id: string;
  /** A name for people; the id where none was given. */
  label: string;
  upstream: string;
  /** Rank of preference, lower first. */
  tier: number;
  weight: number;
  /** Patterns of the models it serves; `undefined` is all. Deny wins over allow. */
  allow: readonly string[] | undefined;
  deny: readonly string[] | undefined;
  /** Requests in flight at most; `Infinity` where there is no cap. */
  maxInFlight: number;
}

/** What a cooldown is about: credential × quota pool × family, or wider where parts are `"*"`. */
export interface Key {
  /** Credential id, or `"*"` for every credential of the upstream. */
  credential: string;
  upstream: string;
  pool: string;
  /** Family of models, or `"*"` for every model. */
  family: string;
}
