/** The contract of a web framework (L9, L13): its example, built without a key, as a real server with real sockets. */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isMissing } from "../support/needs.ts";
import { isNotInstalled } from "./support/apps.ts";
import { ask, type Asking } from "./support/client.ts";
import { recordFigures } from "./support/figures.ts";
import { type Built, buildFramework, FACTORY_RAN, type Framework } from "./support/framework.ts";
import type { HostProcess } from "./support/process.ts";

/** Time within which an upstream is closed after its client has left, in ms. */
const SOON = 100;
const ROUNDS = 3;
/** `limits.perCaller.concurrent`, which no example sets. */
const CAP = 100;
/** `shutdownGrace` plus a margin. */
const GRACE = 10_000;
const MISSING_KEY = /credentials\[0\].*apiKey/;

export interface FrameworkExpectations {
  /** Whether the host reads the options when it starts; otherwise the first request does. */
  readsAtStart?: boolean;
  /** Phases in which its development server does not report a client that leaves. */
  deafInDev?: Phase[];
  /** Whether it exits where the options are wrong. */
  endsItself?: boolean;
}

export function describeFramework(
  name: string,
  framework: Framework,
  expected: FrameworkExpectations = {},
): void {
  const isAbsent =
    isNotInstalled(framework.folder, framework.program) ||
    (framework.isNewer === true && isNotInstalled("node24", ".bin/node"));

  describe.skipIf(isAbsent)(`L9 L13 ${name}`, () => {
    let built: Built;
    let host: HostProcess;
    const figures: Record<string, number[]> = {};
    const url = (): string => `${host.url}/ai`;
    beforeAll(async () => void (built = await buildFramework(framework)), 300_000);
    afterAll(async () => {
      await built?.close();
      recordFigures(name, figures);
    }, 60_000);

    it("L13 builds without a key, and runs the factory of the options at the first request or the start", async () => {
      expect(built.output).not.toContain(FACTORY_RAN);
      host = await built.start();
      built.upstream.script();
      const body = await ask(url(), "gpt-5").rest();
      expect(body.equals(built.upstream.ledger.last()!.sent!)).toBe(true);
      expect(host.lines.filter((line) => line.includes(FACTORY_RAN))).toHaveLength(1);
    }, 60_000);

    it("L9 streams to the byte, uncompressed, with a request of a megabyte", async () => {
      built.upstream.script({ then: { interval: 5, events: 40, multiline: true } });
      const asking = ask(url(), "gpt-5", {
        headers: { "accept-encoding": "gzip, br" },
        content: "long ".repeat(200_000),
      });
      const head = await asking.head;
      expect(head.statusCode).toBe(200);
      expect(head.headers).toMatchObject({ "content-type": "text/event-stream" });
      expect(head.headers["content-encoding"]).toBeUndefined();
      const call = built.upstream.ledger.last()!;
      expect((await asking.rest()).equals(call.sent!)).toBe(true);
      expect(JSON.stringify(call.json).length).toBeGreaterThan(1_000_000);
      expect(call.credential).toBe("team-a");
    });

    it("L15 relays nothing outside the mount", async () => {
      built.upstream.script();
      const { total } = built.upstream.ledger;
      for (const path of ["/", "/favicon.ico", "/aix/models", "/v1/models"])
        await ask(host.url, "m", { path, method: "GET" }).head;
      expect(built.upstream.ledger.total).toBe(total);
    });

    describeLeaving(() => ({ built, host }), figures);

    it("N10 L9 knows the client's address: the limit of one address does not affect others", async () => {
      const { upstream } = built;
      upstream.script({ then: { stall: { afterEvents: 1 } } });
      const taken = Array.from({ length: CAP }, () => ask(url(), "cap"));
      await Promise.all(taken.map(({ head }) => head));
      const refused = await ask(url(), "cap").head;
      expect(refused.statusCode).toBe(429);
      if (!isMissing("a second loopback address", existsSync("/proc/net/tcp"), "Linux")) {
        const other = ask(url(), "cap", { from: "127.0.0.2" });
        expect((await other.head).statusCode).toBe(200);
        other.leave();
      }
      for (const one of taken) one.leave();
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    });

    it("K16 at SIGTERM ends an open stream with an error event after the grace time, and then exits", async () => {
      built.upstream.script({ then: { stall: { afterEvents: 3 } } });
      const asking = ask(url(), "term");
      await asking.until((text) => text.split("data:").length > 3);
      const since = performance.now();
      host.signal("SIGTERM");
      expect((await asking.rest()).toString()).toMatch(/event: error\ndata: .*ERR_RELAY_SHUTDOWN/);
      await host.gone;
      figures["SIGTERM"] = [performance.now() - since];
      expect(figures["SIGTERM"][0]).toBeLessThan(GRACE);
    });

    it("L13 K13 reports a missing key, where it is read and in each response", async () => {
      const start = built.start({});
      if (expected.endsItself) return expect(start).rejects.toThrow(MISSING_KEY);
      const wrong = await start;
      if (expected.readsAtStart) await untilTold(wrong, MISSING_KEY);
      const answer = ask(`${wrong.url}/ai`, "gpt-5");
      expect((await answer.head).statusCode).toBe(500);
      await answer.rest();
      await untilTold(wrong, MISSING_KEY);
      expect(answer.text()).not.toContain("apiKey");
      await wrong.stop();
    });

    it.runIf(framework.dev)(
      "L9 streams and notices a client that leaves in development",
      async () => {
        host = await built.startDev();
        built.upstream.script();
        const body = await ask(url(), "gpt-5").rest();
        expect(body.equals(built.upstream.ledger.last()!.sent!)).toBe(true);
        for (const phase of Object.keys(PHASES) as Phase[]) {
          if (expected.deafInDev?.includes(phase)) continue;
          figures[`dev, ${phase}`] = [await leaveOnce({ built, host }, phase, `dev-${phase}`)];
          expect(figures[`dev, ${phase}`]![0]).toBeLessThan(5 * SOON);
        }
      },
      90_000,
    );
  });
}

