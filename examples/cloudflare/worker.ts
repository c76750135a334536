import { defineRelay } from "h3-relay/cloudflare";

interface Env {
  UPSTREAM_BASE_URL: string;
  KEY_A: string;
}

export default defineRelay((env: Env) => ({
  mount: "/ai",
  upstream: { baseURL: env.UPSTREAM_BASE_URL, dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));
