// Finds the point in an answer at which something is due.
import type { Moment } from "./behaviour.ts";
import type { Frame } from "./frames.ts";

/** The progress of an answer. */
export interface Progress {
  frames: number;
  /** Payload events written. */
  events: number;
  /** Body bytes written, before any content encoding. */
  bytes: number;
}

/**
 * Returns the offset in the next frame at which a moment is due; `undefined` when it is not due there. No next frame means the end of the
 * body.
 */
export function offsetOf(
  moment: Moment,
  progress: Progress,
  next: Frame | undefined,
): number | undefined {
  if (typeof moment === "string") return isDue(moment, progress, next) ? 0 : undefined;
  if ("afterEvents" in moment) return progress.events >= moment.afterEvents ? 0 : undefined;
  if (next === undefined) return undefined;
  if ("afterBytes" in moment) {
    const offset = moment.afterBytes - progress.bytes;
    return offset <= next.bytes.length ? Math.max(offset, 0) : undefined;
  }
  const reached = next.kind === "payload" && progress.events + 1 >= moment.inEvent;
  return reached ? Math.floor(next.bytes.length / 2) : undefined;
}

function isDue(moment: Moment, progress: Progress, next: Frame | undefined): boolean {
  switch (moment) {
    case "after-headers":
      return progress.frames === 0;
    case "after-lifecycle":
      return next?.kind !== "lifecycle";
    case "before-terminal":
      return next === undefined || next.kind === "terminal";
    default:
      return false;
  }
}
