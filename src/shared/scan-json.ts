// Scans a JSON document: at once, or in slices between which the event loop serves everything else.
import type { PathNode } from "./json-paths.ts";
import { JsonScanner, type ScanOptions } from "./json-scanner.ts";
import { runSliced, type SlicedWork } from "./sliced-work.ts";

/** Part of a document that is scanned in well under a millisecond, in bytes. */
const PART = 65_536;

/** Scans a document at once. */
export function scanJson(bytes: Uint8Array, paths: PathNode, options?: ScanOptions): JsonScanner {
  const scanner = new JsonScanner(bytes, paths, options);
  scanner.step(bytes.length);
  return scanner;
}

/** Scans a document of any size without blocking the event loop. */
export function scanInSlices(
  bytes: Uint8Array,
  paths: PathNode,
  options?: ScanOptions,
): JsonScanner | Promise<JsonScanner> {
  const scanner = new JsonScanner(bytes, paths, options);
  const done = runSliced(new Scan(scanner));
  return done ? done.then(() => scanner) : scanner;
}

class Scan implements SlicedWork {
  readonly #scanner: JsonScanner;

  constructor(scanner: JsonScanner) {
    this.#scanner = scanner;
  }

  step(): boolean {
    return this.#scanner.step(PART);
  }
}
