import Fastify from "fastify";
import { defineRelay } from "h3-relay/node";
import { optionsOf } from "./options.mjs";

const relay = defineRelay(() => ({ ...optionsOf(process.env), mount: "/deep/ai" }));
const app = Fastify();
// Before Fastify reads the body.
const onRequest = (request, reply) => {
  reply.hijack();
  void relay(request.raw, reply.raw);
};
app.all("/deep/ai/*", { onRequest }, () => {});
app.addHook("onClose", () => relay.close());
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
