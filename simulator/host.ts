// The HTTP server: connections, requests, and the handlers that answer them.
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Call } from "./call.ts";
import { CONTROL_PREFIX, control } from "./control.ts";
import type { Controls } from "./control.ts";
import type { Script } from "./script.ts";
import { Exchange } from "./exchange.ts";
import type { Stage } from "./exchange.ts";
import { readBody, toAsked } from "./inbound.ts";
import type { Asked } from "./inbound.ts";
import type { SimulatorConfig } from "./options.ts";
import { createResponder } from "./respond.ts";
import type { Responder } from "./respond.ts";

const KEEP_ALIVE = 120_000;
const BACKLOG = 4096;

/** Serves HTTP. */
export class Host {
  #server: Server;
  #config: SimulatorConfig;
  #stage: Stage;
  #script: Script;
  #controls: Controls;
  #responder: Responder;
  #sockets = new WeakMap<Socket, number>();
  // Connections that are accepted and never answered.
  #silent = new WeakSet<Socket>();
  #calls = 0;

  constructor(config: SimulatorConfig, stage: Stage, script: Script, controls: Controls) {
    this.#config = config;
    this.#stage = stage;
    this.#script = script;
    this.#controls = controls;
    this.#responder = createResponder(config, script);
    this.#server = createServer({
      keepAliveTimeout: KEEP_ALIVE,
      requestTimeout: 0,
      headersTimeout: 0,
    });
    this.#server.on("request", (request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => this.#connected(socket));
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#config.port, this.#config.host, BACKLOG, () => {
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
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
    const behaviour = this.#script.decideConnection();
    if (behaviour?.stall === "connect") this.#silent.add(socket);
    if (behaviour?.cut !== "connect") return;
    if (behaviour.reset) socket.resetAndDestroy();
    else socket.destroy();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock } = this.#stage;
    const socket = this.#sockets.get(request.socket) ?? 0;
    const arrival = { socket, at: clock.now(), received: performance.now() };
    const body = await readBody(request);
    if (body === undefined) return this.#brokeOff();
    if (request.url?.startsWith(CONTROL_PREFIX))
      return control(request, response, body, this.#controls);
    const asked = toAsked(request, body, arrival);
    const credential = this.#script.nameOf(asked);
    const call = new Call(++this.#calls, asked, credential, clock.now(), performance.now());
    const exchange = new Exchange(this.#stage, response, call);
    if (this.#silent.has(request.socket) && !(await exchange.stalled())) return;
    await this.#answer(exchange, asked, credential);
  }

  #brokeOff(): void {
    this.#stage.ledger.brokenOff++;
    this.#stage.ledger.changed();
  }

  async #answer(exchange: Exchange, asked: Asked, credential: string): Promise<void> {
    try {
      await this.#responder.respond(exchange, asked, credential);
    } catch (error) {
      // A wrong rule is reported where it was made: in the test that reads this answer.
      exchange.fault(error);
    }
  }
}
