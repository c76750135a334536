/** A gigabyte to a client that hardly reads: the memory of the host's process. Half a minute per host: run with GIGABYTE=true. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { HostName } from "./exceptions.ts";
import { ask } from "./support/client.ts";
import { residentBytes } from "./support/resident.ts";
import type { Stage } from "./support/stage.ts";

const MB = 2 ** 20;
const WARM_UP = 128 * MB;
const WHOLE = 1_024 * MB;
/** The client reads this much, and then nothing for a while, in ms. */
const SIP = 4 * MB;
const REST = 15;
/** Growth of a runtime's own heap; a relay that kept the undelivered bytes would exceed it. */
const ALLOWED = 200 * MB;

export function describeGigabyte(name: HostName, stage: () => Stage): void {
  /** Reads a response slowly; returns the maximum memory of the host meanwhile. */
  async function readSlowly(bodyBytes: number): Promise<{ bytes: number; peak: number }> {
    const { upstream, host, url } = stage();
    upstream.script({ then: { bodyBytes, eventBytes: 50_000 } });
    const answer = await ask(url, "big").head;
    let bytes = 0;
    let sip = 0;
    let peak = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      sip += chunk.length;
      if (sip < SIP) continue;
      sip = 0;
      peak = Math.max(peak, residentBytes(host.pid));
      await sleep(REST);
    }
    return { bytes, peak };
  }

  describe.runIf(process.env["GIGABYTE"] === "true")("a gigabyte", () => {
    it(
      "I10 is passed to a client that hardly reads, and not buffered",
      { timeout: 300_000 },
      async () => {
        await readSlowly(WARM_UP);
        const before = residentBytes(stage().host.pid);
        const startedAt = performance.now();
        const { bytes, peak } = await readSlowly(WHOLE);
        const rate = bytes / MB / ((performance.now() - startedAt) / 1_000);
        console.log(
          `${name}: 1 GB at ${rate.toFixed(0)} MB/s; resident ${(before / MB).toFixed(0)} MB before, at most ${(peak / MB).toFixed(0)} MB`,
        );
        expect(bytes).toBeGreaterThanOrEqual(WHOLE);
        expect(peak - before).toBeLessThan(ALLOWED);
      },
    );
  });
}
