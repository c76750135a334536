import type { Clock } from "./clock.ts";

/** What a token source returns. */
export interface FreshToken {
  accessToken: string;
  /** Lifetime of the token in seconds, as the server states it; the token's own `exp` overrides it. */
  expiresIn?: number | undefined;
  /** Expiry of the token, UTC epoch ms, if the source has it. */
  expiresAt?: number | undefined;
  /** Refresh token to use from now on, if the server returned one. */
  refreshToken?: string | undefined;
  /** `Date` header of the response, UTC epoch ms: the server's clock (G3). */
  serverDate?: number | undefined;
}

/** What a token source may use. */
export interface TokenContext {
  /** Latest refresh token; `undefined` for sources without one. */
  refreshToken: string | undefined;
  /** The `fetch` to call the token server with. */
  fetch: typeof fetch;
  clock: Clock;
  /** Aborted by the timeout of the refresh, never by a request (G10). */
  signal: AbortSignal;
}

/** Gets a token. A string is a token without a stated lifetime: its `exp` claim is used if it has one. */
export type TokenFunction = (
  context: TokenContext,
) => Promise<FreshToken | string> | FreshToken | string;

/** Source of a credential's access tokens: `oauth`, `firebase`, `serviceAccount`, or an object of the operator's. */
export interface TokenSource {
  /** Kind of the source, for the status: `oauth`, `firebase`, `service-account`, … */
  kind: string;
  /** The configured refresh token. */
  refreshToken?: string | undefined;
  /**
   * All configured secrets as one string. If it changes, a credential that was disabled because of the old ones is enabled.
   * @default the refresh token
   */
  secret?: string | undefined;
  /** True if a refresh invalidates the refresh token that it used: instances must then take turns (G7). */
  rotates: boolean;
  /** Gets a new access token. Throws a `TokenError`. */
  refresh(context: TokenContext): Promise<FreshToken>;
}
