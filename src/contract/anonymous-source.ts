import type { FreshToken, TokenContext } from "./token-source.ts";

/** What making an anonymous token may use. */
export type AnonymousContext = Pick<TokenContext, "fetch" | "clock" | "signal">;

/** Where anonymous tokens come from. Made by `firebaseAnonymous`, `graphqlAnonymous`, or by the operator. */
export interface AnonymousSource {
  /** Makes one user and returns its first token. Called only where the creation limiter allows it; throws a `TokenError`. */
  create(context: AnonymousContext): Promise<FreshToken>;
  /** Gets a new access token for a user made before; without it a token that has run out is not used again. */
  refresh?(context: TokenContext): Promise<FreshToken>;
}

/** How many anonymous tokens may be made; all numbers are finite and positive (H9). */
export interface CreateLimits {
  perHour: number;
  perDay: number;
  /** Least time between two attempts, ms. */
  spacing: number;
}

/** A configured source of anonymous tokens. It is no member of a pool itself: the tokens it acquires are. */
export interface AcquirerConfig {
  id: string;
  label: string;
  upstream: string;
  tier: number;
  weight: number;
  allow: readonly string[] | undefined;
  deny: readonly string[] | undefined;
  maxInFlight: number;
  source: AnonymousSource;
  /** Tokens that may be in use at a time. */
  maxLive: number;
  limits: CreateLimits;
  /** Whose attempts count together: those of all acquirers with this key on the same store. */
  limiter: string;
  /** A token is taken out of use after so many requests (H8). */
  expectedRequests: number | undefined;
  /** The next token is made when the live ones together are good for so many requests or fewer (H10). */
  lowWater: number | undefined;
}
