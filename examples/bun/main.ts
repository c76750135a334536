import { defineRelay } from "h3-relay/bun";

const relay = defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));

// Bun ends the process at SIGTERM at once; close() first ends open streams with an error event.
process.once("SIGTERM", () => void relay.close().then(() => process.exit()));

// Bun serves the default export of the module, on PORT or 3000.
export default relay;
