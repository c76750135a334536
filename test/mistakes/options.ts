/** Options that are misspelt, of the wrong type, or out of range; factories; storages. */
import { createStorage } from "unstorage";
import memoryDriver from "unstorage/drivers/memory";
import redisDriver from "unstorage/drivers/redis";
import { type Given, later, type Mistake, SERVED } from "./bench.ts";

const withRight =
  (more: object) =>
  (given: Given): object => ({ ...given.right, ...more });
const withCredential =
  (more: object) =>
  ({ right }: Given): object => ({
    ...right,
    tiers: ["free", "pro"],
    credentials: [{ ...right.credentials[0], ...more }],
  });

function redis({ right, at }: Given): object {
  const url = at.nothing.replace("http:", "redis:");
  // One attempt to connect, so that nothing is left open after the test.
  const once = { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null };
  const storage = createStorage({ driver: redisDriver({ url, ...once } as never) });
  later(() => storage.dispose());
  return { ...right, storage };
}

export const OPTIONS: Record<string, Mistake> = {
  "K13 an option with a slip": {
    options: withRight({ streeming: {} }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: streeming: is not an option; did you mean `streaming`?",
    ],
  },
  "L13 K13 the same in a factory": {
    options: (given) => () => withRight({ streeming: {} })(given),
    log: [
      "error The relay's options are wrong: streeming: is not an option; did you mean `streaming`?",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "L13 K13 the same in an async factory": {
    options: (given) => async () => withRight({ streeming: {} })(given),
    log: [
      "error The relay's options are wrong: streeming: is not an option; did you mean `streaming`?",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "L13 an async factory that rejects": {
    options: () => () => Promise.reject(new Error("vault: sealed")),
    log: [
      "console [relay] the function that returns the relay's options failed: Error: vault: sealed at PLACE",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "L13 a factory that throws": {
    options: () => () => {
      throw new TypeError("process.env.KEYS is undefined");
    },
    log: [
      "console [relay] the function that returns the relay's options failed: TypeError: process.env.KEYS is undefined at PLACE",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "L13 a factory without its return": {
    options: () => () => {},
    log: [
      "console [relay] The relay's options are wrong: options: must be an object; a function must return it",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "L13 a factory in a factory": {
    options: (given) => () => () => given.right,
    log: [
      "console [relay] The relay's options are wrong: options: must be an object, not a function returned by a function",
    ],
    answer: [
      500,
      "ERR_RELAY_START",
      "The relay could not start: the server's log has the details.",
    ],
  },
  "K13 no credentials": {
    options: withRight({ credentials: undefined }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials: is missing: give a list of `{ id, apiKey }`",
    ],
  },
  "K13 an empty list of credentials": {
    options: withRight({ credentials: [] }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials: is empty: give at least one credential, `{ id, apiKey }`",
    ],
  },
  "K13 key in place of apiKey": {
    options: withRight({ credentials: [{ id: "team-a", key: "sk-live-0123456789" }] }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).key: is not an option; did you mean `apiKey`?",
    ],
  },
  "K13 an upstream as text": {
    options: withRight({ upstream: "https://api.openai.com/v1" }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstream: must be an object like `{ baseURL, dialect }`",
    ],
  },
  "K13 no dialect": {
    options: withRight({ upstream: { baseURL: "https://api.openai.com/v1" } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstream.dialect: is missing: give one of openai, anthropic, google, generic",
    ],
  },
  "K13 baseUrl": {
    options: withRight({ upstream: { baseUrl: "https://api.openai.com/v1", dialect: "openai" } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstream.baseUrl: is not an option; did you mean `baseURL`?",
    ],
  },
  "K13 upstream and upstreams": {
    options: withRight({ upstreams: {} }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: upstreams: cannot be combined with `upstream`",
    ],
  },
  "K13 a tier with a slip": {
    options: withCredential({ tier: "prof" }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      'The relay\'s options are wrong: credentials[0] (team-a).tier: must be one of free, pro; did you mean "pro"?',
    ],
  },
  "K13 an upstream's name that does not exist": {
    options: withCredential({ tier: "pro", upstream: "openai" }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: credentials[0] (team-a).upstream: must be one of default",
    ],
  },
  "K13 a fallback with a slip": {
    options: withRight({ models: { "gpt-4o": { fallback: ["gpt-4o-mni"] }, "gpt-4o-mini": {} } }),
    log: ['warn models.gpt-4o.fallback[0] is not listed in `models`; did you mean "gpt-4o-mini"?'],
    answer: SERVED,
  },
  "K13 a fallback twice": {
    options: withRight({ models: { "gpt-4o": { fallback: ["o3", "o3"] } } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: models.gpt-4o.fallback[1]: is a duplicate of models.gpt-4o.fallback[0]",
    ],
  },
  "K13 a fallback as text": {
    options: withRight({ models: { "gpt-4o": { fallback: "o3" } } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: models.gpt-4o.fallback: must be a list",
    ],
  },
  "K13 a negative time and a zero": {
    options: withRight({ streaming: { idleTimeout: -1 }, limits: { maxAttempts: 0 } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong in 2 places:\n  limits.maxAttempts: must be at least 1\n  streaming.idleTimeout: must not be negative",
    ],
  },
  "K13 seconds for milliseconds": {
    options: withRight({ streaming: { firstByteTimeout: 60 } }),
    log: [
      "warn streaming.firstByteTimeout is 60 ms: durations are in milliseconds; 60 s would be 60_000",
    ],
    answer: SERVED,
  },
  "K13 a time as text": {
    options: withRight({ streaming: { idleTimeout: "30s" } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: streaming.idleTimeout: must be a number",
    ],
  },
  "K13 authorize: true": {
    options: withRight({ authorize: true }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: authorize: must be a function",
    ],
  },
  "K13 a driver as storage": {
    options: withRight({ storage: memoryDriver() }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: storage: must be a storage, not a driver: wrap it, `createStorage({ driver })` of unstorage",
    ],
  },
  "K13 a promise as storage": {
    options: withRight({ storage: Promise.resolve(createStorage()) }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: storage: must be a storage, not a promise: await it first, in an `async` factory",
    ],
  },
  "K13 a class as storage": {
    options: withRight({
      storage: class Store {
        getItem(): void {}
      },
    }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: storage: must be a storage, not a class: pass `createStorage({ driver })` of unstorage, or `useStorage()` in Nitro and Nuxt",
    ],
  },
  "K13 a Map as storage": {
    options: withRight({ storage: new Map() }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: storage: must be a storage, but has no `getItem`: pass `createStorage({ driver })` of unstorage, or `useStorage()` in Nitro and Nuxt",
    ],
  },
  "J15 a storage in memory": {
    options: withRight({ storage: createStorage() }),
    start:
      "relay /ai → 127.0.0.1:PORT (openai), 1 credential, state in memory (lost at restart: cooldowns, disabled credentials, usage counts, tokens)",
    log: [],
    answer: SERVED,
  },
  "J14 J15 Redis that does not run": {
    options: redis,
    start:
      "relay /ai → 127.0.0.1:PORT (openai), 1 credential, state in redis: not reachable yet (ECONNREFUSED)",
    log: [
      "warn state store redis is not reachable (ECONNREFUSED): check that it runs, and the address in the options of its driver; requests are served from memory, and the store is tried again every few seconds",
    ],
    answer: SERVED,
  },
};
