// OAuth 2 refresh tokens (RFC 6749, section 6).
import type { FreshToken, TokenContext, TokenSource } from "../../contract/token-source.ts";
import { callStep, secondsIn, textIn } from "../token-endpoint.ts";
import { assertRequired } from "../required-options.ts";

export interface OAuthOptions {
  /** URL of the token endpoint. */
  tokenURL: string;
  /** Id of the client. */
  clientId: string;
  /** Secret of the client, sent by HTTP Basic (section 2.3.1). */
  clientSecret?: string;
  /** Refresh token of the grant. */
  refreshToken: string;
  /** Scopes to request, separated by spaces. */
  scope?: string;
  /** False when the server never changes the refresh token. @default true */
  rotates?: boolean;
  /** Headers added to the call. */
  headers?: Record<string, string>;
}

/**
 * Requests access tokens with a refresh token.
 *
 * @example
 * { id: "prod", token: oauth({ tokenURL, clientId, clientSecret, refreshToken }) }
 */
export function oauth(options: OAuthOptions): TokenSource {
  assertRequired("oauth", options, ["tokenURL", "clientId"]);
  const { tokenURL, clientId, clientSecret, scope, rotates = true } = options;
  const basic = clientSecret === undefined ? undefined : toBasic(clientId, clientSecret);
  return {
    kind: "oauth",
    refreshToken: options.refreshToken,
    secret: JSON.stringify([clientId, clientSecret, options.refreshToken]),
    rotates,
    refresh(context) {
      const form = {
        grant_type: "refresh_token",
        refresh_token: context.refreshToken,
        scope,
        client_id: basic ? undefined : clientId,
      };
      const headers = { ...options.headers, ...(basic && { authorization: basic }) };
      return requestToken(context, { url: tokenURL, form, headers });
    },
  };
}

/** Requests an access token from a token endpoint (RFC 6749, section 5.1). Throws `TokenError`. */
export async function requestToken(
  context: TokenContext,
  {
    url,
    form,
    headers,
  }: { url: string; form: Record<string, string | undefined>; headers?: Record<string, string> },
): Promise<FreshToken> {
  const fields = Object.entries(form).filter(
    (field): field is [string, string] => field[1] !== undefined,
  );
  const body = new URLSearchParams(fields).toString();
  const contentType = "application/x-www-form-urlencoded";
  const answer = await callStep(context, { step: "refresh", url, headers, body, contentType });
  const accessToken = textIn(answer.fields["access_token"]) ?? textIn(answer.fields["id_token"]);
  if (accessToken === undefined) throw answer.without("access_token");
  return {
    accessToken,
    expiresIn: secondsIn(answer.fields["expires_in"]),
    refreshToken: textIn(answer.fields["refresh_token"]),
    serverDate: answer.serverDate,
  };
}

function toBasic(id: string, secret: string): string {
  const encode = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);
  return `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}`;
}
