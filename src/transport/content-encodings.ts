// Names of content encodings.

/** Encodings that every transport decodes; others are a `protocol` fault. */
export const KNOWN_ENCODINGS: readonly string[] = ["gzip", "x-gzip", "deflate", "br"];

/** Lists the encodings of a `content-encoding` in the order in which they were applied, without `identity`. */
export function readEncodings(header: string | null | undefined): string[] {
  return (header ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
}
