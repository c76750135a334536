// Collects a request body while it arrives, within the limits on its size and on what all requests hold.
import type { BodyMeter } from "../contract/inbound-call.ts";
import { ByteCollector } from "../shared/byte-collector.ts";
import { RelayError } from "../shared/errors.ts";

export class BodyCollector {
  /** Number of bytes that have arrived, kept or not. */
  arrived = 0;
  /** Why the body is refused; from then on nothing of it is kept. */
  refusal: unknown;
  readonly #limit: number;
  readonly #meter: BodyMeter | undefined;
  readonly #bytes: ByteCollector;

  /** `declared`: the announced size, in bytes; 0 without one. */
  constructor(limit: number, meter: BodyMeter | undefined, declared: number) {
    this.#limit = limit;
    this.#meter = meter;
    this.#bytes = new ByteCollector(declared);
    this.#check(declared, () => meter?.expect(declared));
  }

  /** Adds a chunk. False where the body is refused. */
  add(chunk: Uint8Array): boolean {
    this.arrived += chunk.length;
    this.#check(this.arrived, () => this.#meter?.add(chunk.length));
    if (this.refusal === undefined) this.#bytes.add(chunk);
    return this.refusal === undefined;
  }

  bytes(): Uint8Array {
    return this.#bytes.bytes();
  }

  #check(size: number, count: () => void): void {
    if (this.refusal !== undefined) return;
    try {
      if (size > this.#limit) throw new RelayError("ERR_RELAY_BODY_SIZE", { limit: this.#limit });
      count();
    } catch (error) {
      this.refusal = error;
      this.#bytes.drop();
    }
  }
}
