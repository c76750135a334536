/** Wrong base URLs, and clients that request other paths. */
import type { Given, Mistake } from "./bench.ts";

const at =
  (baseURL: string, dialect: string = "openai") =>
  ({ right }: Given): object => ({
    ...right,
    upstream: { baseURL, dialect },
  });
const under =
  (path: string, dialect: string = "openai") =>
  (given: Given): object =>
    at(given.origin + path, dialect)(given);

const MESSAGES = { model: "claude-sonnet-4-5", max_tokens: 5, messages: [] };
const CONTENTS = { contents: [] };
const GENERATE = "/ai/v1beta/models/gemini-2.5-flash:generateContent";

export const ADDRESSES: Record<string, Mistake> = {
  "J14 a host name with a slip": {
    options: at("https://api.opena1.invalid/v1"),
    log: [
      "warn upstream default (api.opena1.invalid:443): the host name could not be resolved (ENOTFOUND); check `baseURL`: the host name does not exist, or the DNS server of this machine does not know it",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      "The upstream's host name could not be resolved for model gpt-4o on upstream default.",
    ],
  },
  "J14 a port where nothing listens": {
    options: (given) => at(`${given.at.nothing}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): connection refused (ECONNREFUSED); check that the server runs at this host and port, and that `baseURL` names them",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      "The upstream refused the connection for model gpt-4o on upstream default.",
    ],
  },
  "J14 https: where the server speaks http": {
    options: (given) => at(`${given.origin.replace("http:", "https:")}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): TLS handshake failed (CODE); check the scheme (`https:` or `http:`) and the port in `baseURL`: the server at this port may not support TLS",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_UNREACHABLE",
      "The TLS handshake with the upstream failed for model gpt-4o on upstream default.",
    ],
  },
  "J14 http: where the server speaks https": {
    options: (given) => at(`${given.at.secure}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): connection closed before an answer came (UND_ERR_SOCKET); check the scheme and the port in `baseURL`, and the proxies and load balancers in between",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_CLOSED",
      "The upstream closed the connection before it answered for model gpt-4o on upstream default.",
    ],
  },
  "J14 the port of something that is no HTTP server": {
    options: (given) => at(`${given.at.mail}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): the answer is not valid HTTP (CODE); check that an HTTP API listens at the host and port in `baseURL`",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_INVALID",
      "The upstream's response is not valid HTTP, or does not match its own headers for model gpt-4o on upstream default.",
    ],
  },
  "J14 a website that says 200": {
    options: (given) => at(`${given.at.page}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): answered with a web page (text/html); check that `baseURL` is the base address of the API, not of a website",
    ],
    answer: [200, undefined, "<title>Welcome</title>"],
  },
  "J14 a website that says 404": {
    options: (given) => at(`${given.at.lost}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): answered 404 to its first request (page:404); check the path of `baseURL` (a missing or doubled `/v1`?); if it is correct, the request's method, path or model is not served there",
    ],
    answer: [404, undefined, "<h1>404 Not Found</h1>"],
  },
  "J14 an address that redirects": {
    options: (given) => at(`${given.at.moved}/v1`)(given),
    log: [
      "warn upstream default (127.0.0.1:PORT): answered with a redirect (status 308 to https://www.example.com); set `baseURL` to the final address: redirects are not followed, because they would carry the credential along",
    ],
    answer: [
      502,
      "ERR_RELAY_UPSTREAM_REDIRECT",
      "The upstream answered with a redirect for model gpt-4o on upstream default; redirects are not followed, because they would carry the credential along.",
    ],
  },
  "K13 a base URL without its scheme": {
    options: at("api.openai.com/v1"),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstream.baseURL: must be an absolute http(s) URL: add https:// (or http://)",
    ],
  },
  "K13 a base URL that is not set": {
    options: at(process.env["NO_SUCH_VARIABLE"] as string),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstream.baseURL: is missing; is its environment variable set?",
    ],
  },
  "K13 J14 a base URL without /v1": {
    options: under(""),
    log: [
      "warn upstream.baseURL has no path: OpenAI-compatible APIs usually have /v1, which their clients do not append",
      "warn upstream default (127.0.0.1:PORT): answered 404 to its first request (words:not-there); check the path of `baseURL` (a missing or doubled `/v1`?); if it is correct, the request's method, path or model is not served there",
    ],
    answer: [404, "unknown_url", "Unknown path: POST /chat/completions"],
  },
  "K13 J14 a base URL with /v1 twice": {
    options: under("/v1/v1"),
    log: [
      "warn upstream.baseURL ends with two versions (/v1/v1): remove one of them",
      "warn upstream default (127.0.0.1:PORT): answered 404 to its first request (words:not-there); check the path of `baseURL` (a missing or doubled `/v1`?); if it is correct, the request's method, path or model is not served there",
    ],
    answer: [404, "unknown_url", "Unknown path: POST /v1/v1/chat/completions"],
  },
  "J14 a base URL with another version": {
    options: under("/v2"),
    log: [
      "warn upstream default (127.0.0.1:PORT): answered 404 to its first request (words:not-there); check the path of `baseURL` (a missing or doubled `/v1`?); if it is correct, the request's method, path or model is not served there",
    ],
    answer: [404, "unknown_url", "Unknown path: POST /v2/chat/completions"],
  },
  "K13 L7 a base URL with its endpoint": {
    options: under("/v1/chat/completions"),
    log: [
      "warn upstream.baseURL ends with an endpoint (/chat/completions), which clients append themselves: remove it",
    ],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/chat/completions: the relay's options contain a whole endpoint, and the client adds one. OpenAI clients add no version: in the relay `upstream.baseURL` must end with the version (/v1) and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/chat/completions.",
    ],
  },
  "L7 a client whose base URL ends with /v1": {
    path: "/ai/v1/chat/completions",
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/v1/chat/completions: the version is given twice, in the request and in the relay's options. OpenAI clients add no version: in the relay `upstream.baseURL` must end with the version (/v1) and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/chat/completions.",
    ],
  },
  "L7 a client whose base URL ends with /v1/v1": {
    path: "/ai/v1/v1/chat/completions",
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/v1/v1/chat/completions: the version is given twice, in the request and in the relay's options. OpenAI clients add no version: in the relay `upstream.baseURL` must end with the version (/v1) and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/chat/completions.",
    ],
  },
  "L7 a client whose base URL ends with the endpoint": {
    path: "/ai/chat/completions/chat/completions",
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/chat/completions/chat/completions: the endpoint is given twice in the request. OpenAI clients add no version: in the relay `upstream.baseURL` must end with the version (/v1) and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/chat/completions.",
    ],
  },
  "L7 a request to the mount alone": {
    path: "/ai",
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai: the request names no endpoint. OpenAI clients add it by themselves: their base URL must end with /ai. Then the request goes to /ai/chat/completions.",
    ],
  },
  "J14 N13 an endpoint with a slip": {
    path: "/ai/chat/completion",
    options: under("/v1"),
    log: [
      'warn operations: a request was refused with 403: POST /chat/completion is not allowed here: the dialect openai has no such operation. Did you mean POST /chat/completions? If the upstream has it, the relay\'s option `upstream.allow` must contain "POST /chat/completion"; docs/security.md#operations lists what clients may do by default',
    ],
    answer: [
      403,
      "ERR_RELAY_OPERATION",
      'POST /chat/completion is not allowed here: the dialect openai has no such operation. Did you mean POST /chat/completions? If the upstream has it, the relay\'s option `upstream.allow` must contain "POST /chat/completion".',
    ],
  },
  "J14 N13 GET in place of POST": {
    method: "GET",
    options: under("/v1"),
    log: [
      'warn operations: a request was refused with 403: GET /chat/completions is not allowed here: it is an operation of the kind "stored_completions". Did you mean POST /chat/completions? Only the operator can change that: the relay\'s option `upstream.allow` must contain "stored_completions", or "GET /chat/completions" for this operation alone; docs/security.md#operations lists what clients may do by default',
    ],
    answer: [
      403,
      "ERR_RELAY_OPERATION",
      'GET /chat/completions is not allowed here: it is an operation of the kind "stored_completions". Did you mean POST /chat/completions? Only the operator can change that: the relay\'s option `upstream.allow` must contain "stored_completions", or "GET /chat/completions" for this operation alone.',
    ],
  },
  "K13 L7 Anthropic's base URL with /v1": {
    path: "/ai/v1/messages",
    body: MESSAGES,
    options: under("/v1", "anthropic"),
    log: [
      "warn upstream.baseURL ends with a version, which official clients of this dialect (anthropic) append themselves (/v1): remove it, otherwise they get 404",
    ],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/v1/messages: the version is given twice, in the request and in the relay's options. Anthropic clients add /v1 by themselves: in the relay `upstream.baseURL` must end without a version and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/v1/messages.",
    ],
  },
  "L7 a request to Anthropic without /v1": {
    path: "/ai/messages",
    body: MESSAGES,
    options: under("", "anthropic"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      "Nothing is served at /ai/messages: no version is given in the request or in the relay's options. Anthropic clients add /v1 by themselves: in the relay `upstream.baseURL` must end without a version and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/v1/messages.",
    ],
  },
  "K13 L7 Google's base URL with /v1beta": {
    path: GENERATE,
    body: CONTENTS,
    options: under("/v1beta", "google"),
    log: [
      "warn upstream.baseURL ends with a version, which official clients of this dialect (google) append themselves (/v1beta): remove it, otherwise they get 404",
    ],
    answer: [
      404,
      404,
      "Nothing is served at /ai/v1beta/models/gemini-2.5-flash:generateContent: the version is given twice, in the request and in the relay's options. Google clients add /v1beta by themselves: in the relay `upstream.baseURL` must end without a version and without an endpoint, in the client the base URL must end with /ai. Then the request goes to /ai/v1beta/models/gemini-2.5-flash:generateContent.",
    ],
  },
  "L7 a client of OpenAI before Anthropic": {
    options: under("", "anthropic"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      'Nothing is served at /ai/chat/completions: this is a path of OpenAI clients, and the dialect of the upstream is anthropic; the relay does not translate. Use an Anthropic client, or an upstream with `dialect: "openai"`.',
    ],
  },
  "L7 a client of OpenAI before Google": {
    options: under("", "google"),
    log: [],
    answer: [
      404,
      404,
      'Nothing is served at /ai/chat/completions: this is a path of OpenAI clients, and the dialect of the upstream is google; the relay does not translate. Use a Google client, or an upstream with `dialect: "openai"`.',
    ],
  },
  "L7 a client of Anthropic before OpenAI": {
    path: "/ai/v1/messages",
    body: MESSAGES,
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      'Nothing is served at /ai/v1/messages: this is a path of Anthropic clients, and the dialect of the upstream is openai; the relay does not translate. Use an OpenAI client, or an upstream with `dialect: "anthropic"`.',
    ],
  },
  "L7 a client of Google before OpenAI": {
    path: GENERATE,
    body: CONTENTS,
    options: under("/v1"),
    log: [],
    answer: [
      404,
      "ERR_RELAY_VERSION",
      'Nothing is served at /ai/v1beta/models/gemini-2.5-flash:generateContent: this is a path of Google clients, and the dialect of the upstream is openai; the relay does not translate. Use an OpenAI client, or an upstream with `dialect: "google"`.',
    ],
  },
  "K13 a dialect in another case": {
    options: at("https://api.openai.com/v1", "OpenAI"),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      'The relay\'s options are wrong: upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own; did you mean "openai"?',
    ],
  },
  "K13 a product for a dialect": {
    options: at("https://api.openai.com/v1", "gpt"),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      'The relay\'s options are wrong: upstream.dialect: must be one of openai, anthropic, google, generic, or a dialect of your own; did you mean "openai"?',
    ],
  },
};
