/** Keys and tokens that the provider does not accept. */
import { firebaseAnonymous, oauth } from "../../src/index.ts";
import { type Given, KEY, type Mistake, SERVED } from "./bench.ts";

const keyed = ({ right }: Given, apiKey: unknown): object => ({
  ...right,
  credentials: [{ id: "team-a", apiKey }],
});
const tokened = ({ right }: Given, token: unknown): object => ({
  ...right,
  credentials: [{ id: "team-a", token }],
});
const source = (tokenURL: string): unknown =>
  oauth({ tokenURL, clientId: "app", refreshToken: "refresh-0123456789", rotates: false });

export const KEYS: Record<string, Mistake> = {
  "J14 a key that the provider does not know": {
    options: (given) => keyed(given, "sk-live-wrong-0123456789"),
    log: [
      'warn credential team-a on upstream default is disabled: API key refused, UNAUTHENTICATED (code:invalid_api_key); check that it is a key of this upstream and replace it, or call relay.credentials.enable("team-a") if it is valid again',
    ],
    answer: [
      503,
      "ERR_RELAY_NO_CREDENTIAL",
      "No credential is available for model gpt-4o on upstream default: 1 disabled (API key refused).",
    ],
  },
  "J14 such a key, for the second request too": {
    times: 2,
    options: (given) => keyed(given, "sk-live-wrong-0123456789"),
    log: [
      'warn credential team-a on upstream default is disabled: API key refused, UNAUTHENTICATED (code:invalid_api_key); check that it is a key of this upstream and replace it, or call relay.credentials.enable("team-a") if it is valid again',
    ],
    answer: [
      503,
      "ERR_RELAY_NO_CREDENTIAL",
      "No credential is available for model gpt-4o on upstream default: 1 disabled (API key refused).",
    ],
  },
  "J14 one wrong key of two": {
    options: ({ right }) => ({
      ...right,
      credentials: [{ id: "old", apiKey: "sk-live-wrong-0123456789" }, ...right.credentials],
    }),
    log: [
      'warn credential old on upstream default is disabled: API key refused, UNAUTHENTICATED (code:invalid_api_key); check that it is a key of this upstream and replace it, or call relay.credentials.enable("old") if it is valid again',
    ],
    answer: SERVED,
  },
  "J14 a wrong key at Google, which answers 400": {
    path: "/ai/v1beta/models/gemini-2.5-flash:generateContent",
    body: { contents: [] },
    options: (given) => ({
      ...keyed(given, "AIzaWrong0123456789"),
      upstream: { baseURL: given.at.googleKey, dialect: "google" },
    }),
    log: [
      'warn credential team-a on upstream default is disabled: API key refused, UNAUTHENTICATED (code:API_KEY_INVALID); check that it is a key of this upstream and replace it, or call relay.credentials.enable("team-a") if it is valid again',
    ],
    answer: [
      503,
      503,
      "No credential is available for model gemini-2.5-flash on upstream default: 1 disabled (API key refused).",
    ],
  },
  "K13 J14 a key of another provider": {
    options: (given) => ({
      ...keyed(given, "sk-ant-api03-0123456789abcdefghij"),
      upstream: { baseURL: "https://api.openai.com/v1", dialect: "openai" },
      fetch: () => Promise.reject(Object.assign(new Error("no network"), { code: "ENOTFOUND" })),
    }),
    log: [
      "warn credential team-a: apiKey looks like a key of Anthropic, but its upstream is api.openai.com",
      "warn upstream default (api.openai.com:443): the host name could not be resolved (ENOTFOUND); check `baseURL`: the host name does not exist, or the DNS server of this machine does not know it",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      "The upstream's host name could not be resolved for model gpt-4o on upstream default.",
    ],
  },
  "J14 an account without credit": {
    options: (given) => ({
      ...given.right,
      upstream: { baseURL: `${given.at.broke}/v1`, dialect: "openai" },
    }),
    log: [
      "warn credential team-a cools down for 600 s (10 min, until 00:10 UTC): BILLING (matched dialect:openai; backoff)",
    ],
    answer: [
      429,
      "ERR_RELAY_LIMITED",
      "All credentials are limited for model gpt-4o on upstream default: 1 without credit; retry in 10 min (600 s).",
    ],
  },
  "K13 one key under two ids": {
    options: ({ right }) => ({
      ...right,
      credentials: [...right.credentials, { id: "team-b", apiKey: KEY }],
    }),
    log: [
      "warn credential team-b: apiKey is the same as that of team-a: the provider counts both as one key, so they share every limit",
    ],
    answer: SERVED,
  },
  "K13 an environment variable that is not set": {
    options: (given) => keyed(given, process.env["NO_SUCH_VARIABLE"]),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).apiKey: is missing; is its environment variable set?",
    ],
  },
  "K13 the same in a factory": {
    options: (given) => () => keyed(given, process.env["NO_SUCH_VARIABLE"]),
    log: [
      "error The relay's options are wrong: credentials[0] (team-a).apiKey: is missing; is its environment variable set?",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "K13 a key with the line break of its file": {
    options: (given) => keyed(given, `${KEY}\n`),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).apiKey: contains a line break: files often end with one, `.trim()` removes it",
    ],
  },
  "K13 a key in the quotes of its .env": {
    options: (given) => keyed(given, `"${KEY}"`),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).apiKey: is in quotes: remove them",
    ],
  },
  "K13 a key with its scheme": {
    options: (given) => keyed(given, `Bearer ${KEY}`),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).apiKey: begins with a scheme such as `Bearer `: set the key only, the relay adds the scheme",
    ],
  },
  "K13 a placeholder": {
    options: (given) => keyed(given, "sk-your-key-here"),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).apiKey: is a placeholder: set the real key",
    ],
  },
  "K13 a token as text": {
    options: (given) => tokened(given, KEY),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).token: must be a function or a source such as `oauth(…)`; for a static key use `apiKey`",
    ],
  },
  "J14 a token endpoint where nothing listens": {
    options: (given) => tokened(given, source(`${given.at.nothing}/oauth/token`)),
    log: [
      "warn token endpoint (127.0.0.1:PORT): connection refused (ECONNREFUSED); check that the server runs at this host and port, and that the address of the token endpoint names them",
      "warn the token of team-a could not be refreshed: NETWORK, the token endpoint could not be reached; next attempt in 5 s",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (refresh: NETWORK); retry in 5 s.",
    ],
  },
  "J14 a token endpoint that does not exist": {
    options: (given) => tokened(given, source(`${given.at.lost}/oauth/tokn`)),
    log: [
      "warn the token of team-a could not be refreshed: FORBIDDEN (page:404): status 404, check the address of the token endpoint; next attempt in 5 s",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (refresh: FORBIDDEN); retry in 5 s.",
    ],
  },
  "J14 a page of the web as token endpoint": {
    options: (given) => tokened(given, source(`${given.at.page}/login`)),
    log: [
      "warn the token of team-a could not be refreshed: INVALID_ANSWER, the response contained no token: check the address of the token endpoint, or what the token function returns; next attempt in 5 s",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (refresh: INVALID_ANSWER); retry in 5 s.",
    ],
  },
  "J14 a refresh token that is not valid": {
    options: (given) => tokened(given, source(`${given.origin}/oauth/token`)),
    log: [
      'warn credential team-a on upstream default is disabled: re-authentication required, UNAUTHENTICATED (code:invalid_grant); configure a new refresh token, or call relay.credentials.enable("team-a") if the old one is valid again',
    ],
    answer: [
      503,
      "ERR_RELAY_NO_CREDENTIAL",
      "No credential is available for model gpt-4o on upstream default: 1 disabled (re-authentication required).",
    ],
  },
  "J15 a refresh token that rotates, and no storage": {
    options: (given) =>
      tokened(
        given,
        oauth({ tokenURL: `${given.origin}/oauth/token`, clientId: "app", refreshToken: "r" }),
      ),
    log: [
      "warn the refresh tokens of team-a rotate and are kept in memory: after the first restart the configured ones are sent, which are no longer valid, and each of these credentials needs a new login; set a `storage` that survives restarts",
      'warn credential team-a on upstream default is disabled: re-authentication required, UNAUTHENTICATED (code:invalid_grant); configure a new refresh token, or call relay.credentials.enable("team-a") if the old one is valid again',
    ],
    answer: [
      503,
      "ERR_RELAY_NO_CREDENTIAL",
      "No credential is available for model gpt-4o on upstream default: 1 disabled (re-authentication required).",
    ],
  },
  "J14 a token function without its return": {
    options: (given) => tokened(given, () => {}),
    log: [
      "warn the token of team-a could not be refreshed: INVALID_ANSWER, the response contained no token: check the address of the token endpoint, or what the token function returns; next attempt in 5 s",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (refresh: INVALID_ANSWER); retry in 5 s.",
    ],
  },
  "J14 a token function that throws": {
    options: (given) =>
      tokened(given, () => {
        throw new TypeError("session is undefined");
      }),
    log: [
      "warn the token of team-a could not be refreshed: SOURCE, the token function failed: TypeError at PLACE; next attempt in 5 s",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (refresh: SOURCE); retry in 5 s.",
    ],
  },
  "J14 anonymous tokens from an address where nothing listens": {
    options: ({ right, at }) => ({
      ...right,
      credentials: [
        {
          id: "guests",
          anonymous: firebaseAnonymous({ apiKey: "AIza0123456789", endpoint: at.nothing }),
        },
      ],
    }),
    log: [
      "warn anonymous tokens and the attempts to create them are kept in memory: a restart loses them, and may create more tokens than the provider allows; set a `storage` that survives restarts",
      "warn anonymous endpoint (127.0.0.1:PORT): connection refused (ECONNREFUSED); check that the server runs at this host and port, and that the address of the anonymous endpoint names them",
      "warn acquirer guests got no token: create failed, NETWORK (fault:closed); the next is created in 1 min at the earliest",
    ],
    answer: [
      503,
      "ERR_RELAY_TOKEN",
      "No credential has an access token for model gpt-4o on upstream default (create: NETWORK); retry in 1 min (60 s).",
    ],
  },
};
