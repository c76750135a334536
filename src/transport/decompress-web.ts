// Decodes content encodings where the platform's `fetch` does not, because identity was requested: Deno.

/** Names of the formats of `DecompressionStream` by content encoding. */
const FORMATS: Record<string, string> = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli",
};

/** Decodes a body; the encodings are listed in the order in which they were applied. */
export function decompress(
  body: ReadableStream<Uint8Array>,
  encodings: readonly string[],
): ReadableStream<Uint8Array> {
  if (!("Deno" in globalThis)) return body;
  let plain = body;
  for (const name of encodings.toReversed()) {
    const format = FORMATS[name] as CompressionFormat;
    plain = plain.pipeThrough(
      new DecompressionStream(format) as ReadableWritablePair<Uint8Array, Uint8Array>,
    );
  }
  return plain;
}
