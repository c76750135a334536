/** Clients that leave in every phase of a request (I4), on every protocol of the host: HTTP/1.0, pipelined HTTP/1.1, and HTTP/2 behind TLS. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate, noOpenSSL } from "../support/certificates.ts";
import { bodyOf, openSession, openStream } from "../support/protocols.ts";
import { type Protocol, type ProtocolName, PROTOCOLS, type Visit } from "../support/protocols.ts";
import { untilSo } from "../support/until.ts";
import type { Phase } from "./exceptions.ts";
import { type Scene, SCENES } from "./suite-leaving.ts";
import type { HostProcess } from "./support/process.ts";
import type { Stage } from "./support/stage.ts";
import { untilStill } from "./support/still.ts";

/** Time within which most upstreams are closed after their clients have left, and all of them, in ms. Other scenes run meanwhile. */
const SOON = 200;
const LATE = 1_000;
const PATIENCE = 10_000;
/** Above the limits of the app for one address and for one credential. */
const VISITS = 120;

export type HttpVersion = 1 | 2;

/** Runs the scenes on another process of the app. `envOf` returns the environment in which its server speaks TLS. */
export function describeProtocols(
  stage: () => Stage,
  version: HttpVersion,
  envOf: (texts: { cert: string; key: string }) => Record<string, string> = () => ({}),
): void {
  const isHTTP2 = version === 2;
  const names = (Object.keys(PROTOCOLS) as ProtocolName[]).filter(
    // HTTP/1.1 without a pipeline is the suite's own client.
    (name) => PROTOCOLS[name].isHTTP2 === isHTTP2 && name !== "HTTP/1.1",
  );

  describe.skipIf(isHTTP2 && noOpenSSL)(`the protocols of HTTP/${version}`, () => {
    let host: HostProcess;
    let url: string;
    const visits: Visit[] = [];
    let sent = 0;

    beforeAll(async () => {
      const env = isHTTP2 ? envOf(makeTexts()) : {};
      host = await stage().start({ PROTOCOLS: "1", ...env });
      const { pathname } = new URL(stage().url);
      url = (isHTTP2 ? host.url.replace("http:", "https:") : host.url) + pathname;
    }, 60_000);
    afterAll(() => host?.stop());

    const modelOf = (name: ProtocolName, phase: Phase): string =>
      `${name}-${phase}`.replaceAll(/[ ,/]+/g, "-");

    /** Brings a request to the middle of a phase. */
    async function begin(name: ProtocolName, phase: Phase): Promise<Visit> {
      const model = modelOf(name, phase);
      const isOpen = (): void => {
        const isOver = host.ends.some((end) => end.model === model);
        expect(isOver).toBe(phase === "after terminal");
      };
      const { headers } = SCENES[phase];
      const visit = PROTOCOLS[name].visit(url, model, { headers, beforeLeaving: isOpen });
      visits.push(visit);
      sent += 1 + visit.before.length;
      await reach(phase, { stage: stage(), host, visit, model, protocol: PROTOCOLS[name] });
      return visit;
    }

    /** Leaves; resolves with the time until the upstream was closed, or until the request has ended, in ms. */
    async function leave(name: ProtocolName, phase: Phase, visit: Visit): Promise<number> {
      const { ledger } = stage().upstream;
      const { calls, reason } = SCENES[phase];
      const model = modelOf(name, phase);
      const leftAt = await visit.leave();
      const end = await host.ended((one) => one.model === model);
      expect(end).toMatchObject({ reason, attempts: Math.max(1, calls) });
      for (const one of visit.before)
        expect(await host.ended((it) => it.model === one)).toMatchObject({
          reason: "client_gone_before_first",
          clientPresent: false,
        });
      const mine = ledger.calls.filter((one) => one.model === model);
      const before = ledger.calls.filter((one) => visit.before.includes(one.model!));
      expect(mine).toHaveLength(calls);
      await ledger.until(() => [...mine, ...before].every(({ open }) => !open));
      const isClosed = mine.at(-1)?.end === "client closed" && reason !== "completed";
      return Math.max(0, (isClosed ? mine.at(-1)!.timing.closed! : end.heardAt) - leftAt);
    }

    it.each(names)(
      "I4 L11 %s: hears a client that leaves in each phase",
      async (name) => {
        const phases = Object.keys(SCENES) as Phase[];
        stage().upstream.script(
          ...phases.map((phase) => ({
            when: { model: modelOf(name, phase) },
            then: SCENES[phase].then,
          })),
          { when: { model: "before-*" }, then: { stall: "before-headers" } },
        );
        // The pause between two attempts is short.
        const taken = [await leave(name, "backoff", await begin(name, "backoff"))];
        const lasting = phases.filter((phase) => phase !== "backoff");
        const begun = await Promise.all(lasting.map((phase) => begin(name, phase)));
        for (const [nth, phase] of lasting.entries())
          taken.push(await leave(name, phase, begun[nth]!));
        const sorted = taken.toSorted((a, b) => a - b);
        expect(sorted[sorted.length >> 1]).toBeLessThan(SOON);
        expect(sorted.at(-1)).toBeLessThan(LATE);
      },
      30_000,
    );

    it("I4 N10 gives back every place of an address and of a credential", async () => {
      const { upstream } = stage();
      upstream.script({ when: { model: "before-*" }, then: { stall: "before-headers" } });
      const name = isHTTP2 ? "HTTP/2, stream reset" : "HTTP/1.1, last of a pipeline";
      const before = host.ends.length;
      let count = 0;
      while (count < VISITS) {
        const round = Array.from({ length: 8 }, () => PROTOCOLS[name].visit(url, "before-last"));
        const held = round.reduce((sum, { before: one }) => sum + 1 + one.length, 0);
        visits.push(...round);
        await upstream.ledger.until(({ inFlight }) => inFlight === held);
        await Promise.all(round.map((visit) => visit.leave()));
        count += held;
        await untilSo(() => host.ends.length === before + count, PATIENCE);
      }
      const last = PROTOCOLS[isHTTP2 ? "HTTP/2, stream reset" : "HTTP/1.0"].visit(url, "gpt-5");
      visits.push(last);
      await last.until((text) => text.includes("[DONE]"));
      sent += count + 1;
    }, 60_000);

    if (isHTTP2)
      describeHTTP2(
        stage,
        () => ({ host, url }),
        () => sent++,
      );

    it("I4 I5 leaves nothing behind: no call, no connection, one end for each request, no line", async () => {
      const { upstream } = stage();
      for (const visit of visits) visit.close();
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      await untilSo(() => host.ends.length === sent, PATIENCE);
      await untilSo(() => countOpen(host.url) === 0, PATIENCE);
      expect(host.lines.filter((line) => /warning|error|deprecat/i.test(line))).toEqual([]);
    });
  });
}

