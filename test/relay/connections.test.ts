/** Clients that leave, on every protocol of a Node server, judged by the upstream's ledger and by what the relay still counts afterwards. */
import { createServer } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { H3, serve } from "h3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineRelay as defineNodeRelay } from "../../adapters/node.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { defineRelay, type Relay } from "../../src/index.ts";
import type { EndEvent } from "../../src/observe/hooks.ts";
import type { CommonOptions } from "../../src/options/types.ts";
import { makeCertificate, noOpenSSL } from "../support/certificates.ts";
import { makeCredentials } from "../support/relay.ts";
import { type ProtocolName, PROTOCOLS, type Visit } from "../support/protocols.ts";
import { untilSo } from "../support/until.ts";

const tls = noOpenSSL ? undefined : makeCertificate(1);

interface Running {
  relay: Relay;
  url: string;
  /** Open connections of clients. */
  sockets: Set<Socket>;
  close(): Promise<void>;
}

let upstream: Simulator;
let running: Running;
let ends: EndEvent[];
let visits: Visit[];
let warnings: string[];
const onWarning = (warning: Error): void => void warnings.push(warning.message);

const optionsOf = (more: Partial<CommonOptions> = {}) => ({
  mount: "/ai",
  upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" as const },
  credentials: makeCredentials(1).map((one) => ({ ...one, maxInFlight: 30 })),
  authorize: () => true,
  log: false as const,
  hooks: { end: (event: EndEvent) => void ends.push(event) },
  ...more,
});

type More = Partial<CommonOptions>;

const HOSTS: Record<string, (isTls: boolean, more?: More) => Promise<Running>> = {
  async node(isTls, more) {
    const handler = defineNodeRelay(optionsOf(more));
    const server = isTls
      ? createSecureServer({ ...tls!, allowHTTP1: true }, handler)
      : createServer(handler);
    return run(server, handler.relay, isTls);
  },
  async "h3, Node's response"(isTls, more) {
    const handler = defineRelay(optionsOf(more));
    return serveH3(new H3().all("/ai/**", handler), handler.relay, isTls);
  },
  async "h3, a web response"(isTls, more) {
    const handler = defineRelay(optionsOf(more));
    return serveH3(new H3().mount("/ai", handler), handler.relay, isTls);
  },
};

async function serveH3(app: H3, relay: Relay, isTls: boolean): Promise<Running> {
  const server = serve(app, {
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    manual: true,
    ...(isTls && { tls: { cert: String(tls!.cert), key: String(tls!.key) } }),
  });
  return run(server.node!.server as Server, relay, isTls);
}

async function run(server: Server, relay: Relay, isTls: boolean): Promise<Running> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    relay,
    url: `${isTls ? "https" : "http"}://127.0.0.1:${port}/ai`,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await relay.close();
    },
  };
}

beforeEach(async () => {
  upstream = await createSimulator();
  [ends, visits, warnings] = [[], [], []];
  process.on("warning", onWarning);
});
afterEach(async () => {
  for (const visit of visits) visit.close();
  await running?.close();
  await upstream.close();
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

const names = Object.keys(PROTOCOLS) as ProtocolName[];
const isHere = (name: ProtocolName): boolean => tls !== undefined || !PROTOCOLS[name].isHTTP2;

function visit(name: ProtocolName, model: string): Visit {
  const one = PROTOCOLS[name].visit(running.url, model, {});
  visits.push(one);
  return one;
}

/** After every scene. */
async function expectNothingLeft(): Promise<void> {
  for (const one of visits) one.close();
  await untilSo(() => running.sockets.size === 0, 1_000);
  await untilSo(() => upstream.ledger.inFlight === 0, 1_000);
  const { credentials, requests } = running.relay.status();
  expect(credentials.map(({ inFlight }) => inFlight)).toEqual([0]);
  expect(requests).toEqual({ open: 0, waiting: 0 });
}

describe.each(Object.keys(HOSTS))("%s", (host) => {
  describe.each(names.filter(isHere))("%s", (name) => {
    it.each([
      ["before headers", "before-headers"],
      ["mid-body", { afterEvents: 3 }],
    ] as const)("I4 L11 a client that leaves %s", async (_phase, stall) => {
      running = await HOSTS[host]!(PROTOCOLS[name].isHTTP2);
      upstream.script({ then: { stall } });
      const one = visit(name, "m");
      const call = await upstream.ledger.next(({ model, stalled }) => model === "m" && stalled);
      const leftAt = await one.leave();
      await upstream.ledger.until(({ inFlight }) => inFlight === 0);
      expect(call.end).toBe("client closed");
      expect(call.timing.closed! - leftAt).toBeLessThan(100);
      await untilSo(() => ends.length === 1 + one.before.length, 1_000);
      expect(ends.map(({ clientPresent }) => clientPresent)).toEqual(ends.map(() => false));
      await expectNothingLeft();
    });
  });
});
