// Decodes a content encoding that an upstream used although identity was requested (Node only; `fetch` does this itself).
import type { Receiver, ReplyHeaders, TransportError } from "../contract/transport.ts";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  type BrotliDecompress,
  type Gunzip,
} from "node:zlib";
import { KNOWN_ENCODINGS } from "./content-encodings.ts";
import { faultOf } from "../shared/network-faults.ts";

type Decoder = Gunzip | BrotliDecompress;

/** The functions of a call that its decoder uses. */
export interface DecoderSource {
  resumeSource(): void;
  abortSource(): void;
}

/**
 * The state of decoding. `idle`: no byte has arrived, and none is required. `ending`: the rest is being decoded, then the end is reported.
 */
type State =
  | { is: "idle" }
  | { is: "decoding"; chain: Decoder[] }
  | { is: "ending"; chain: Decoder[]; failure: TransportError | undefined }
  | { is: "over" };

/** Sits between a transport and its receiver. An unknown encoding, or a body that does not fit its encoding, is a `protocol` fault. */
export class BodyDecoder implements Receiver {
  readonly #receiver: Receiver;
  readonly #encodings: readonly string[];
  readonly #source: DecoderSource;
  #state: State = { is: "idle" };

  constructor(receiver: Receiver, encodings: readonly string[], source: DecoderSource) {
    this.#receiver = receiver;
    this.#encodings = encodings;
    this.#source = source;
  }

  resume(): void {
    this.#chain?.at(-1)!.resume();
  }

  abort(): void {
    const chain = this.#chain;
    this.#state = { is: "over" };
    for (const decoder of chain ?? []) decoder.destroy();
  }

  onHead(status: number, headers: ReplyHeaders): void {
    this.#receiver.onHead(status, headers);
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#state.is === "idle") this.#begin(chunk);
    return this.#state.is !== "decoding" || this.#state.chain[0]!.write(chunk);
  }

  onEnd(): void {
    this.#end(undefined);
  }

  onFail(error: TransportError): void {
    this.#end(error);
  }

  get #chain(): Decoder[] | undefined {
    return "chain" in this.#state ? this.#state.chain : undefined;
  }

  #begin(first: Uint8Array): void {
    if (!this.#encodings.every((name) => KNOWN_ENCODINGS.includes(name)))
      return this.#onError("Z_UNKNOWN_ENCODING");
    const chain = this.#encodings.toReversed().map((name, at) => toDecoder(name, at, first));
    this.#state = { is: "decoding", chain };
    chain.forEach((decoder, at) => {
      decoder.on("error", (error: NodeJS.ErrnoException) => this.#onError(error.code));
      if (at > 0) chain[at - 1]!.pipe(decoder);
    });
    const last = chain.at(-1)!;
    chain[0]!.on("drain", () => this.#source.resumeSource());
    last.on("data", (chunk: Uint8Array) => {
      if (this.#state.is !== "over" && !this.#receiver.onData(chunk)) last.pause();
    });
    last.on("end", () => this.#tell());
  }

  // Bytes that arrived before an interruption are still decoded and passed on: the client gets every event that arrived (I2).
  #end(failure: TransportError | undefined): void {
    if (this.#state.is === "idle") {
      this.#state = { is: "ending", chain: [], failure };
      return this.#tell();
    }
    if (this.#state.is !== "decoding") return;
    const { chain } = this.#state;
    this.#state = { is: "ending", chain, failure };
    // If it were ended at once, zlib would drop the output of the last bytes of an incomplete body.
    const [first] = chain;
    first!.flush(() => first!.end());
  }

  #tell(): void {
    const state = this.#state;
    this.#state = { is: "over" };
    if (state.is !== "ending") return;
    if (state.failure) this.#receiver.onFail(state.failure);
    else this.#receiver.onEnd();
  }

  #onError(code: string | undefined): void {
    const state = this.#state;
    if (state.is === "over") return;
    this.abort();
    this.#source.abortSource();
    const failure = state.is === "ending" ? state.failure : undefined;
    this.#receiver.onFail(failure ?? { fault: faultOf(code ?? "Z_DATA_ERROR"), code });
  }
}

function toDecoder(encoding: string, at: number, first: Uint8Array): Decoder {
  if (encoding === "br") return createBrotliDecompress();
  if (encoding !== "deflate") return createGunzip();
  // Many servers send it without the wrapper that the standard requires (RFC 9110 § 8.4.1.2), which the first byte shows.
  return at > 0 || (first[0]! & 0x0f) === 8 ? createInflate() : createInflateRaw();
}
