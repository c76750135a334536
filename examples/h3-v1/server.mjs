import { createServer } from "node:http";
import { createApp, createRouter, toNodeListener } from "h3";
import { defineRelay } from "h3-relay/h3-v1";

const relay = defineRelay(() => ({
  upstream: {
    baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
  authorize: () => true, // everybody; say here who may call
}));

const app = createApp().use(createRouter().use("/ai/**", relay));
await relay.relay.ready(); // wrong options end the process here, not the first request
createServer(toNodeListener(app)).listen(process.env.PORT ?? 3000);
