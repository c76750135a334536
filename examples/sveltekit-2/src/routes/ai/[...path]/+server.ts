import type { IncomingMessage } from "node:http";
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

export const fallback: RequestHandler = ({ request, platform, getClientAddress }) => {
  // adapter-node 5 does not report a client that disconnects before the head; the socket does. `vite dev` has no platform.
  const socket = (platform as unknown as { req: IncomingMessage } | undefined)?.req.socket;
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  socket?.once("close", leave);
  return relay.fetch(new Request(request, { signal: leaving.signal }), {
    address: getClientAddress(),
    waitUntil: (over) => void over.then(() => socket?.off("close", leave)),
  });
};
