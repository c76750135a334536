// Options of a credential. Durations are milliseconds.
import type { AnonymousContext, AnonymousSource } from "../contract/anonymous-source.ts";
import type { FreshToken, TokenFunction, TokenSource } from "../contract/token-source.ts";

/** One credential: a static key, a source of access tokens, or a source of anonymous tokens. */
export type CredentialOptions<Tier extends string = string> =
  | AnonymousCredential<Tier>
  | TokenCredential<Tier>
  | KeyCredential<Tier>;

/** The options that every credential has. */
export interface CommonCredential<Tier extends string = string> {
  /** Unique and stable name of the credential, used in state, hooks and log; never derived from the secret, and not `"*"`. */
  id: string;
  /** Display name for the status. @default the id */
  label?: string;
  /** Name of the upstream that the credential belongs to. @default the only upstream */
  upstream?: string;
  /** Priority: a number, or a name out of `tiers`. A lower number (an earlier name) is used first. @default 1, or the first name */
  tier?: number | NoInfer<Tier>;
  /** Models that the credential may be used for. */
  models?: ModelAccess;
  /** Share of the requests under the strategy `weighted`, from 1 to 100, relative to the other credentials. @default 1 */
  weight?: number;
  /** Maximum number of concurrent requests. @default no limit */
  maxInFlight?: number;
  /** Maximum number of anonymous tokens in use at a time; only with `anonymous`. @default 1 */
  maxLive?: number;
  /** Limits on the number of attempts to create anonymous tokens; only with `anonymous`. */
  createLimit?: CreateLimitOptions;
  /**
   * Number of requests after which an anonymous token is retired, before the provider refuses it; only with `anonymous`.
   * @default off
   */
  expectedRequests?: number;
  /**
   * Creates the next anonymous token when the current ones have this number of requests left, or fewer. Needs `expectedRequests`
   * and `maxLive` above 1. @default off
   */
  lowWater?: number;
}

/** A credential with a key that never changes. */
export interface KeyCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /**
   * Static API key, printable ASCII. A key in quotes, with `Bearer ` before it or with a line break in it, and a placeholder are
   * errors. `undefined` (an unset environment variable) is an error at start.
   */
  apiKey: string | undefined;
  token?: undefined;
  anonymous?: undefined;
}

/** A credential with access tokens that are fetched and refreshed. */
export interface TokenCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /**
   * Source of access tokens, instead of `apiKey`: `oauth(…)`, `firebase(…)`, `serviceAccount(…)`, or `async (context) => token`
   * (docs/tokens.md).
   */
  token: TokenSource | TokenFunction;
  apiKey?: undefined;
  anonymous?: undefined;
}

/** A source of anonymous tokens. It carries no requests itself; each token that it creates becomes a credential. */
export interface AnonymousCredential<Tier extends string = string> extends CommonCredential<Tier> {
  /**
   * Source of anonymous tokens, instead of `apiKey` (docs/anonymous.md): `firebaseAnonymous(…)`, `graphqlAnonymous(…)`, an object
   * with `create` and `refresh`, or `create` alone. A token is created when no other credential of this tier or a better one can
   * carry a request. It becomes a credential with the tier, weight, models and `maxInFlight` of this one.
   */
  anonymous: AnonymousSource | ((context: AnonymousContext) => Promise<FreshToken>);
  apiKey?: undefined;
  token?: undefined;
}

/** Models that a credential may be used for, as patterns (`gpt-4*`). */
export interface ModelAccess {
  /** Patterns of models that the credential serves (`gpt-4*`). @default all */
  allow?: string[];
  /** Patterns of models that the credential is never used for; overrides `allow`. @default none */
  deny?: string[];
}

/** Limits on creating anonymous tokens. All are finite and positive: they can be changed, not switched off. */
export interface CreateLimitOptions {
  /** Maximum number of attempts to create a token in 60 minutes; failed attempts count. @default 10 */
  perHour?: number;
  /** Maximum number of attempts to create a token in 24 hours; failed attempts count. @default 50 */
  perDay?: number;
  /** Minimum time between two attempts, in ms; above 0. @default 60_000 */
  spacing?: number;
  /**
   * Name of the counter. Applications that share an address at the provider should share a key and a store, so that their attempts
   * count together. @default the id of the credential
   */
  key?: string;
}