interface Running {
  built: Built;
  host: HostProcess;
}

const PHASES = {
  "before headers": { stall: "before-headers" },
  "before the first event": { stall: "after-headers" },
  "mid-body": { stall: { afterEvents: 3 } },
} as const;
type Phase = keyof typeof PHASES;

function describeLeaving(running: () => Running, figures: Record<string, number[]>): void {
  it.each(Object.keys(PHASES) as Phase[])("I4 L9 a client that leaves %s", async (phase) => {
    const taken = (figures[phase] = [] as number[]);
    for (let nth = 0; nth < ROUNDS; nth++)
      taken.push(await leaveOnce(running(), phase, `${phase}-${nth}`));
    expect(taken.toSorted((a, b) => a - b)[ROUNDS >> 1]).toBeLessThan(SOON);
    expect(Math.max(...taken)).toBeLessThan(5 * SOON);
  });

  it("I4 L9 a client that leaves in the second request of its connection, and none that stays", async () => {
    const { built, host } = running();
    const { upstream } = built;
    const { Agent } = await import("node:http");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    upstream.script();
    await ask(`${host.url}/ai`, "first", { agent }).rest();
    upstream.script({ then: { stall: "before-headers" } });
    const asking = ask(`${host.url}/ai`, "second", { agent });
    const call = await upstream.ledger.next((one) => one.model === "second" && one.stalled);
    asking.leave();
    await upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(call.end).toBe("client closed");
    const first = upstream.ledger.calls.find((one) => one.model === "first");
    expect(first!.end).toBe("completed");
    agent.destroy();
  });
}

/** Leaves once; resolves with the time until the upstream is closed, in ms. */
async function leaveOnce({ built, host }: Running, phase: Phase, name: string): Promise<number> {
  const { upstream } = built;
  const model = name.replaceAll(/[ ,]+/g, "-");
  upstream.script({ then: PHASES[phase] });
  const asking: Asking = ask(`${host.url}/ai`, model);
  const call = await upstream.ledger.next((one) => one.model === model && one.stalled);
  if (phase === "mid-body") await asking.until((text) => text.split("data:").length > 3);
  const leftAt = asking.leave();
  await upstream.ledger.until(({ inFlight }) => inFlight === 0);
  expect(call.end).toBe("client closed");
  return Math.max(0, call.timing.closed! - leftAt);
}

/** Waits for a line of another process. */
async function untilTold(host: HostProcess, line: RegExp): Promise<void> {
  for (const giveUpAt = Date.now() + 5_000; !line.test(host.lines.join("\n"));) {
    if (Date.now() > giveUpAt) expect(host.lines.join("\n")).toMatch(line);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
