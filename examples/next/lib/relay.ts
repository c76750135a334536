import { createRelay, type Relay } from "h3-relay";

// Next.js loads a module three times: for routes, for pages and for instrumentation.ts. globalThis keeps one relay for all.
const kept = globalThis as { relay?: Relay };

// Ends open streams; Next.js waits for them.
const stop = (): void => void relay.close();

export const relay: Relay = (kept.relay ??= createRelay(() => {
  process.off("SIGTERM", stop).once("SIGTERM", stop); // one listener, even if the options are read again
  return {
    mount: "/ai",
    upstream: {
      baseURL: process.env.UPSTREAM_BASE_URL ?? "https://api.example.com/v1",
      dialect: "openai",
    },
    credentials: [{ id: "team-a", apiKey: process.env.KEY_A }],
    trustProxy: 1, // a route has no socket; the client is the last address in X-Forwarded-For
    authorize: () => true, // every caller; return an id, or false for 401
  };
}));
