// The open relays of this process that `defineRelay` has created, so that a host can close all of them at shutdown.
import type { Relay } from "../relay.ts";

const open = new Set<Relay>();

/** Adds a relay; the function that is returned closes and removes it. */
export function noteOpen(relay: Relay): () => Promise<void> {
  open.add(relay);
  return async () => {
    await relay.close();
    open.delete(relay);
  };
}

/** Closes all open relays. Resolves when the last one is closed. */
export async function closeRelays(): Promise<void> {
  await Promise.all([...open].map((relay) => relay.close()));
}
