// One call on the wire: writes, pauses, interrupts, and reports to the ledger.
import type { ServerResponse } from "node:http";
import type { Clock } from "../src/contract/clock.ts";
import type { Call, CallEnd } from "./call.ts";
import type { Ledger } from "./ledger.ts";

/** State that all exchanges of one simulator share. */
export interface Stage {
  clock: Clock;
  ledger: Ledger;
  /** Functions that wake the stalled calls. */
  stalls: Set<() => void>;
}

/** Every pause resolves with `false` when the call has ended, so that its caller can return. */
export class Exchange {
  readonly call: Call;
  readonly response: ServerResponse;
  #stage: Stage;
  #over = false;
  #interrupt: (() => void) | undefined;
  #end: CallEnd = "completed";

  constructor(stage: Stage, response: ServerResponse, call: Call) {
    this.#stage = stage;
    this.response = response;
    this.call = call;
    response.once("close", () => this.#closed());
    stage.ledger.begin(call);
  }

  /** Lets only the end of the connection end the body. */
  untilClose(): void {
    this.response.useChunkedEncodingByDefault = false;
    this.response.shouldKeepAlive = false;
  }

  /** Writes status and headers, but does not send them before the body unless `flush` is called. */
  head(status: number, headers: Record<string, string | string[]>): void {
    if (this.#over) return;
    this.response.writeHead(status, headers);
    this.answered(status);
  }

  flush(): void {
    if (!this.#over) this.response.flushHeaders();
  }

  /** Records that an answer has begun. */
  answered(status: number): void {
    const { call } = this;
    call.status = status;
    call.firstByteAt = this.#stage.clock.now();
    call.timing.firstByte = performance.now();
    this.#stage.ledger.answered(call);
  }

  /** Writes bytes to the socket; resolves when more can be written. */
  write(bytes: Buffer): boolean | Promise<boolean> {
    if (this.#over) return false;
    this.call.bytes += bytes.length;
    if (this.response.write(bytes)) return true;
    return this.#pause((wake) => {
      this.response.once("drain", wake);
      return () => this.response.off("drain", wake);
    });
  }

  /** Writes bytes to the socket without waiting for it to drain: for small answers. */
  push(bytes: Buffer): void {
    if (this.#over) return;
    this.call.bytes += bytes.length;
    this.response.write(bytes);
  }

  /** Records that a payload event was written. */
  counted(): void {
    this.call.events++;
    this.#stage.ledger.changed();
  }

  wait(delay: number): Promise<boolean> {
    return this.#pause((wake) => this.#stage.clock.after(delay, wake));
  }

  /** Waits until `release()` is called or the client leaves; calls `beat` at this interval meanwhile. */
  async stalled(every?: number, beat: () => void = () => {}): Promise<boolean> {
    const stop = every === undefined ? () => {} : repeat(this.#stage.clock, every, beat);
    const released = this.#pause((wake) => {
      this.#stage.stalls.add(wake);
      return () => this.#stage.stalls.delete(wake);
    });
    this.#markStalled(true);
    const goesOn = await released;
    stop();
    this.#markStalled(false);
    return goesOn;
  }

  /** Waits until the client leaves. */
  left(): Promise<boolean> {
    return this.#pause(() => () => {});
  }

  end(how: CallEnd): void {
    if (this.#over) return;
    this.#settle(how);
    this.response.end();
  }

  /** Destroys the socket after the written bytes have left it; `reset` sends an RST. */
  cut(reset: boolean): void {
    if (this.#over) return;
    this.#settle("cut by us");
    const { socket } = this.response;
    if (socket === null) return void this.response.destroy();
    const destroy = (): void => void (reset ? socket.resetAndDestroy() : socket.destroy());
    if (socket.writableLength === 0) destroy();
    else if (reset) socket.write("", destroy);
    else socket.end(destroy);
  }

  /** Reports a fault inside the simulator to the client: a rule that throws, for example. */
  fault(error: unknown): void {
    if (this.#over) return;
    const message = `Simulator: ${error instanceof Error ? error.message : String(error)}`;
    if (this.response.headersSent) return this.cut(false);
    this.head(599, { "content-type": "application/json" });
    this.write(Buffer.from(JSON.stringify({ error: { message, type: "simulator_error" } })));
    this.end("completed");
  }

  /** Answers with bytes that are not HTTP, then closes. */
  garbage(): void {
    if (this.#over) return;
    this.answered(0);
    this.#settle("cut by us");
    this.response.socket?.end("\u0000\u0001 this is not HTTP\r\n\r\n", () =>
      this.response.destroy(),
    );
  }

  /** Records that the last byte of a complete answer was written. */
  whole(): void {
    this.call.whole = true;
    this.#stage.ledger.changed();
  }

  #markStalled(stalled: boolean): void {
    this.call.stalled = stalled;
    this.#stage.ledger.changed();
  }

  #settle(how: CallEnd): void {
    this.#end = how;
    this.#over = true;
    this.call.endedAt = this.#stage.clock.now();
    this.call.timing.ended = performance.now();
  }

  #pause(begin: (wake: () => void) => () => void): Promise<boolean> {
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve) => {
      const cancel = begin(() => {
        this.#interrupt = undefined;
        resolve(true);
      });
      this.#interrupt = () => {
        cancel();
        resolve(false);
      };
    });
  }

  #closed(): void {
    const flushed = this.response.writableFinished;
    const cut = this.#end === "cut by us";
    this.#over = true;
    this.#interrupt?.();
    const end = flushed || cut ? this.#end : "client closed";
    this.#stage.ledger.finish(this.call, end, this.#stage.clock.now(), performance.now());
  }
}

function repeat(clock: Clock, every: number, run: () => void): () => void {
  let cancel = clock.after(every, again);
  function again(): void {
    run();
    cancel = clock.after(every, again);
  }
  return () => cancel();
}
