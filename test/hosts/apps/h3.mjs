import { H3, serve } from "h3";
import { defineRelay } from "h3-relay";
import { optionsOf } from "./options.mjs";

const app = new H3().all(
  "/deep/ai/**",
  defineRelay(() => optionsOf(process.env)),
);
serve(app, { port: Number(process.env.PORT), hostname: "127.0.0.1", silent: true });
