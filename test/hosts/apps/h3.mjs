import { H3, serve } from "h3";
import { defineRelay } from "h3-relay";
import { optionsOf } from "./options.mjs";

const { PORT, CERT: cert, KEY: key } = process.env;
const app = new H3().all(
  "/deep/ai/**",
  defineRelay(() => optionsOf(process.env)),
);
const tls = cert ? { cert, key } : undefined;
serve(app, { port: Number(PORT), hostname: "127.0.0.1", silent: true, tls });
