import { serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { createRelay } from "h3-relay";
import { Hono } from "hono";

const relay = createRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // every caller; return an id, or false for 401
}));

const app = new Hono();
app.all("/ai/*", (c) => relay.fetch(c.req.raw, { address: getConnInfo(c).remote.address }));

await relay.ready(); // wrong options end the process here
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) });

process.once("SIGTERM", () => {
  server.close();
  void relay.close(); // ends open streams; the server waits for them
});
