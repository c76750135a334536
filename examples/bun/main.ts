import { defineRelay } from "h3-relay/bun";

// Bun serves what a module exports by default, on PORT or 3000.
export default defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // everybody; say here who may call
}));
