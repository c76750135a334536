// deno run --allow-net --allow-env main.ts; docs/deno.md names fewer permissions.
import { defineRelay } from "h3-relay/deno";

const relay = defineRelay(() => ({
  mount: "/ai",
  upstream: {
    baseURL: Deno.env.get("UPSTREAM_BASE_URL") ?? "https://api.example.com/v1",
    dialect: "openai",
  },
  credentials: [{ id: "team-a", apiKey: Deno.env.get("KEY_A") }],
  authorize: () => true, // every caller; return a caller's id, or false for 401
}));

const server = Deno.serve({ port: Number(Deno.env.get("PORT") ?? 3000) }, relay.fetch);

// Open streams get `streaming.shutdownGrace`, and the server accepts no new connections. Then the process ends by itself.
async function stop() {
  await Promise.all([relay.close(), server.shutdown()]);
}
Deno.addSignalListener("SIGTERM", stop);
Deno.addSignalListener("SIGINT", stop);
