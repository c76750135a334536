import Fastify from "fastify";
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

const app = Fastify();
// In `onRequest` nobody has read the body yet.
const onRequest = (request, reply) => {
  reply.hijack();
  void relay(request.raw, reply.raw);
};
app.all("/ai/*", { onRequest }, () => {});
app.addHook("onClose", () => relay.close());
await relay.relay.ready(); // wrong options end the process here, not the first request
await app.listen({ port: Number(process.env.PORT ?? 3000) });
