/** A relay on each kind of Node server, in this process: its listener, h3's handler with Node's response, and h3 with a web response. */
import { createServer, type IncomingMessage } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { H3, serve } from "h3";
import { defineRelay as defineNodeRelay } from "../../adapters/node.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { defineRelay, type Relay } from "../../src/index.ts";
import type { EndEvent } from "../../src/observe/hooks.ts";
import type { CommonOptions, RelayOptions } from "../../src/options/types.ts";
import { type Certificate, makeCertificate, noOpenSSL } from "./certificates.ts";
import type { Visit } from "./protocols.ts";
import { makeCredentials } from "./relay.ts";
import { untilSo } from "./until.ts";

export const tls: Certificate | undefined = noOpenSSL ? undefined : makeCertificate(2);

export interface NodeHost {
  relay: Relay;
  upstream: Simulator;
  ends: EndEvent[];
  /** Where the relay is mounted. */
  url: string;
  /** Requests that the server has received. */
  received: number;
  /** Clients that are closed at the end. */
  visits: Visit[];
  /** Open connections of clients. */
  sockets: Set<Socket>;
  /** Closes all clients, and resolves when nothing is in progress: no call, no slot, no connection. */
  untilIdle(): Promise<void>;
  close(): Promise<void>;
}

export interface NodeHostOptions {
  isTls: boolean;
  options?: Partial<CommonOptions>;
  /** Delays the start of the relay. */
  until?: Promise<void>;
}

type Options = RelayOptions | (() => Promise<RelayOptions>);
type Serve = (options: Options, isTls: boolean) => { relay: Relay; server: Server };

const SERVERS: Record<string, Serve> = {
  node(options, isTls) {
    const handler = defineNodeRelay(options);
    const server = isTls
      ? createSecureServer({ ...tls!, allowHTTP1: true }, handler)
      : createServer(handler);
    return { relay: handler.relay, server };
  },
  h3(options, isTls) {
    const handler = defineRelay(options);
    return { relay: handler.relay, server: serveH3(new H3().all("/ai/**", handler), isTls) };
  },
  "h3 with a web response"(options, isTls) {
    const handler = defineRelay(options);
    return { relay: handler.relay, server: serveH3(new H3().mount("/ai", handler), isTls) };
  },
};

export const HOSTS: string[] = Object.keys(SERVERS);

function serveH3(app: H3, isTls: boolean): Server {
  const { node } = serve(app, {
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    manual: true,
    ...(isTls && { tls: { cert: String(tls!.cert), key: String(tls!.key) } }),
  });
  return node!.server as Server;
}

const PATIENCE = 5_000;

export async function startNodeHost(
  name: string,
  { isTls, options, until }: NodeHostOptions,
): Promise<NodeHost> {
  const upstream = await createSimulator();
  const ends: EndEvent[] = [];
  const made = {
    mount: "/ai",
    upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai" as const, allow: ["*"] },
    credentials: makeCredentials(1).map((one) => ({ ...one, maxInFlight: 30 })),
    authorize: () => true,
    log: false as const,
    hooks: { end: (event: EndEvent) => void ends.push(event) },
    ...options,
  };
  const { relay, server } = SERVERS[name]!(until ? () => until.then(() => made) : made, isTls);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const host: NodeHost = {
    relay,
    upstream,
    ends,
    url: `${isTls ? "https" : "http"}://127.0.0.1:${port}/ai`,
    received: 0,
    visits: [],
    sockets,
    async untilIdle() {
      for (const visit of host.visits) visit.close();
      await untilSo(() => sockets.size === 0 && upstream.ledger.inFlight === 0, PATIENCE);
      const isFree = (): boolean => {
        const { credentials, requests } = relay.status();
        return requests.open === 0 && credentials.every(({ inFlight }) => inFlight === 0);
      };
      await untilSo(isFree, PATIENCE);
    },
    async close() {
      for (const visit of host.visits) visit.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await relay.close();
      await upstream.close();
    },
  };
  server.on("request", (_message: IncomingMessage) => void host.received++);
  return host;
}
