// A credential has been chosen and has no token at hand: waits for one, in place, and looks again whether its key is still open.
import type { Rooms } from "../rooms.ts";
import {
  type Errand,
  giveSlotBack,
  poolOf,
  setbacksOf,
  type Standing,
  type Taken,
} from "./standing.ts";

/** A request waits so long for a token, then goes on with another credential; the refresh goes on too (G11). */
const TOKEN_WAIT = 5_000;

/** Completes what was taken. False where it has been given back: the request looks for somebody else. */
export async function authorize(
  rooms: Rooms,
  errand: Errand,
  standing: Standing,
  taken: Taken,
): Promise<boolean> {
  const { auth, clock } = rooms;
  let isKept = false;
  try {
    await errand.life.during(atMost(rooms, auth.prepare(taken.credential)));
    const secret = auth.peek(taken.credential);
    if (secret === undefined) exclude(standing, taken);
    // While it was waited for, others may have been refused: a key that has closed since is not called (D7).
    isKept = secret !== undefined && isStillOpen(rooms, errand, taken);
    if (isKept) taken.secret = secret;
  } finally {
    if (!isKept) giveBack(rooms, errand, taken, clock.now());
  }
  return isKept;
}

function exclude(standing: Standing, { credential }: Taken): void {
  standing.excluded.push(credential);
  setbacksOf(standing).tokenless.add(credential);
}

function isStillOpen(rooms: Rooms, errand: Errand, { credential, met, trial }: Taken): boolean {
  const { target } = errand;
  const now = rooms.clock.now();
  if (poolOf(rooms, errand).isOpen(credential, target, now)) return true;
  // Its own trial, or the window that this very request has met, keeps the others away and not itself.
  const own = new Set([met?.openedAt, ...(trial ? [trial.startedAt] : [])]);
  const closing = rooms.cooldowns.closing(credential, target, now);
  return closing.length > 0 && closing.every(({ openedAt }) => own.has(openedAt));
}

function giveBack(rooms: Rooms, errand: Errand, taken: Taken, now: number): void {
  taken.trial?.end(now);
  taken.passage.end();
  giveSlotBack(rooms, errand, taken);
}

function atMost({ clock }: Rooms, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(TOKEN_WAIT, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
