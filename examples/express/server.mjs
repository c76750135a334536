import express from "express";
import { defineRelay } from "h3-relay/node";

const relay = defineRelay(() => ({
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));

const app = express();
app.use("/ai", relay); // before express.json(), which would read the body
await relay.relay.ready(); // wrong options end the process here, before the first request
const server = app.listen(process.env.PORT ?? 3000);

process.once("SIGTERM", () => {
  server.close();
  void relay.close(); // ends open streams; the server waits for them
});
