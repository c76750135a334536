// `fetch` and a `Response` in an h3 2 handler.
import { H3, serve } from "h3";
import { announce, toUpstream, UPSTREAM } from "../lib/program.mjs";

const app = new H3().all("/ai/**", async (event) => {
  const upstream = await fetch(UPSTREAM + toUpstream(event.url.pathname), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer sk-bench" },
    body: await event.req.arrayBuffer(),
    signal: event.req.signal,
  });
  const headers = { "content-type": upstream.headers.get("content-type") };
  return new Response(upstream.body, { status: upstream.status, headers });
});
const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(server.url);
