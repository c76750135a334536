// What compiles. Checked by tsc with the whole project, and by test/types/types.test.ts.
import { createStorage } from "unstorage";
import { defineRelay as defineWorker } from "../../adapters/cloudflare.ts";
import { defineRelay as defineNode } from "../../adapters/node.ts";
import { generic } from "../../src/dialects/generic.ts";
import {
  createRelay,
  type CredentialOptions,
  defineRelay,
  firebaseAnonymous,
  oauth,
  type OptionsOf,
  type RelayOptions,
} from "../../src/index.ts";

declare const env: Record<string, string | undefined>;

// One upstream, keys and base URLs from the environment.
createRelay({
  upstream: { baseURL: env["URL"], dialect: "openai" },
  credentials: [{ id: "a", apiKey: env["KEY"] }],
});
// Several upstreams, every kind of credential.
createRelay({
  upstreams: {
    one: { baseURL: "https://api.example.com/v1", dialect: "generic" },
    two: { baseURL: "https://api.example.com", dialect: "anthropic" },
  },
  credentials: [
    { id: "a", apiKey: "k", upstream: "one", tier: 2 },
    { id: "b", token: () => ({ accessToken: "t" }), upstream: "two" },
    {
      id: "c",
      token: oauth({ tokenURL: "https://a", clientId: "c", refreshToken: "r" }),
      upstream: "two",
    },
    { id: "d", anonymous: firebaseAnonymous({ apiKey: "k" }), maxLive: 2, upstream: "two" },
  ],
  models: { "gpt-4o": { upstream: "one" } },
});
// Tiers by name.
createRelay({
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  tiers: ["free", "pro"],
  credentials: [{ id: "a", apiKey: "k", tier: "pro" }],
});
// A dialect of one's own, with more on it than is used.
createRelay({
  upstream: { baseURL: "https://api.example.com", dialect: { ...generic, name: "own" } },
  credentials: [{ id: "a", apiKey: "k" }],
});
// Factories, with what TypeScript infers in them.
defineRelay(() => ({
  upstream: { baseURL: env["URL"], dialect: "google" },
  tiers: ["free", "pro"],
  credentials: [{ id: "a", apiKey: env["KEY"], tier: "free" }],
  authorize: (request) => request.headers.get("x-user") ?? false,
  scheduling: { mode: "balance", sessionKey: (request) => request.headers.get("x-session") },
  limits: { rules: [{ when: { status: 402 }, then: { reason: "BILLING" } }] },
  hooks: { end: ({ reason }) => void (reason satisfies string) },
  storage: createStorage(),
  log: console,
}));
defineRelay(async () => ({
  upstream: { baseURL: await Promise.resolve("https://api.example.com"), dialect: "anthropic" },
  credentials: [{ id: "a", apiKey: env["KEY"] }],
}));
defineNode(() => {
  const dialect = "openai";
  return {
    upstream: { baseURL: env["URL"], dialect },
    credentials: [{ id: "a", apiKey: env["KEY"] }],
    streaming: { idleTimeout: 1_000 },
  };
});
defineWorker((worker: { KEY: string }) => ({
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  credentials: [{ id: "a", apiKey: worker.KEY }],
}));
defineWorker<{ KEY: string }>(({ KEY }) => ({
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  tiers: ["a"],
  credentials: [{ id: "a", apiKey: KEY, tier: "a" }],
}));
// Annotations.
const credentials: CredentialOptions[] = ["a", "b"].map((id) => ({ id, apiKey: env[id] }));
const options: RelayOptions = {
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  tiers: ["a"],
  credentials: [...credentials, { id: "c", apiKey: "k", tier: "a" }],
};
createRelay(options);
createRelay({ ...options, mount: "/ai" });
defineRelay(() => options);
defineRelay(async () => options);
defineRelay((): RelayOptions => options);
declare const given: OptionsOf;
createRelay(given);
createRelay({ upstream: options.upstream!, credentials });
createRelay(() => ({ upstream: options.upstream!, tiers: ["a", "b"], credentials }));
