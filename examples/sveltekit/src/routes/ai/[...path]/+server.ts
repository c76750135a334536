import type { RequestHandler } from "@sveltejs/kit";
import { createRelay, type Relay } from "h3-relay";

// Ends open streams; the server waits for them.
const stop = (): void => void relay.close();

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

export const fallback: RequestHandler = ({ request, getClientAddress }) =>
  relay.fetch(request, { address: getClientAddress() });
