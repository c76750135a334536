import { createServer } from "node:http";
import { defineRelay } from "h3-relay/node";
import { optionsOf } from "./options.mjs";

const relay = defineRelay({ ...optionsOf(process.env), mount: "/deep/ai" });
createServer(relay).listen(Number(process.env.PORT), "127.0.0.1");
