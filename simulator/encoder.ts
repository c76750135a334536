// Content encodings that are flushed after each write, so that a stream arrives event by event.
import { constants, createBrotliCompress, createDeflate, createGzip } from "node:zlib";
import type { BrotliCompress, Deflate, Gzip } from "node:zlib";
import type { ContentEncoding } from "./behaviour.ts";

export interface Encoder {
  encode(bytes: Buffer): Promise<Buffer>;
  /** Returns the trailer. */
  finish(): Promise<Buffer>;
}

/** Creates an encoder; the output of a write can be decoded completely at once. */
export function createEncoder(encoding: ContentEncoding): Encoder {
  const stream = streamOf(encoding);
  const flushing = encoding === "br" ? constants.BROTLI_OPERATION_FLUSH : constants.Z_SYNC_FLUSH;
  let output: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => output.push(chunk));
  const take = (): Buffer => {
    const taken = Buffer.concat(output);
    output = [];
    return taken;
  };
  return {
    encode(bytes) {
      return new Promise((resolve) => {
        stream.write(bytes);
        stream.flush(flushing, () => resolve(take()));
      });
    },
    finish() {
      return new Promise((resolve) => {
        stream.once("end", () => resolve(take()));
        stream.end();
      });
    },
  };
}

function streamOf(encoding: ContentEncoding): Gzip | Deflate | BrotliCompress {
  if (encoding === "gzip") return createGzip();
  return encoding === "deflate" ? createDeflate() : createBrotliCompress();
}
