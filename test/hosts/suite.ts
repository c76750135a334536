/** The contract of every host, as a real server with real sockets, verified by the upstream's ledger. Called by one short file each. */
import { type HostName, isNoise } from "./exceptions.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeBadInput } from "./suite-bad-input.ts";
import { describeGigabyte } from "./suite-gigabyte.ts";
import { describeLeaving } from "./suite-leaving.ts";
import { describeMount } from "./suite-mount.ts";
import { describeStreaming } from "./suite-streaming.ts";
import { type HostSetup, setStage, type Stage } from "./support/stage.ts";

/** Lines that a host or the relay may print. */
const EXPECTED =
  /streaming\.heartbeat is 200 ms|^relay:warn the address of a client is not known|listening| cools down for |relay(?: \S+)? → |upstream \S+ \(.*\): |request body: |operations: a request was refused with 403|^\s*$|ExperimentalWarning|^\(Use `node --trace|^Warning: .*(?:deno|lock)/i;

/** `more` are tests of this host only, on the same build. */
export function describeHost(
  name: HostName,
  setup: HostSetup,
  more?: (stage: () => Stage) => void,
): void {
  describe.skipIf(setup.isMissing?.())(`L5 on ${name}`, () => {
    let stage: Stage;
    beforeAll(async () => void (stage = await setStage(setup)), 120_000);
    afterAll(() => stage?.close());

    describeStreaming(name, () => stage);
    describeLeaving(name, () => stage);
    describeBadInput(name, () => stage);
    describeMount(name, () => stage);
    more?.(() => stage);
    describeGigabyte(name, () => stage);

    it("I5 prints none of this", () => {
      const noise = stage.host.lines.filter((line) => !EXPECTED.test(line));
      expect(noise.filter((line) => !isNoise(name, line))).toEqual([]);
    });
  });
}
