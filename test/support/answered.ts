import type { RelayUnderTest } from "./relay.ts";

/** Resolves with a response and advances the relay's clock through its pauses: only while no upstream call is in progress. */
export async function answered(
  relay: RelayUnderTest,
  asking: Promise<Response>,
): Promise<Response> {
  let settled = false;
  const done = (): void => void (settled = true);
  asking.then(done, done);
  while (!settled) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const { calls } = relay.upstream.ledger;
    const isAtWork = calls.some(({ open, stalled }) => open && !stalled);
    if (!settled && !isAtWork) await relay.clock.advance(500);
  }
  return asking;
}
