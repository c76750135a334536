// undici straight into `ServerResponse`, inside an h3 2 handler.
import { H3, serve } from "h3";
import { announce } from "../lib/program.mjs";
import { relayStraight } from "../lib/straight.mjs";

const HANDLED = Symbol.for("h3.handled");

const app = new H3().all("/ai/**", ({ runtime }) => {
  const { req, res } = runtime.node;
  return new Promise((resolve) => relayStraight(req, res, () => resolve(HANDLED)));
});
const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(server.url);
