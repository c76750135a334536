// Anonymous users made by a GraphQL mutation, which gives a custom token that is exchanged for an ID token.
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
  url: string;
  /** The mutation that makes a user. */
  query: string;
  variables?: Record<string, unknown>;
  /** Headers added to the mutation; none that says who or where we are (`user-agent`, `x-forwarded-for`, …). */
  headers?: Record<string, string>;
  /** Where the custom token stands in the answer: `"data.createUser.customToken"`. */
  tokenPath: string;
  /** Where the custom token is exchanged, and the ID token refreshed. */
  exchange: FirebaseKeyOptions;
}

/** What a provider counts creations by: the relay looks the same to it every time (H9). */
const IDENTITY =
  /^(?:user-agent|forwarded|via|x-forwarded-.*|x-original-.*|(?:x-)?(?:real|client|remote|true-client|cluster-client)-(?:ip|addr)|[a-z]+-connecting-ip|sec-.*|cookie)$/i;

/**
 * Makes tokens in two steps: a GraphQL mutation, then the exchange of its custom token; refreshes them as Firebase does.
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
      detail: "says who or where the caller is, and is never changed",
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
