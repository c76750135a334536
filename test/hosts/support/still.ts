/** Waits until a growing number has not changed for 200 ms. Real time, because other processes change it. */
export async function untilStill(read: () => number): Promise<void> {
  let last = -1;
  for (let since = performance.now(); ;) {
    const now = read();
    if (now !== last || now === 0) since = performance.now();
    else if (performance.now() - since > 200) return;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
