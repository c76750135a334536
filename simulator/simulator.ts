// The simulated upstream: an HTTP server that answers as told and remembers what it saw.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { toAnswer, toWhole } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Behaviour } from "./behaviour.ts";
import { Call } from "./call.ts";
import { createNames } from "./credentials.ts";
import type { Names } from "./credentials.ts";
import { Exchange } from "./exchange.ts";
import type { Stage } from "./exchange.ts";
import type { Frame } from "./frames.ts";
import { readBody, toAsked } from "./inbound.ts";
import type { Asked } from "./inbound.ts";
import { Ledger } from "./ledger.ts";
import { resolveOptions } from "./options.ts";
import type { SimulatorConfig, SimulatorOptions } from "./options.ts";
import { play, playPlain } from "./play.ts";
import { createRules } from "./rules.ts";
import type { Rule, RuleSet } from "./rules.ts";
import { createRandom } from "./text.ts";

/** A request as `expectedBody` takes it. */
export interface ExpectedRequest {
  /** @default "POST" */
  method?: string;
  /** Path with query. */
  path: string;
  body?: string | Uint8Array;
  /** Lower-case names. */
  headers?: Record<string, string>;
}

export interface Simulator {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly ledger: Ledger;
  /** Replaces the rules; the first that fits a call decides. Without rules every call is answered well. */
  script(...rules: Rule[]): void;
  /** Lets everything that is stalled now go on. */
  release(): void;
  /** Returns the bytes that a healthy answer to a request has. */
  expectedBody(request: ExpectedRequest, behaviour?: Behaviour): Buffer;
  /** Destroys every connection and stops listening. */
  close(): Promise<void>;
}

const HEALTHY: Behaviour = {};

/**
 * Starts a simulated upstream on loopback. Rejects with a `TypeError` that names a wrong option.
 *
 * @example
 * const upstream = await createSimulator();
 * upstream.script({ when: { first: 1 }, then: { refuse: "rate-limit" } });
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const config = resolveOptions(options);
  const stage: Stage = { clock: config.clock, ledger: new Ledger(config.keep), stalls: new Set() };
  const host = new Host(config, stage);
  await host.listen();
  const { port } = host.server.address() as AddressInfo;
  return {
    url: `http://${config.host}:${port}`,
    port,
    ledger: stage.ledger,
    script: (...rules) => host.script(rules),
    release: () => stage.stalls.forEach((wake) => (stage.stalls.delete(wake), wake())),
    expectedBody: (request, behaviour = HEALTHY) => expectedBody(request, behaviour, config),
    close: () => host.close(),
  };
}

class Host {
  readonly server: Server;
  #config: SimulatorConfig;
  #stage: Stage;
  #names: Names;
  #rules: RuleSet;
  #random: () => number;
  #sockets = new WeakMap<Socket, number>();
  #calls = 0;

  constructor(config: SimulatorConfig, stage: Stage) {
    this.#config = config;
    this.#stage = stage;
    this.#names = createNames(config.keys);
    this.#random = createRandom(config.seed);
    this.#rules = createRules(config.rules, this.#random);
    this.server = createServer({ keepAliveTimeout: 120_000, requestTimeout: 0, headersTimeout: 0 });
    this.server.on("request", (request, response) => void this.#serve(request, response));
    this.server.on("connection", (socket) => this.#connected(socket));
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.#config.port, this.#config.host, () => resolve());
    });
  }

  script(rules: readonly Rule[]): void {
    this.#rules = createRules(rules, this.#random);
  }

  close(): Promise<void> {
    this.#stage.ledger.abandon();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  #connected(socket: Socket): void {
    const { ledger } = this.#stage;
    this.#sockets.set(socket, ++ledger.connections);
    ledger.openSockets++;
    socket.once("close", () => {
      ledger.openSockets--;
      ledger.changed();
    });
    ledger.changed();
    const behaviour = this.#rules.matchConnection();
    if (behaviour?.cut === "connect") socket.destroy();
    else if (behaviour?.stall === "connect") silence(socket, this.server);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const socket = this.#sockets.get(request.socket) ?? 0;
    const arrival = { socket, at: this.#stage.clock.now(), received: performance.now() };
    const body = await readBody(request);
    if (body === undefined) return;
    const asked = toAsked(request, body, arrival);
    const credential = this.#names.nameOf(asked.secret);
    const now = this.#stage.clock.now();
    const call = new Call(++this.#calls, asked, credential, now, performance.now());
    const exchange = new Exchange(this.#stage, response, call);
    await this.#answer(exchange, asked, credential, now);
  }

  async #answer(exchange: Exchange, asked: Asked, credential: string, now: number): Promise<void> {
    try {
      const behaviour = this.#behaviourFor(asked, credential);
      const answer = toAnswer(asked, behaviour, this.#config.seed, now);
      if (behaviour === HEALTHY) playPlain(exchange, answer, [...answer.frames]);
      else await play(exchange, answer, behaviour);
    } catch (error) {
      // A wrong rule must be seen where it was made: in the test that reads this answer.
      await play(exchange, toFault(error), HEALTHY);
    }
  }

  #behaviourFor(asked: Asked, credential: string): Behaviour {
    if (!this.#accepts(asked)) return { refuse: "unauthenticated" };
    return this.#rules.match(asked, credential) ?? HEALTHY;
  }

  #accepts(asked: Asked): boolean {
    const { keys } = this.#config;
    return keys === undefined || asked.dialect === "auth" || keys.has(asked.secret);
  }
}

// Takes a connection out of the server's hands: bytes are read and forgotten.
function silence(socket: Socket, server: Server): void {
  socket.removeAllListeners("data");
  void server;
  socket.pause();
}

function toFault(error: unknown): Answer {
  const message = `Simulator: ${error instanceof Error ? error.message : String(error)}`;
  const body = JSON.stringify({ error: { message, type: "simulator_error" } });
  return toWhole({ status: 599, headers: { "content-type": "application/json" }, body });
}

function expectedBody(
  request: ExpectedRequest,
  behaviour: Behaviour,
  config: SimulatorConfig,
): Buffer {
  const { method = "POST", path, body = "", headers = {} } = request;
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
  const incoming = { method, url: path, headers, rawHeaders: [] } as unknown as IncomingMessage;
  const asked = toAsked(incoming, bytes, { socket: 0, at: 0, received: 0 });
  const frames: Iterable<Frame> = toAnswer(asked, behaviour, config.seed, 0).frames;
  return Buffer.concat([...frames].map((frame) => frame.bytes));
}
