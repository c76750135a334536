// The relay as an h3 2 handler: the Node sink.
import { H3, serve } from "h3";
import { defineRelay } from "../../dist/index.mjs";
import { announce } from "../lib/program.mjs";
import { options } from "./options.mjs";

const app = new H3().all("/ai/**", defineRelay(options));
const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(server.url);
