/** A missing option is an error when the source is created, with its name: no call is sent with the text "undefined" as a key. */
import { expect, it } from "vitest";
import {
  firebase,
  firebaseAnonymous,
  graphqlAnonymous,
  oauth,
  serviceAccount,
} from "../../src/index.ts";

const unset = undefined as never;
const refreshToken = "a-refresh-token";
const tokenURL = "https://a.example/token";
const graphql = {
  url: "https://a.example/graphql",
  query: "mutation { a }",
  tokenPath: "data.a",
  exchange: { apiKey: "key" },
};

it.each<[string, () => unknown]>([
  ["firebase.apiKey", () => firebase({ refreshToken, apiKey: unset })],
  ["firebase.apiKey", () => firebase({ refreshToken, apiKey: "" })],
  ["oauth.tokenURL", () => oauth({ refreshToken, tokenURL: unset, clientId: "c" })],
  ["oauth.clientId", () => oauth({ refreshToken, tokenURL, clientId: unset })],
  [
    "serviceAccount.privateKey",
    () => serviceAccount({ clientEmail: "robot@a.example", privateKey: unset, tokenURL }),
  ],
  ["firebaseAnonymous.apiKey", () => firebaseAnonymous({ apiKey: unset })],
  ["graphqlAnonymous.url", () => graphqlAnonymous({ ...graphql, url: "" })],
  ["graphqlAnonymous.exchange", () => graphqlAnonymous({ ...graphql, exchange: unset })],
  [
    "graphqlAnonymous.exchange.apiKey",
    () => graphqlAnonymous({ ...graphql, exchange: { apiKey: unset } }),
  ],
])("H1 G12 the error of a source names the missing option: %s", (path, make) => {
  expect(make).toThrow(
    expect.objectContaining({
      code: "ERR_RELAY_OPTIONS",
      message: expect.stringContaining(`${path}: is missing; is its environment variable set?`),
    }),
  );
});
