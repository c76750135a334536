import Fastify from "fastify";
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

const app = Fastify();
// In `onRequest`, the body has not been read yet.
const onRequest = (request, reply) => {
  reply.hijack();
  void relay(request.raw, reply.raw);
};
app.all("/ai/*", { onRequest }, () => {});
app.addHook("preClose", () => relay.close()); // ends open streams; `app.close()` waits for them
await relay.relay.ready(); // wrong options end the process here, before the first request
await app.listen({ port: Number(process.env.PORT ?? 3000) });

process.once("SIGTERM", () => void app.close());
