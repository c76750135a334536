// A credential has been chosen and has no token at hand: waits for one, in place, and looks again whether its key is still open.
import type { Services } from "../wiring/create-services.ts";
import {
  type RequestPlan,
  giveSlotBack,
  poolOf,
  historyOf,
  type AttemptState,
  type Selection,
} from "./attempt-state.ts";

/** A request waits so long for a token, then goes on with another credential; the refresh goes on too (G11). */
const TOKEN_WAIT = 5_000;

/** Completes what was taken. False where it has been given back: the request looks for somebody else. */
export async function authenticate(
  rooms: Services,
  plan: RequestPlan,
  state: AttemptState,
  selection: Selection,
): Promise<boolean> {
  const { auth, clock } = rooms;
  let isKept = false;
  try {
    await plan.context.during(atMost(rooms, auth.ensure(selection.credential)));
    const secret = auth.getCached(selection.credential);
    if (secret === undefined) exclude(state, selection);
    // While it was waited for, others may have been refused: a key that has closed since is not called (D7).
    isKept = secret !== undefined && isStillOpen(rooms, plan, selection);
    if (isKept) selection.secret = secret;
  } finally {
    if (!isKept) giveBack(rooms, plan, selection, clock.now());
  }
  return isKept;
}

function exclude(state: AttemptState, { credential }: Selection): void {
  state.excluded.push(credential);
  historyOf(state).tokenless.add(credential);
}

function isStillOpen(
  rooms: Services,
  plan: RequestPlan,
  { credential, met, probe }: Selection,
): boolean {
  const { target } = plan;
  const now = rooms.clock.now();
  if (poolOf(rooms, plan).isOpen(credential, target, now)) return true;
  // Its own trial, or the window that this very request has met, keeps the others away and not itself.
  const own = new Set([met?.openedAt, ...(probe ? [probe.startedAt] : [])]);
  const closing = rooms.cooldowns.closing(credential, target, now);
  return closing.length > 0 && closing.every(({ openedAt }) => own.has(openedAt));
}

function giveBack(rooms: Services, plan: RequestPlan, selection: Selection, now: number): void {
  selection.probe?.end(now);
  selection.circuitCall.end();
  giveSlotBack(rooms, plan, selection);
}

function atMost({ clock }: Services, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(TOKEN_WAIT, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
