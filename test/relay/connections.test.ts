/** Clients that leave, on every protocol of a Node server, judged by the upstream's ledger and by what the relay still counts afterwards. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NodeHost, NodeHostOptions } from "../support/node-hosts.ts";
import { HOSTS, startNodeHost, tls } from "../support/node-hosts.ts";
import { bodyOf, openSession, openSocket, openStream, rawChat } from "../support/protocols.ts";
import { type ProtocolName, PROTOCOLS, type Visit } from "../support/protocols.ts";
import { untilSo } from "../support/until.ts";

const PATIENCE = 5_000;
const PIPELINED = 20;

let host: NodeHost;
let warnings: string[];
const onWarning = (warning: Error): void => void warnings.push(warning.message);

beforeEach(() => {
  warnings = [];
  process.on("warning", onWarning);
});
afterEach(async () => {
  await host.close();
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

const names = (Object.keys(PROTOCOLS) as ProtocolName[]).filter(
  (name) => tls !== undefined || !PROTOCOLS[name].isHTTP2,
);

async function start(name: string, options: Partial<NodeHostOptions> = {}): Promise<void> {
  host = await startNodeHost(name, { isTls: false, ...options });
}

function visit(name: ProtocolName, model: string): Visit {
  const one = PROTOCOLS[name].visit(host.url, model);
  host.visits.push(one);
  return one;
}

/** Each request is over, and none of its clients was there at the end. */
async function expectAllGone(count: number): Promise<void> {
  await untilSo(() => host.ends.length === count, PATIENCE);
  expect(host.ends.map(({ clientPresent }) => clientPresent)).toEqual(host.ends.map(() => false));
  await host.untilIdle();
  expect(host.ends).toHaveLength(count);
}

describe.each(HOSTS)("%s", (name) => {
  it.each(names)("I4 L11 hears a client that leaves, on %s", async (protocol) => {
    await start(name, { isTls: PROTOCOLS[protocol].isHTTP2 });
    const stalls = ["before-headers", { afterEvents: 3 }] as const;
    host.upstream.script(
      ...stalls.map((stall, nth) => ({ when: { model: `*m${nth}` }, then: { stall } })),
    );
    let count = 0;
    for (const nth of stalls.keys()) {
      const model = `m${nth}`;
      const one = visit(protocol, model);
      count += 1 + one.before.length;
      const { ledger } = host.upstream;
      const call = await ledger.next((it) => it.model === model && it.stalled);
      const leftAt = await one.leave();
      await ledger.until(({ inFlight }) => inFlight === 0);
      expect(call.end).toBe("client closed");
      expect(call.timing.closed! - leftAt).toBeLessThan(PATIENCE);
    }
    expect(host.upstream.ledger.total).toBe(count);
    await expectAllGone(count);
  });

  it.each(names)(
    "I4 makes no call where the client left during authorize, on %s",
    async (protocol) => {
      let asked = 0;
      const authorize = (): Promise<never> => (asked++, new Promise(() => {}));
      await start(name, { isTls: PROTOCOLS[protocol].isHTTP2, options: { authorize } });
      const one = visit(protocol, "m");
      const count = 1 + one.before.length;
      await untilSo(() => asked === count, PATIENCE);
      await one.leave();
      await expectAllGone(count);
      expect(host.upstream.ledger.total).toBe(0);
    },
  );

  it.each(names)(
    "I4 makes no call where the client left before the relay had started, on %s",
    async (protocol) => {
      let begin = (): void => {};
      const until = new Promise<void>((resolve) => (begin = resolve));
      await start(name, { isTls: PROTOCOLS[protocol].isHTTP2, until });
      const one = visit(protocol, "m");
      const count = 1 + one.before.length;
      await untilSo(() => host.received === count, PATIENCE);
      await one.leave();
      // On a connection that stays, the server has read the reset when it answers a ping.
      if (PROTOCOLS[protocol].isHTTP2) await one.ping();
      else await untilSo(() => host.sockets.size === 0, PATIENCE);
      begin();
      await expectAllGone(count);
      expect(host.upstream.ledger.total).toBe(0);
    },
  );

  /** Twenty requests in one packet. */
  function pipeline(): void {
    const socket = openSocket(host.url, "http/1.1");
    const models = Array.from({ length: PIPELINED }, (_, nth) => `p${nth}`);
    socket.write(models.map((model) => rawChat(host.url, model, "1.1")).join(""));
    host.visits.push({ close: () => void socket.destroy() } as Visit);
  }

  it("I4 closes all calls of a pipeline, with one listener on its connection", async () => {
    await start(name);
    host.upstream.script({ then: { stall: { afterEvents: 2 } } });
    pipeline();
    const { ledger } = host.upstream;
    await ledger.until(({ calls }) => calls.filter(({ stalled }) => stalled).length === PIPELINED);
    host.visits[0]!.close();
    await expectAllGone(PIPELINED);
    expect(ledger.calls.map(({ end }) => end)).toEqual(ledger.calls.map(() => "client closed"));
  });

  it("I4 starts no call for the requests of a pipeline whose connection is closed", async () => {
    await start(name, {
      options: { credentials: [{ id: "c1", apiKey: "sk-test-c1-0123456789", maxInFlight: 1 }] },
    });
    host.upstream.script({ then: { stall: "before-headers" } });
    pipeline();
    await untilSo(() => host.relay.status().requests.waiting === PIPELINED - 1, PATIENCE);
    await host.upstream.ledger.next(({ stalled }) => stalled);
    host.visits[0]!.close();
    await expectAllGone(PIPELINED);
    expect(host.upstream.ledger.total).toBe(1);
  });

  it.skipIf(!tls)(
    "I4 N10 gives all places back after a hundred cancelled HTTP/2 visits",
    async () => {
      await start(name, { isTls: true });
      host.upstream.script(
        { when: { model: "m" }, then: { stall: "before-headers" } },
        { then: {} },
      );
      const client = openSession(host.url);
      host.visits.push({ close: () => void client.socket.destroy() } as Visit);
      for (let round = 1; round <= 5; round++) {
        const streams = Array.from({ length: 25 }, () => openStream(client, host.url));
        for (const stream of streams) stream.end(bodyOf("m"));
        await host.upstream.ledger.until(({ inFlight }) => inFlight === streams.length);
        for (const stream of streams) stream.close(8);
        await host.upstream.ledger.until(({ inFlight }) => inFlight === 0);
      }
      const last = openStream(client, host.url);
      const status = new Promise((resolve) =>
        last.on("response", (head) => resolve(head[":status"])),
      );
      last.end(bodyOf("last"));
      expect(await status).toBe(200);
      await new Promise((resolve) => last.on("end", resolve).resume());
      await host.untilIdle();
    },
  );
});
