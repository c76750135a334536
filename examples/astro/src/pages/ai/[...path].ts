import type { APIRoute } from "astro";
import { createRelay, type Relay } from "h3-relay";

export const prerender = false;

// Astro cuts open streams at SIGTERM; close() ends them with an error event.
const stop = (): void => void relay.close().then(() => process.exit());

const relay: Relay = createRelay(() => {
  process.off("SIGTERM", stop).once("SIGTERM", stop); // one listener, even if the options are read again
  return {
    mount: "/ai",
    upstream: {
      baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
      dialect: "openai",
    },
    credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
    authorize: () => true, // every caller; return an id, or false for 401
  };
});

export const ALL: APIRoute = ({ request, clientAddress }) =>
  relay.fetch(request, { address: clientAddress });
