// The relays that `defineRelay` has defined in this process, so that a host which hears of its end can close them all.
import type { Relay } from "../relay.ts";

const open = new Set<Relay>();

/** Notes a relay until it is closed by the function that is returned. */
export function noteOpen(relay: Relay): () => Promise<void> {
  open.add(relay);
  return async () => {
    await relay.close();
    open.delete(relay);
  };
}

/** Closes them all. Resolves when the last is closed; called again, with the same. */
export async function closeRelays(): Promise<void> {
  await Promise.all([...open].map((relay) => relay.close()));
}
