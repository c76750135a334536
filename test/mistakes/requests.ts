/** Models and bodies that the endpoint does not accept, and browsers that are not allowed to call. */
import { type Given, type Mistake, SERVED } from "./bench.ts";

const right = (given: Given): object => given.right;
const withRight =
  (more: object) =>
  (given: Given): object => ({ ...given.right, ...more });

function several({ right: { upstream, credentials, ...rest } }: Given): object {
  return {
    ...rest,
    upstreams: { one: upstream, two: upstream },
    models: { "gpt-4o": { upstream: "one" }, o3: { upstream: "two" } },
    credentials: ["one", "two"].map((name) => ({
      ...credentials[0],
      id: name,
      upstream: name,
    })),
  };
}

const PREFLIGHT = {
  method: "OPTIONS",
  headers: { origin: "https://app.example", "access-control-request-method": "POST" },
};

export const REQUESTS: Record<string, Mistake> = {
  "J14 a model's name with a slip": {
    body: { model: "gpt4o", messages: [] },
    options: right,
    log: [
      "warn credential team-a for gpt4o cools down for 60 s (1 min, until 00:01 UTC): NOT_FOUND (matched code:model_not_found; backoff); the provider has no model of this name, or this credential has no access to it",
    ],
    answer: [
      404,
      "model_not_found",
      "The model `gpt4o` does not exist or you do not have access to it.",
    ],
  },
  "A14 a model that no credential may use": {
    options: (given) => ({
      ...given.right,
      credentials: [{ ...given.right.credentials[0], models: { allow: ["gpt-5*"] } }],
    }),
    log: [],
    answer: [
      503,
      "ERR_RELAY_NO_CREDENTIAL",
      "No credential is available for model gpt-4o on upstream default: 1 not allowed for this model.",
    ],
  },
  "E3 a model that several upstreams do not list": {
    body: { model: "gpt4o", messages: [] },
    options: several,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_UNKNOWN",
      "The model gpt4o is not listed in the relay's option `models`, which is needed to choose between several upstreams.",
    ],
  },
  "E3 no model, with several upstreams": {
    body: { messages: [] },
    options: several,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and the relay needs one to choose between several upstreams.",
    ],
  },
  "E3 no model": {
    body: { messages: [] },
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and this endpoint needs one.",
    ],
  },
  "E3 no body": {
    body: "",
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and this endpoint needs one: the body is empty.",
    ],
  },
  "E3 a body that was encoded twice": {
    body: JSON.stringify(JSON.stringify({ model: "gpt-4o", messages: [] })),
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and this endpoint needs one: the body is a JSON string, not an object: it was encoded twice.",
    ],
  },
  "E3 a body that was not encoded": {
    body: "[object Object]",
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_BODY_JSON",
      "The request body is declared as JSON but is not valid JSON.",
    ],
  },
  "E3 half a body": {
    body: '{"model":"gpt-4o",',
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_BODY_JSON",
      "The request body is declared as JSON but is not valid JSON.",
    ],
  },
  "E3 half a body, and no content type": {
    body: '{"model":"gpt-4o",',
    headers: { "content-type": "text/plain" },
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and this endpoint needs one: the body is not JSON.",
    ],
  },
  "E3 a form": {
    body: "model=gpt-4o&prompt=hello",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    options: right,
    log: [],
    answer: [
      400,
      "ERR_RELAY_MODEL_MISSING",
      "The request names no model, and this endpoint needs one: the body is not JSON.",
    ],
  },
  "E3 a body in order, and no content type": {
    headers: { "content-type": "text/plain" },
    options: right,
    log: [],
    answer: SERVED,
  },
  "E3 a body beyond the limit": {
    body: { model: "gpt-4o", messages: [], padding: "x".repeat(2_000) },
    options: withRight({ limits: { bodySize: 1_000 } }),
    log: [],
    answer: [
      413,
      "ERR_RELAY_BODY_SIZE",
      "The request body is larger than 1000 bytes (`limits.bodySize`).",
    ],
  },
  "E3 a body that is compressed": {
    headers: { "content-encoding": "gzip" },
    options: right,
    log: [],
    answer: [
      415,
      "ERR_RELAY_BODY_ENCODING",
      "The content-encoding gzip of the request body is not supported; send the body unencoded.",
    ],
  },
  "N8 a browser's page of another origin, and no cors": {
    ...PREFLIGHT,
    options: right,
    log: [
      'warn cors: a page of https://app.example may not call this relay: `cors` is off; if the page is yours, set `cors: { origin: ["https://app.example"] }`',
    ],
    answer: [
      405,
      "ERR_RELAY_METHOD",
      "The method OPTIONS is not supported. This is a browser's preflight, and the relay's option `cors` is off.",
    ],
  },
  "N8 the same, and another origin in cors": {
    ...PREFLIGHT,
    options: withRight({ cors: { origin: ["https://www.app.example"] } }),
    log: [
      "warn cors: a page of https://app.example may not call this relay: `cors.origin` does not list it; if the page is yours, add its origin",
    ],
    answer: [204, undefined, ""],
  },
  "K13 cors with a slash behind the origin": {
    options: withRight({ cors: { origin: ["https://app.example/"] } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: cors.origin[0]: must be an origin like https://app.example.com, without a path or a `/` at its end",
    ],
  },
  "K13 cors: true": {
    options: withRight({ cors: true }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      'The relay\'s options are wrong: cors: must be false or an object like `{ origin: ["https://app.example.com"] }`',
    ],
  },
};
