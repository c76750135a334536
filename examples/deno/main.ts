import { defineRelay } from "h3-relay/deno";

const relay = defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: Deno.env.get("UPSTREAM_BASE_URL") ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: Deno.env.get("KEY_A") }],
  authorize: () => true, // everybody; say here who may call
}));

Deno.serve({ port: Number(Deno.env.get("PORT") ?? 3000) }, relay.fetch);
