import { H3, serve } from "h3";
import { defineRelay } from "h3-relay";

const relay = defineRelay(() => ({
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));

await relay.relay.ready(); // wrong options end the process here, before the first request

// At SIGTERM the server accepts no new connections and waits 5 s for open ones.
serve(new H3().all("/ai/**", relay), { port: process.env.PORT ?? 3000 });
process.once("SIGTERM", () => void relay.close()); // ends open streams with an error event
