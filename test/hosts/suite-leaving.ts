/** Clients that leave in every phase of a request (I4); the ledger measures how soon the upstream is closed. */
import type { Behaviour } from "../../simulator/index.ts";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { isMissing } from "../support/needs.ts";
import { exceptionFor, type HostName, type Phase } from "./exceptions.ts";
import { ask, type Asking } from "./support/client.ts";
import { recordMatrix } from "./support/matrix.ts";
import type { Stage } from "./support/stage.ts";
import { untilStill } from "./support/still.ts";

/** Time within which an upstream is closed after its client has left, in ms. */
const SOON = 100;
const ROUNDS = 3;

export interface Scene {
  then: Behaviour;
  headers?: Record<string, string>;
  /** Resolves when the client is in the middle of the phase. */
  reached(stage: Stage, asking: Asking, model: string, connecting: number): Promise<unknown>;
  /** Upstream calls of one such request. */
  calls: number;
  rounds?: number;
  reason: string;
}

const isStalled = ({ upstream }: Stage, _: Asking, model: string): Promise<unknown> =>
  upstream.ledger.next((call) => call.model === model && call.stalled);
const calledTimes =
  (times: number) =>
  ({ upstream }: Stage, _: Asking, model: string): Promise<unknown> =>
    upstream.ledger.until(
      ({ calls }) => calls.filter((call) => call.model === model && !call.open).length === times,
    );
const BEFORE = "client_gone_before_first";
const MID = "client_gone_mid";

export const SCENES: Record<Phase, Scene> = {
  waiting: {
    then: { refuse: { kind: "rate-limit", wait: 60_000 } },
    reached: calledTimes(2),
    calls: 2,
    reason: BEFORE,
  },
  backoff: { then: { refuse: "server-error" }, reached: calledTimes(1), calls: 1, reason: BEFORE },
  connecting: {
    then: {},
    headers: { "x-relay-pool": "far" },
    reached: ({ far }, _asking, _model, before) => untilConnecting(far.url, before),
    calls: 0,
    // Some hosts keep connecting for the next call, which then opens no connection of its own.
    rounds: 1,
    reason: BEFORE,
  },
  "before headers": {
    then: { stall: "before-headers" },
    reached: isStalled,
    calls: 1,
    reason: BEFORE,
  },
  "before the first event": {
    then: { stall: "after-headers" },
    reached: isStalled,
    calls: 1,
    reason: BEFORE,
  },
  "mid-body": {
    then: { stall: { afterEvents: 3 } },
    reached: async (stage, asking, model) => {
      await isStalled(stage, asking, model);
      await asking.until((text) => text.split("data:").length > 3);
    },
    calls: 1,
    reason: MID,
  },
  "slow reader": {
    then: { bodyBytes: 200_000_000, eventBytes: 50_000 },
    reached: async ({ upstream }, asking, model) => {
      await asking.head;
      const call = await upstream.ledger.next((one) => one.model === model);
      await untilStill(() => call.bytes);
    },
    calls: 1,
    rounds: 1,
    reason: MID,
  },
  "after terminal": {
    then: { holdOpen: true },
    reached: (_, asking) => asking.until((text) => text.includes("[DONE]")),
    calls: 1,
    reason: "completed",
  },
};

export function describeLeaving(name: HostName, stage: () => Stage): void {
  describe("a client that leaves", () => {
    const measured = new Map<Phase, number[]>();
    const models = new Map<string, number>();
    afterAll(() => recordMatrix(name, measured));

    /** Leaves once; resolves with the time until the upstream is closed, or until the request ends where none is open, in ms. */
    async function leaveOnce(scene: Scene, model: string): Promise<number> {
      const { url, upstream, host, far } = stage();
      upstream.script({ then: scene.then });
      const before = countConnecting(far.url);
      const asking = ask(url, model, { headers: scene.headers });
      await scene.reached(stage(), asking, model, before);
      const leftAt = asking.leave();
      const end = await host.ended((one) => one.model === model);
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      expect(end).toMatchObject({ reason: scene.reason, attempts: Math.max(1, scene.calls) });
      models.set(model, scene.calls);
      const call = upstream.ledger.calls.findLast((one) => one.model === model);
      // A client with the complete response closes nothing: the relay itself gives the upstream a second to end normally.
      const isClosed = call?.end === "client closed" && scene.reason !== "completed";
      const closedAt = isClosed ? call.timing.closed! : end.heardAt;
      return Math.max(0, closedAt - leftAt);
    }

    const phases = (Object.entries(SCENES) as [Phase, Scene][]).filter(
      ([phase]) => phase !== "connecting" || !isMissing(TABLE, existsSync(TABLE), "Linux"),
    );
    it.each(phases)("I4 %s", async (phase, scene) => {
      const { within = SOON } = exceptionFor(name, phase) ?? {};
      const taken: number[] = [];
      for (let nth = 0; nth < (scene.rounds ?? ROUNDS); nth++)
        taken.push(await leaveOnce(scene, `${phase.replaceAll(" ", "-")}-${nth}`));
      measured.set(phase, taken);
      if (within !== false) expect(Math.max(...taken)).toBeLessThan(within);
    });

    it("I4 makes no call for a client that has left, and settles each request once", () => {
      const { upstream, host } = stage();
      for (const [model, calls] of models) {
        expect(upstream.ledger.calls.filter((call) => call.model === model)).toHaveLength(calls);
        expect(host.ends.filter((end) => end.model === model)).toHaveLength(1);
      }
    });
  });
}

const TABLE = "/proc/net/tcp";
const SYN_SENT = "02";

/** Number of connections to an address that are being opened, according to the kernel. */
function countConnecting(url: string): number {
  if (!existsSync(TABLE)) return 0;
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  return readFileSync(TABLE, "utf8").match(new RegExp(`:${port} ${SYN_SENT} `, "g"))?.length ?? 0;
}

/** Waits until there is one more than before. */
async function untilConnecting(url: string, before: number): Promise<void> {
  while (countConnecting(url) <= before) await new Promise((resolve) => setTimeout(resolve, 2));
}
