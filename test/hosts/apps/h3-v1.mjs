import { createServer } from "node:http";
import { createApp, createRouter, toNodeListener, useBase } from "h3";
import { defineRelay } from "h3-relay/h3-v1";
import { optionsOf } from "./options.mjs";

const router = createRouter().use(
  "/ai/**",
  defineRelay(() => optionsOf(process.env)),
);
const app = createApp().use("/deep", useBase("", router.handler));
createServer(toNodeListener(app)).listen(Number(process.env.PORT), "127.0.0.1");