interface Moment {
  stage: Stage;
  host: HostProcess;
  visit: Visit;
  model: string;
  protocol: Protocol;
}

/** Resolves when a request is in the middle of a phase. */
async function reach(phase: Phase, { stage, host, visit, model, protocol }: Moment): Promise<void> {
  const { ledger } = stage.upstream;
  const mine = (one: { model?: string | undefined }): boolean => one.model === model;
  const { calls }: Scene = SCENES[phase];
  if (phase === "waiting" || phase === "backoff")
    return ledger.until(
      (all) => all.calls.filter((one) => mine(one) && !one.open).length === calls,
    );
  // The app prints each attempt.
  if (phase === "connecting")
    return void (await untilSo(() => host.lines.includes(`ROUTE ${model}`), PATIENCE));
  if (phase === "slow reader") {
    const call = await ledger.next(mine);
    return untilStill(() => call.bytes);
  }
  if (phase === "after terminal")
    return protocol.isQueued
      ? void (await host.ended(mine))
      : visit.until((text) => text.includes("[DONE]"));
  await ledger.next((one) => mine(one) && one.stalled);
  if (phase === "mid-body" && !protocol.isQueued)
    await visit.until((text) => text.split("data:").length > 3);
}

/** What HTTP/2 alone has. */
function describeHTTP2(
  stage: () => Stage,
  running: () => { host: HostProcess; url: string },
  onSent: () => void,
): void {
  it("L11 I4 relays no part of an upload that is reset", async () => {
    const { host, url } = running();
    const { total } = stage().upstream.ledger;
    const before = host.ends.length;
    const client = openSession(url);
    const upload = openStream(client, url, { "content-type": "application/octet-stream" });
    upload.write("half of a file");
    await client.ping();
    upload.close(8);
    onSent();
    await untilSo(() => host.ends.length === before + 1, PATIENCE);
    expect(host.ends.at(-1)).toMatchObject({ reason: "client_gone_before_first", attempts: 0 });
    expect(stage().upstream.ledger.total).toBe(total);
    client.socket.destroy();
  });

  it("L11 I18 ends an interrupted JSON response with an error, and sends no header of a connection", async () => {
    const { url } = running();
    const headers = { "keep-alive": "timeout=5" };
    const then = { headers, bodyBytes: 300_000, cut: { afterBytes: 200_000 } };
    stage().upstream.script({ then });
    const client = openSession(url);
    const stream = openStream(client, url);
    const head = new Promise<object>((resolve) => stream.on("response", resolve));
    stream.end(bodyOf("cut", false));
    onSent();
    expect(Object.keys(await head).join()).not.toMatch(/connection|keep-alive|transfer-encoding/);
    await new Promise((resolve) => stream.on("close", resolve).resume());
    expect(stream.rstCode).toBe(2);
    client.socket.destroy();
  });
}

function makeTexts(): { cert: string; key: string } {
  const { cert, key } = makeCertificate(2);
  return { cert: String(cert), key: String(key) };
}

const TABLE = "/proc/net/tcp";
const ESTABLISHED = "01";

/** Number of connections that a server has open, according to the kernel; 0 where it does not tell. */
function countOpen(url: string): number {
  if (!existsSync(TABLE)) return 0;
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const own = new RegExp(`^ *\\d+: \\w+:${port} \\w+:\\w+ ${ESTABLISHED} `, "gm");
  return readFileSync(TABLE, "utf8").match(own)?.length ?? 0;
}
