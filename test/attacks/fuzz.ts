/** Sends requests that keep no rule to a relay on real sockets, and counts what is left when all of them have ended. */
import { createServer as createHttp1, type Server } from "node:http";
import { createServer as createHttp2, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { defineRelay, type NodeRelay } from "../../adapters/node.ts";
import { createSimulator, type Rule, type Simulator } from "../../simulator/index.ts";
import { secretOf } from "../support/relay.ts";
import { untilSo } from "../support/until.ts";
import { ask, playHttp1, playHttp2, type Target } from "./client.ts";
import { createRandom } from "./random.ts";

export type Protocol = "HTTP/1" | "HTTP/2";

const CREDENTIALS = 6;
const SLOTS = 8;
const PLACES = 40;
/** Connections that are open at a time. */
const AT_ONCE = 64;

const RULES: readonly Rule[] = [
  { when: { model: "slow" }, then: { interval: 8 } },
  { when: { model: "cut" }, then: { cut: { afterEvents: 3 } } },
  { when: { model: "cut-head" }, then: { cut: "before-headers" } },
  { when: { model: "stall-head" }, then: { stall: "before-headers" } },
  { when: { model: "stall-mid" }, then: { stall: { afterEvents: 2 } } },
  { when: { model: "comments" }, then: { stall: "after-lifecycle", keepalive: 20 } },
  {
    when: { model: "limited", probability: 0.5 },
    then: { refuse: { kind: "rate-limit", wait: 100 } },
  },
  { when: { model: "broken", probability: 0.5 }, then: { refuse: "server-error" } },
  { when: { model: "inside" }, then: { error: { at: { afterEvents: 2 } } } },
  { when: { model: "gzip" }, then: { encoding: "gzip" } },
  { when: { model: "big" }, then: { bodyBytes: 400_000, eventBytes: 20_000 } },
  { when: { model: "held" }, then: { holdOpen: true } },
  { when: { model: "empty" }, then: { empty: "comments" } },
  { when: { model: "json-cut" }, then: { bodyBytes: 60_000, cut: { afterBytes: 40_000 } } },
  { when: { model: "stalled" }, then: { stall: { afterEvents: 1 } } },
];

export interface Fuzz {
  /** Number of requests that were sent. */
  requests: number;
  /** Number of calls that the upstream got. */
  calls: number;
}

/** Sends at least `count` requests, and expects every count to be zero afterwards. */
export async function fuzz(protocol: Protocol, count: number, seed: number): Promise<Fuzz> {
  const upstream = await createSimulator({ keep: 50, seed });
  upstream.script(...RULES);
  const relay = createRelay(upstream);
  const server = protocol === "HTTP/1" ? createHttp1(relay) : createHttp2(relay as never);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const target = { hostname: "127.0.0.1", port };
  const play = protocol === "HTTP/1" ? playHttp1 : playHttp2;
  let requests = 0;
  let connection = 0;
  const client = async (): Promise<void> => {
    while (requests < count) {
      const sent = await play(target, createRandom(seed * 1_000_003 + connection++));
      requests += sent;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  await expectNothingLeft(relay, upstream, server);
  const { total } = upstream.ledger;
  await expectAllPlaces(protocol, target, upstream);
  await expectNothingLeft(relay, upstream, server);
  await relay.close();
  await new Promise((resolve) => server.close(resolve));
  await upstream.close();
  return { requests, calls: total };
}

function createRelay(upstream: Simulator): NodeRelay {
  return defineRelay({
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" },
    credentials: Array.from({ length: CREDENTIALS }, (_, nth) => ({
      id: `c${nth + 1}`,
      apiKey: secretOf(`c${nth + 1}`),
      maxInFlight: SLOTS,
    })),
    limits: {
      perCaller: { concurrent: PLACES },
      maxWait: 300,
      bodyTimeout: 400,
      circuitAfter: false,
    },
    streaming: { firstByteTimeout: 250, idleTimeout: 250, heartbeat: 40, commitAfter: 60 },
    log: false,
  });
}

async function expectNothingLeft(
  { relay }: NodeRelay,
  { ledger }: Simulator,
  server: Server | Http2Server,
): Promise<void> {
  const left = async (): Promise<Record<string, number>> => ({
    requests: relay.status().requests.open,
    waiting: relay.status().requests.waiting,
    slots: relay.status().credentials.reduce((sum, { inFlight }) => sum + inFlight, 0),
    calls: ledger.inFlight,
    clients: await connections(server),
  });
  const isEmpty = async (): Promise<boolean> =>
    Object.values(await left()).every((count) => count === 0);
  await untilSo(isEmpty, 10_000).catch(() => {});
  expect(await left()).toEqual({ requests: 0, waiting: 0, slots: 0, calls: 0, clients: 0 });
}

function connections(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

/**
 * A full house of open streams: each slot of each credential, and each place of the address, can be taken again. What was limited before
 * returns in waves, so that it may need several attempts.
 */
async function expectAllPlaces(
  protocol: Protocol,
  target: Target,
  upstream: Simulator,
): Promise<void> {
  const { ledger } = upstream;
  const fill = async (): Promise<number> => {
    ledger.reset();
    const guests = Array.from({ length: CREDENTIALS * SLOTS }, (_, nth) =>
      ask(protocol, target, "stalled", nth < PLACES ? "127.0.0.1" : "127.0.0.2"),
    );
    for (const { close } of await Promise.all(guests)) close();
    await ledger.until(({ inFlight }) => inFlight === 0);
    return ledger.maxInFlight;
  };
  let most = 0;
  await untilSo(async () => (most = await fill()) === CREDENTIALS * SLOTS, 20_000).catch(() => {});
  expect(most).toBe(CREDENTIALS * SLOTS);
}
