// Ids of requests.
import type { Random } from "../contract/clock.ts";

/** Returns a function that creates ids: unique in the process and, by their prefix, most likely beyond it. */
export function createRequestIds(random: Random): () => string {
  const prefix = Math.floor(random() * 2 ** 32).toString(36);
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}
