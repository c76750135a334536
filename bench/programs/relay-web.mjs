// The relay's `fetch` behind srvx: the web sink, on Node.
import { serve } from "srvx";
import { createRelay } from "../../dist/index.mjs";
import { announce } from "../lib/program.mjs";
import { options } from "./options.mjs";

const relay = createRelay(options);
const server = serve({
  port: 0,
  hostname: "127.0.0.1",
  silent: true,
  fetch: (request) => relay.fetch(request, { mount: "/ai", address: request.ip }),
});
await server.ready();
announce(server.url);
