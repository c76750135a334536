// Firebase ID tokens, from the secure token endpoint. The refresh token stays the same.
import type { TokenSource } from "../../contract/token-source.ts";
import { refreshSecurely } from "./firebase-identity.ts";
import { assertRequired } from "../required-options.ts";

export interface FirebaseOptions {
  /** The project's web API key. */
  apiKey: string;
  /** Refresh token of the user. */
  refreshToken: string;
  /** Base URL of the endpoint that refreshes tokens. @default "https://securetoken.googleapis.com" */
  tokenEndpoint?: string;
}

/**
 * Requests Firebase ID tokens with a refresh token.
 *
 * @example
 * { id: "app", token: firebase({ apiKey, refreshToken }) }
 * @see https://firebase.google.com/docs/reference/rest/auth#section-refresh-token
 */
export function firebase(options: FirebaseOptions): TokenSource {
  assertRequired("firebase", options, ["apiKey"]);
  return {
    kind: "firebase",
    refreshToken: options.refreshToken,
    secret: JSON.stringify([options.apiKey, options.refreshToken]),
    rotates: false,
    refresh: (context) => refreshSecurely(context, options),
  };
}
