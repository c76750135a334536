import type { Clock } from "./clock.ts";

/** What a token source gives. */
export interface FreshToken {
  accessToken: string;
  /** Seconds the token lives, as the server says; the token's own `exp` goes before it. */
  expiresIn?: number | undefined;
  /** UTC epoch ms, where the source knows it already. */
  expiresAt?: number | undefined;
  /** The refresh token to use from now on, where one was given. */
  refreshToken?: string | undefined;
  /** `Date` of the answer, UTC epoch ms: the server's clock (G3). */
  serverDate?: number | undefined;
}

/** What a source may use. */
export interface TokenContext {
  /** The newest refresh token known; `undefined` for sources without one. */
  refreshToken: string | undefined;
  fetch: typeof fetch;
  clock: Clock;
  /** Aborted by the refresh's own timeout, never by a request (G10). */
  signal: AbortSignal;
}

/** Gets a token; a text alone is one whose life its own claims tell, or nobody. */
export type TokenFunction = (
  context: TokenContext,
) => Promise<FreshToken | string> | FreshToken | string;

/** Where a credential's access token comes from. Made by `oauth`, `firebase`, `serviceAccount`, or a function of the operator's. */
export interface TokenSource {
  kind: string;
  /** The refresh token it was configured with. */
  refreshToken?: string | undefined;
  /**
   * All secrets it was configured with, as one text: where they change, what was said for good of the old ones ends.
   * @default the refresh token
   */
  secret?: string | undefined;
  /** True where a refresh makes the refresh token it used invalid: single flight over instances is correctness then (G7). */
  rotates: boolean;
  /** Gets a new access token. Throws a `TokenError`. */
  refresh(context: TokenContext): Promise<FreshToken>;
}
