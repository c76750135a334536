import Fastify from "fastify";
import { defineRelay } from "h3-relay/node";
import { optionsOf } from "./options.mjs";

const relay = defineRelay(() => ({ ...optionsOf(process.env), mount: "/deep/ai" }));
const { PORT, CERT: cert, KEY: key } = process.env;
const app = Fastify(cert ? { http2: true, https: { cert, key, allowHTTP1: true } } : {});
// Before Fastify reads the body.
const onRequest = (request, reply) => {
  reply.hijack();
  void relay(request.raw, reply.raw);
};
app.all("/deep/ai/*", { onRequest }, () => {});
app.addHook("onClose", () => relay.close());
await app.listen({ port: Number(PORT), host: "127.0.0.1" });
