// The default log.
import type { Log } from "../contract/log.ts";
import { createConsola } from "consola/basic";

/** Creates a log that writes through consola, which reads its level from `CONSOLA_LEVEL`. */
export function createLog(): Log {
  return createConsola().withTag("relay");
}
