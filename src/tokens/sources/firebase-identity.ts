// Anonymous users of Firebase Authentication: sign-in, the exchange of custom tokens, and refresh.
import type { FreshToken, TokenContext } from "../../contract/token-source.ts";
import type { AnonymousContext, AnonymousSource } from "../../contract/anonymous-source.ts";
import { assertRequired } from "../required-options.ts";
import { callStep, secondsIn, type StepAnswer, textIn } from "../token-endpoint.ts";

export interface FirebaseKeyOptions {
  /** The project's web API key. */
  apiKey: string;
  /** Base URL of the endpoint that creates users. @default "https://identitytoolkit.googleapis.com" */
  endpoint?: string;
  /** Base URL of the endpoint that refreshes tokens. @default "https://securetoken.googleapis.com" */
  tokenEndpoint?: string;
}

const ENDPOINT = "https://identitytoolkit.googleapis.com";
const TOKEN_ENDPOINT = "https://securetoken.googleapis.com";

/**
 * Creates tokens by Firebase anonymous sign-in (`accounts:signUp`), and refreshes them.
 *
 * @example
 * { id: "guests", anonymous: firebaseAnonymous({ apiKey: process.env.FIREBASE_KEY }) }
 * @see https://firebase.google.com/docs/reference/rest/auth#section-sign-in-anonymously
 */
export function firebaseAnonymous(options: FirebaseKeyOptions): AnonymousSource {
  assertRequired("firebaseAnonymous", options, ["apiKey"]);
  const { endpoint = ENDPOINT } = options;
  return {
    async create(context) {
      const url = at(endpoint, "accounts:signUp", options);
      const body = JSON.stringify({ returnSecureToken: true });
      return toUser(await callStep(context, { step: "create", url, body }));
    },
    refresh: (context) => refreshSecurely(context, options),
  };
}

/** Exchanges a custom token for the first ID token of its user. */
export async function exchangeCustomToken(
  context: AnonymousContext,
  token: string,
  options: FirebaseKeyOptions,
): Promise<FreshToken> {
  const { endpoint = ENDPOINT } = options;
  const url = at(endpoint, "accounts:signInWithCustomToken", options);
  const body = JSON.stringify({ token, returnSecureToken: true });
  return toUser(await callStep(context, { step: "exchange", url, body }));
}

/** Requests a new ID token with a refresh token, which stays the same. */
export async function refreshSecurely(
  context: TokenContext,
  options: FirebaseKeyOptions,
): Promise<FreshToken> {
  const { tokenEndpoint = TOKEN_ENDPOINT } = options;
  const url = at(tokenEndpoint, "token", options);
  const body = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: context.refreshToken ?? "",
  }).toString();
  const contentType = "application/x-www-form-urlencoded";
  const answer = await callStep(context, { step: "refresh", url, body, contentType });
  const { fields, serverDate } = answer;
  const accessToken = textIn(fields["id_token"]) ?? textIn(fields["access_token"]);
  if (accessToken === undefined) throw answer.without("id_token");
  return {
    accessToken,
    refreshToken: textIn(fields["refresh_token"]),
    expiresIn: secondsIn(fields["expires_in"]),
    serverDate,
  };
}

function toUser(answer: StepAnswer): FreshToken {
  const { fields, serverDate } = answer;
  const accessToken = textIn(fields["idToken"]);
  if (accessToken === undefined) throw answer.without("idToken");
  return {
    accessToken,
    refreshToken: textIn(fields["refreshToken"]),
    expiresIn: secondsIn(fields["expiresIn"]),
    serverDate,
  };
}

// A slash at the end of the endpoint is optional.
function at(endpoint: string, operation: string, { apiKey }: FirebaseKeyOptions): string {
  return `${endpoint.replace(/\/+$/, "")}/v1/${operation}?key=${encodeURIComponent(apiKey)}`;
}
