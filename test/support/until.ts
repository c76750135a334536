/** Waits for something that happens in real time, and no longer than a bound. */

/** Resolves with how long it took until `holds`, ms. */
export async function untilSo(
  holds: () => boolean | Promise<boolean>,
  patience: number,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > patience) throw new Error("it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedAt;
}
