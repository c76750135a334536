import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import { defineRelay } from "h3-relay/node";
import { optionsOf } from "./options.mjs";

const { PORT, CERT: cert, KEY: key } = process.env;
const relay = defineRelay({ ...optionsOf(process.env), mount: "/deep/ai" });
const server = cert
  ? createSecureServer({ cert, key, allowHTTP1: true }, relay)
  : createServer(relay);
server.listen(Number(PORT), "127.0.0.1");
