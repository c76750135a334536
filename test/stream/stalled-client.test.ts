/** A client that takes nothing of what waits for it (I22). */
import { expect, it } from "vitest";
import { createStage, SSE, type Stage, WORD } from "./stage.ts";

const STALL = 100;

/** A stream whose client does not read, with 100 bytes that it has not taken. */
function stall(stage: Stage = createStage({ stallTimeout: STALL })): Stage {
  stage.head(200, SSE);
  stage.sink.isFast = false;
  stage.sink.backlog = 100;
  stage.data(WORD);
  return stage;
}

it("I22 counts as gone after the limit, and its connection is closed", async () => {
  const stage = stall();
  await stage.clock.advance(STALL - 1);
  expect(stage.results).toEqual([]);
  expect(stage.delivery.isClientGone).toBe(false);
  await stage.clock.advance(1);
  expect(stage.results).toEqual([{ kind: "left" }]);
  expect(stage.told).toEqual(["abort"]);
  expect(stage.sink.how).toBe("destroyed");
  expect(stage.delivery).toMatchObject({ isOver: true, isStalled: true, isClientGone: true });
  expect(stage.clock.pending()).toBe(0);
});

it("I22 is not stalled while it takes a byte now and then, long before everything has drained", async () => {
  const stage = stall();
  for (let nth = 0; nth < 50; nth++) {
    await stage.clock.advance(STALL - 1);
    stage.sink.backlog!--;
  }
  expect(stage.results).toEqual([]);
  // The last byte is seen at the next look.
  await stage.clock.advance(1.1 * STALL);
  expect(stage.results).toEqual([{ kind: "left" }]);
});

it("I22 more bytes to take are no sign that it takes any", async () => {
  const stage = stall();
  for (let nth = 0; nth < 10; nth++) {
    await stage.clock.advance(STALL / 10 - 1);
    stage.sink.backlog! += 50;
    stage.data(WORD);
  }
  await stage.clock.advance(10);
  expect(stage.results).toEqual([{ kind: "left" }]);
});

it("I22 starts anew when it has taken everything", async () => {
  const stage = stall();
  for (let nth = 0; nth < 5; nth++) {
    await stage.clock.advance(STALL - 1);
    stage.sink.drain();
    await stage.clock.advance(50);
    stage.sink.isFast = false;
    stage.data(WORD);
  }
  expect(stage.results).toEqual([]);
  await stage.clock.advance(STALL);
  expect(stage.results).toEqual([{ kind: "left" }]);
});

it.each<[string, (stage: Stage) => void]>([
  ["reads in the same process", (stage) => (stage.sink.backlog = undefined)],
  ["has no limit", () => {}],
])("I22 a client that %s may pause for ever", async (_how, prepare) => {
  const stage = createStage({ stallTimeout: _how.startsWith("has") ? false : STALL });
  stage.head(200, SSE);
  stage.sink.isFast = false;
  stage.sink.backlog = 100;
  prepare(stage);
  stage.data(WORD);
  await stage.clock.advance(1_000 * STALL);
  expect(stage.results).toEqual([]);
  stage.sink.drain();
  expect(stage.told).toEqual(["resume"]);
});

it("I22 leaves no deadline of a client that leaves by itself, or whose answer ends", async () => {
  for (const end of [
    (stage: Stage) => stage.sink.leave(),
    (stage: Stage) => stage.delivery.end(),
  ]) {
    const stage = stall();
    end(stage);
    stage.timers.stop();
    await stage.clock.advance(10 * STALL);
    expect(stage.delivery.isStalled).toBe(false);
    expect(stage.sink.how).not.toBe("destroyed");
  }
});
