import { createServer } from "node:http";
import { defineRelay } from "h3-relay/node";

const relay = defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));

// A server that listens with a relay starts it; wrong options end the process here.
const server = createServer(relay).listen(process.env.PORT ?? 3000);

process.once("SIGTERM", () => {
  server.close();
  void relay.close(); // ends open streams; the server waits for them
});
