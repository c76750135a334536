import { afterEach, expect, it, vi } from "vitest";
import { createSystemClock } from "../../src/wiring/system-clock.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 0, 1);

let wall = START;
let elapsed = 5_000;
vi.spyOn(Date, "now").mockImplementation(() => wall);
vi.spyOn(performance, "now").mockImplementation(() => elapsed);
afterEach(() => {
  wall = START;
  elapsed = 5_000;
});

function pass(ms: number): void {
  wall += ms;
  elapsed += ms;
}

it("K12 shows the wall clock's time while that does not jump", () => {
  const clock = createSystemClock();
  for (let step = 0; step < 1_000; step++) {
    expect(clock.now()).toBe(wall);
    pass(7_919);
  }
});

it.each([HOUR, -HOUR])(
  "K12 does not jump by %i ms while a deadline of a request is pending",
  (by) => {
    const clock = createSystemClock();
    expect(clock.now()).toBe(START);
    clock.after(HOUR, () => {}, true);
    wall += by;
    pass(10_000);
    expect(Math.abs(clock.now() - (START + 10_000))).toBeLessThanOrEqual(500);
    expect(clock.wall?.()).toBe(START + by + 10_000);
  },
);

it("K12 never goes back, and has worked off an hour within 21 hours", () => {
  const clock = createSystemClock();
  let last = clock.now();
  wall -= HOUR;
  for (let step = 0; step < 21 * 360; step++) {
    pass(10_000);
    expect(clock.now()).toBeGreaterThan(last);
    last = clock.now();
  }
  expect(Math.abs(last - wall)).toBeLessThanOrEqual(1_000);
});

it("K12 has worked off an hour ahead within 21 hours although a deadline is always pending", () => {
  const clock = createSystemClock();
  clock.now();
  clock.after(HOUR, () => {}, true);
  wall += HOUR;
  for (let step = 0; step < 21 * 360; step++) {
    pass(10_000);
    clock.now();
  }
  expect(Math.abs(clock.now() - wall)).toBeLessThanOrEqual(1_000);
});

it("K12 does not overshoot when nothing has read it for a day", () => {
  const clock = createSystemClock();
  clock.now();
  clock.after(HOUR, () => {}, true);
  wall += HOUR;
  pass(2_000);
  clock.now();
  pass(24 * HOUR);
  expect(Math.abs(clock.now() - wall)).toBeLessThanOrEqual(1_000);
});

it("K12 follows a wall clock that went on while the process was suspended", () => {
  const clock = createSystemClock();
  clock.now();
  const cancel = clock.after(HOUR, () => {}, true);
  cancel();
  cancel();
  wall += 8 * HOUR;
  pass(2_000);
  expect(clock.now()).toBe(wall);
});

it("K12 takes the time of a wall clock that shows 0 outside of a request", () => {
  const clock = createSystemClock();
  wall = 0;
  clock.now();
  wall = START;
  clock.after(HOUR, () => {}, true);
  expect(clock.now()).toBe(START);
});

it("K12 does not jump while a deadline rings that sets the next one", async () => {
  const clock = createSystemClock();
  clock.now();
  wall += HOUR;
  pass(5_000);
  const seen = await new Promise<number>((resolve) => {
    clock.after(
      0,
      () => {
        const now = clock.now();
        clock.after(HOUR, () => {}, true);
        resolve(now);
      },
      true,
    );
  });
  expect(seen).toBeLessThanOrEqual(START + 5_500);
  pass(5_000);
  expect(clock.now()).toBeLessThanOrEqual(START + 11_000);
});
