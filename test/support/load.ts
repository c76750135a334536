/** How late this process is, because other tests and processes share the cores: limits in real time allow for it. */

/** Interval of the watch, in ms. */
const BEAT = 10;
/** How long a delay is remembered, in ms. */
const MEMORY = 3_000;

const delays: { at: number; late: number }[] = [];
let last = performance.now();

setInterval(() => {
  const at = performance.now();
  const late = at - last - BEAT;
  last = at;
  if (late > BEAT) delays.push({ at, late });
  while (delays.length > 0 && at - delays[0]!.at > MEMORY) delays.shift();
}, BEAT).unref();

/** A limit in ms on an idle machine, plus three times the longest delay of the last seconds. */
export function soon(limit: number): number {
  const since = performance.now() - last - BEAT;
  return limit + 3 * Math.max(0, since, ...delays.map(({ late }) => late));
}
