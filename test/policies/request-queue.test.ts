import { expect, it } from "vitest";
import { RequestQueue } from "../../src/policies/request-queue.ts";

/** A queue of requests by name; `canGo` names those that would find a credential. */
function createQueue(names: string, canGo: string): { queue: RequestQueue; woken: string[] } {
  const queue = new RequestQueue(100);
  const woken: string[] = [];
  for (const name of names)
    queue.enter("up", () => canGo.includes(name)).park(() => void woken.push(name));
  return { queue, woken };
}

it("F8 wakes as many requests as a key admits, in order, and skips those that cannot go", () => {
  const { queue, woken } = createQueue("abcdef", "bdef");
  queue.wakeSome("up", 2);
  expect(woken).toEqual(["b", "d"]);
  queue.wakeSome("up", 1);
  expect(woken).toEqual(["b", "d", "e"]);
});

it("F8 E2 wakes all when fewer can go: one that has failed on a credential examines it only when awake", () => {
  const { queue, woken } = createQueue("abc", "b");
  queue.wakeSome("up", 2);
  expect(woken).toEqual(["b", "a", "c"]);
});

it("wakes all when the number is not limited", () => {
  const { queue, woken } = createQueue("abc", "");
  queue.wakeSome("up");
  expect(woken).toEqual(["a", "b", "c"]);
});
