// Anonymous users created by a GraphQL mutation, which returns a custom token that is exchanged for an ID token.
import type { AnonymousContext, AnonymousSource } from "../contract/anonymous-source.ts";
import { RelayError } from "../shared/errors.ts";
import { assertRequired } from "../tokens/required-options.ts";
import { callStep, textIn } from "../tokens/token-endpoint.ts";
import {
  exchangeCustomToken,
  type FirebaseKeyOptions,
  refreshSecurely,
} from "../tokens/sources/firebase-identity.ts";

export interface GraphqlAnonymousOptions {
  /** URL of the GraphQL endpoint. */
  url: string;
  /** The mutation that creates a user. */
  query: string;
  /** Variables of the mutation. */
  variables?: Record<string, unknown>;
  /** Headers added to the mutation. Headers that identify the caller (`user-agent`, `x-forwarded-for`, …) are an error. */
  headers?: Record<string, string>;
  /** Path of the custom token in the answer: `"data.createUser.customToken"`. */
  tokenPath: string;
  /** The endpoints that exchange the custom token and refresh the ID token. */
  exchange: FirebaseKeyOptions;
}

/** Headers by which a provider may count creations: the relay sends the same ones each time (H9). */
const IDENTITY =
  /^(?:user-agent|forwarded|via|x-forwarded-.*|x-original-.*|(?:x-)?(?:real|client|remote|true-client|cluster-client)-(?:ip|addr)|[a-z]+-connecting-ip|sec-.*|cookie)$/i;

/**
 * Creates tokens in two steps: a GraphQL mutation, then the exchange of its custom token. They are refreshed as in Firebase.
 *
 * @example
 * graphqlAnonymous({
 *   url: "https://api.example.com/graphql",
 *   query: "mutation { createAnonymousUser { customToken } }",
 *   tokenPath: "data.createAnonymousUser.customToken",
 *   exchange: { apiKey: process.env.FIREBASE_KEY },
 * })
 */
export function graphqlAnonymous(options: GraphqlAnonymousOptions): AnonymousSource {
  const { exchange } = options;
  assertRequired("graphqlAnonymous", options, ["url", "query", "tokenPath", "exchange"]);
  assertRequired("graphqlAnonymous.exchange", exchange, ["apiKey"]);
  const disguise = Object.keys(options.headers ?? {}).find((name) => IDENTITY.test(name));
  if (disguise !== undefined)
    throw new RelayError("ERR_RELAY_OPTIONS", {
      path: `graphqlAnonymous.headers.${disguise}`,
      detail: "must not be set: it identifies the caller to the provider",
    });
  return {
    create: async (context) =>
      exchangeCustomToken(context, await createUser(context, options), exchange),
    refresh: (context) => refreshSecurely(context, exchange),
  };
}

async function createUser(
  context: AnonymousContext,
  { url, query, variables, headers, tokenPath }: GraphqlAnonymousOptions,
): Promise<string> {
  const body = JSON.stringify({ query, variables });
  const answer = await callStep(context, { step: "create", url, headers, body });
  const token = textIn(at(answer.fields, tokenPath));
  if (token === undefined) throw answer.without(tokenPath);
  return token;
}

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const name of path.split(".")) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name))
      return undefined;
    found = (found as Record<string, unknown>)[name];
  }
  return found;
}
