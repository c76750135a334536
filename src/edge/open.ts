// The relays that `defineRelay` has made in this process, so that a host which hears of its end can close them all.
import type { Relay } from "../relay.ts";

const open = new Set<Relay>();

export function noteOpen(relay: Relay): Relay {
  open.add(relay);
  return relay;
}

export function noteClosed(relay: Relay): void {
  open.delete(relay);
}

/** Closes them all. Resolves when the last is closed; called again, with the same. */
export async function closeRelays(): Promise<void> {
  await Promise.all([...open].map((relay) => relay.close()));
}
