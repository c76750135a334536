import { expect, it } from "vitest";
import { RequestQueue } from "../../src/policies/request-queue.ts";

/** The queue of one upstream: which entries were woken, in order, and which could proceed. */
function createLine(limit = 10) {
  const room = new RequestQueue(limit);
  const woken: string[] = [];
  const ready = new Set<string>();
  const enter = (name: string, upstream = "up") => {
    const place = room.enter(upstream, () => ready.has(name));
    const sleep = (): void => place.park(() => void woken.push(name));
    sleep();
    return { ...place, sleep };
  };
  return { room, woken, ready, enter };
}

it("A13 wakes the first entry that can proceed, and the next one for the next slot", () => {
  const { room, woken, ready, enter } = createLine();
  ["a", "b", "c"].forEach((name) => enter(name));
  ready.add("b").add("c");
  room.wakeOne("up");
  room.wakeOne("up");
  room.wakeOne("up");
  expect(woken).toEqual(["b", "c"]);
});

it("E2 keeps the position of an entry that found nothing before later ones", () => {
  const { room, woken, ready, enter } = createLine();
  const a = enter("a");
  enter("b");
  ready.add("a").add("b");
  room.wakeOne("up");
  a.sleep();
  room.wakeOne("up");
  expect(woken).toEqual(["a", "a"]);
});

it("A13 passes the chance of an entry that leaves to the next", () => {
  const { room, woken, ready, enter } = createLine();
  const a = enter("a");
  enter("b");
  ready.add("a").add("b");
  room.wakeOne("up");
  a.leave();
  a.leave();
  expect(woken).toEqual(["a", "b"]);
  expect(room.size).toBe(1);
});

it("D7 wakes all in order when something has closed or opened, and none of another upstream", () => {
  const { room, woken, enter } = createLine();
  enter("a");
  enter("b");
  enter("elsewhere", "other");
  room.wakeAll("up");
  room.wakeAll("up");
  room.wakeAll("nobody waits here");
  expect(woken).toEqual(["a", "b"]);
});

it("N4 counts over all upstreams, and has space again when an entry leaves", () => {
  const { room, enter } = createLine(2);
  const a = enter("a");
  enter("b", "other");
  expect(() => enter("c")).toThrow(
    expect.objectContaining({ code: "ERR_RELAY_QUEUE_FULL", status: 503 }),
  );
  a.leave();
  enter("c");
  expect(room.size).toBe(2);
});
