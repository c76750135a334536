/** Waits for something that happens in real time, at most a given time. */
import { soon } from "./load.ts";

/** Resolves with the time until `holds` was true, in ms. */
export async function untilSo(
  holds: () => boolean | Promise<boolean>,
  patience: number,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    // On a busy machine everything takes longer.
    if (performance.now() - startedAt > soon(patience)) throw new Error("it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedAt;
}
