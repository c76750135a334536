import { H3, serve } from "h3";
import { defineRelay } from "h3-relay";

const relay = defineRelay(() => ({
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // everybody; say here who may call
}));

await relay.relay.ready(); // wrong options end the process here, not the first request
serve(new H3().all("/ai/**", relay), { port: process.env.PORT ?? 3000 });
