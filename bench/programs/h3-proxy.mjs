// The usual code of an app without a relay.
import { H3, proxyRequest, serve } from "h3";
import { announce, toUpstream, UPSTREAM } from "../lib/program.mjs";

const app = new H3().all("/ai/**", (event) =>
  proxyRequest(event, UPSTREAM + toUpstream(event.url.pathname), {
    headers: { authorization: "Bearer sk-bench" },
  }),
);
const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(server.url);
