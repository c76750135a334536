// Writes an answer to the wire, with all faults of its behaviour.
import type { Answer } from "./frames.ts";
import type { Behaviour, Moment } from "./behaviour.ts";
import { toErrorFrame } from "./error-inside.ts";
import type { Exchange } from "./exchange.ts";
import type { Frame } from "./frames.ts";
import { offsetOf } from "./trigger-points.ts";
import type { Progress } from "./trigger-points.ts";
import { createWire } from "./wire.ts";
import type { Wire } from "./wire.ts";

const KEEPALIVE = Buffer.from(": keepalive\n\n");

/** Something that happens once, at its moment. Resolves with `false` when it ends the answer. */
interface Act {
  moment: Moment;
  run(wire: Wire): Promise<boolean>;
}

/** Sends an answer without faults, all at once. */
export function playPlain(exchange: Exchange, answer: Answer, frames: readonly Frame[]): void {
  exchange.head(answer.status, answer.headers);
  for (const { bytes, kind } of frames) {
    exchange.push(bytes);
    exchange.call.keep(bytes);
    if (kind === "payload") exchange.call.events++;
  }
  exchange.whole();
  exchange.end("completed");
}

/** Sends an answer with its behaviour. Resolves when nothing more will be written. */
export async function play(
  exchange: Exchange,
  answer: Answer,
  behaviour: Behaviour,
): Promise<void> {
  if (behaviour.delay !== undefined && !(await exchange.wait(behaviour.delay))) return;
  if (behaviour.garbage) return exchange.garbage();
  if (behaviour.stall === "before-headers" && !(await exchange.stalled())) return;
  if (behaviour.cut === "before-headers") return exchange.cut(behaviour.reset ?? false);
  if (behaviour.untilClose) exchange.untilClose();
  exchange.head(answer.status, answer.headers);
  exchange.flush();
  const wire = createWire(exchange, behaviour);
  const acts = actsOf(exchange, answer, behaviour);
  if (!(await playFrames(exchange, wire, answer.frames, acts, behaviour.interval ?? 0))) return;
  await finish(exchange, wire, behaviour);
}

async function playFrames(
  exchange: Exchange,
  wire: Wire,
  frames: Iterable<Frame>,
  acts: Act[],
  interval: number,
): Promise<boolean> {
  const progress: Progress = { frames: 0, events: 0, bytes: 0 };
  for (const frame of frames) {
    if (interval > 0 && progress.frames > 0 && !(await exchange.wait(interval))) return false;
    if (!(await playFrame(wire, frame, dueActs(acts, progress, frame)))) return false;
    progress.frames++;
    progress.bytes += frame.bytes.length;
    if (frame.kind !== "payload") continue;
    progress.events++;
    exchange.counted();
  }
  for (const { act } of dueActs(acts, progress, undefined))
    if (!(await act.run(wire))) return false;
  return true;
}

async function playFrame(
  wire: Wire,
  frame: Frame,
  due: { act: Act; offset: number }[],
): Promise<boolean> {
  let written = 0;
  for (const { act, offset } of due) {
    if (offset > written && !(await wire.write(frame.bytes.subarray(written, offset))))
      return false;
    written = Math.max(written, offset);
    if (!(await act.run(wire))) return false;
  }
  return wire.write(written === 0 ? frame.bytes : frame.bytes.subarray(written));
}

// Removes the due acts from the list, so that each is run once.
function dueActs(
  acts: Act[],
  progress: Progress,
  next: Frame | undefined,
): { act: Act; offset: number }[] {
  const due: { act: Act; offset: number }[] = [];
  const later: Act[] = [];
  for (const act of acts) {
    const offset = offsetOf(act.moment, progress, next);
    if (offset === undefined) later.push(act);
    else due.push({ act, offset });
  }
  if (due.length > 0) acts.splice(0, acts.length, ...later);
  return due.toSorted((one, other) => one.offset - other.offset);
}

function actsOf(exchange: Exchange, answer: Answer, behaviour: Behaviour): Act[] {
  const { stall, error, end, cut } = behaviour;
  const acts: Act[] = [];
  if (stall !== undefined) acts.push({ moment: stall, run: () => stallIn(exchange, behaviour) });
  if (error !== undefined) {
    const frame = toErrorFrame(exchange.call, answer, error, behaviour);
    const run = async (wire: Wire): Promise<boolean> => {
      if (await wire.write(frame.bytes)) await finish(exchange, wire, behaviour);
      return false;
    };
    acts.push({ moment: error.at ?? "after-headers", run });
  }
  if (end !== undefined) acts.push({ moment: end, run: (wire) => endEarly(exchange, wire) });
  if (cut !== undefined) acts.push({ moment: cut, run: () => cutOff(exchange, behaviour) });
  return acts;
}

function stallIn(exchange: Exchange, { keepalive }: Behaviour): Promise<boolean> {
  return exchange.stalled(keepalive, () => exchange.push(KEEPALIVE));
}

async function endEarly(exchange: Exchange, wire: Wire): Promise<boolean> {
  if (await wire.close()) exchange.end("ended early");
  return false;
}

async function cutOff(exchange: Exchange, { reset = false }: Behaviour): Promise<boolean> {
  exchange.cut(reset);
  return false;
}

async function finish(exchange: Exchange, wire: Wire, behaviour: Behaviour): Promise<void> {
  if (behaviour.holdOpen) {
    exchange.whole();
    await exchange.left();
    return;
  }
  if (!(await wire.close())) return;
  exchange.whole();
  exchange.end("completed");
}
