// Undoes a content encoding that an upstream used although identity was asked for (Node only; `fetch` does it by itself).
import type { Transform } from "node:stream";
import type { Receiver, ReplyHeaders, TransportError } from "../contract/transport.ts";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { faultOf } from "./faults.ts";

const DECODERS: Record<string, () => Transform> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What a decoder may ask of the call whose body it decodes. */
export interface DecoderSource {
  resumeSource(): void;
  abortSource(): void;
}

/** True where a `content-encoding` names something that must be undone. */
export function isEncoded(encoding: string): boolean {
  return !/^\s*(?:identity)?\s*$/i.test(encoding);
}

/** Stands between a transport and its receiver. An unknown encoding, or a body that does not fit its encoding, is a `protocol` fault. */
export class BodyDecoder implements Receiver {
  readonly #receiver: Receiver;
  readonly #source: DecoderSource;
  readonly #first: Transform | undefined;
  readonly #last: Transform | undefined;
  #isOver = false;

  constructor(receiver: Receiver, encoding: string, source: DecoderSource) {
    this.#receiver = receiver;
    this.#source = source;
    const chain = toChain(encoding);
    this.#first = chain?.[0];
    this.#last = chain?.at(-1);
    chain?.forEach((decoder, at) => {
      decoder.on("error", (error: NodeJS.ErrnoException) => this.#fail(error.code));
      if (at > 0) chain[at - 1]!.pipe(decoder);
    });
    this.#first?.on("drain", () => source.resumeSource());
    this.#last?.on("data", (chunk: Uint8Array) => {
      if (!this.#isOver && !receiver.onData(chunk)) this.#last!.pause();
    });
    this.#last?.on("end", () => this.#finish(() => receiver.onEnd()));
  }

  resume(): void {
    this.#last?.resume();
  }

  abort(): void {
    this.#isOver = true;
    this.#first?.destroy();
    this.#last?.destroy();
  }

  onHead(status: number, headers: ReplyHeaders): void {
    this.#receiver.onHead(status, headers);
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#first) return this.#first.write(chunk);
    this.#fail("Z_UNKNOWN_ENCODING");
    return false;
  }

  onEnd(): void {
    if (this.#first) this.#first.end();
    else this.#finish(() => this.#receiver.onEnd());
  }

  onFail(error: TransportError): void {
    this.#finish(() => this.#receiver.onFail(error));
    this.abort();
  }

  #fail(code: string | undefined): void {
    if (this.#isOver) return;
    this.abort();
    this.#source.abortSource();
    this.#receiver.onFail({ fault: faultOf(code ?? "Z_DATA_ERROR"), code });
  }

  #finish(tell: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    tell();
  }
}

/** Encodings are listed in the order in which they were applied; `undefined` where one is not known. */
function toChain(encoding: string): Transform[] | undefined {
  const names = encoding
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  if (!names.every((name) => Object.hasOwn(DECODERS, name))) return undefined;
  return names.toReversed().map((name) => DECODERS[name]!());
}
