import { createServer } from "node:http";
import { defineRelay } from "h3-relay/node";

const relay = defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // everybody; say here who may call
}));

// Wrong options end the process here: a server that listens with a relay starts it.
const server = createServer(relay).listen(process.env.PORT ?? 3000);
process.once("SIGTERM", async () => {
  server.close();
  await relay.close();
});
