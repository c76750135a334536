import type { FreshToken, TokenContext } from "./token-source.ts";

/** What the creation of an anonymous token may use. */
export type AnonymousContext = Pick<TokenContext, "fetch" | "clock" | "signal">;

/** Source of anonymous tokens: `firebaseAnonymous`, `graphqlAnonymous`, or an object of the operator's. */
export interface AnonymousSource {
  /** Creates an anonymous user and returns its first token. Called only if the creation limiter allows it; throws a `TokenError`. */
  create(context: AnonymousContext): Promise<FreshToken>;
  /** Gets a new access token for a user created before. Without it an expired token is not used again. */
  refresh?(context: TokenContext): Promise<FreshToken>;
}

/** Limits on creating anonymous tokens; all numbers are finite and positive (H9). */
export interface CreateLimits {
  /** Maximum number of attempts in 60 minutes. */
  perHour: number;
  /** Maximum number of attempts in 24 hours. */
  perDay: number;
  /** Minimum time between two attempts, in ms. */
  spacing: number;
}

/** A configured source of anonymous tokens. It is not in a pool itself; the tokens that it acquires are. */
export interface AcquirerConfig {
  id: string;
  label: string;
  upstream: string;
  /** Priority; a lower number is used first. */
  tier: number;
  /** Share of the requests, from 1 to 100. */
  weight: number;
  allow: readonly string[] | undefined;
  deny: readonly string[] | undefined;
  /** Maximum number of concurrent requests of one token; `Infinity` without a limit. */
  maxInFlight: number;
  source: AnonymousSource;
  /** Maximum number of tokens in use at a time. */
  maxLive: number;
  limits: CreateLimits;
  /** Name of the counter: attempts of all acquirers with this name on the same store count together. */
  limiter: string;
  /** Number of requests after which a token is retired (H8). */
  expectedRequests: number | undefined;
  /** The next token is created when the current ones have this number of requests left in total, or fewer (H10). */
  lowWater: number | undefined;
}
