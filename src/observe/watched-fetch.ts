// `fetch` for token, anonymous and quota endpoints: network faults are logged like those of an upstream (J14).
import type { Clock } from "../contract/clock.ts";
import type { TransportError } from "../contract/transport.ts";
import { denialOf } from "../shared/denied-permission.ts";
import { readFault } from "../shared/network-faults.ts";
import { describeCallFault, hostOf } from "./fault-descriptions.ts";
import type { FaultLog } from "./fault-log.ts";

export interface WatchedFetchOptions {
  fetch: typeof fetch;
  log: FaultLog;
  clock: Clock;
  /** Kind of endpoint, for people: `token endpoint`. */
  name: string;
  /** True while the relay closes: calls that are aborted by that are not logged as faults. */
  isClosing(): boolean;
}

/** Wraps `fetch`. The result and the error are passed on unchanged. */
export function watchedFetch({
  fetch,
  log,
  clock,
  name,
  isClosing,
}: WatchedFetchOptions): typeof fetch {
  return async (input, init) => {
    const startedAt = clock.now();
    const host = hostOf(input instanceof Request ? input.url : String(input));
    const subject = `${name} (${host})`;
    try {
      const response = await fetch(input, init);
      if (!log.isQuiet) log.well(subject, "reached", startedAt);
      return response;
    } catch (error) {
      const isAborted = init?.signal?.aborted === true;
      const { fault, code }: TransportError = readFault(error);
      const place = { subject, host, option: `the address of the ${name}` };
      const limit = clock.now() - startedAt;
      const call = isAborted
        ? ({ fault: "timeout", code: undefined, limit } as const)
        : { fault, code, limit: undefined };
      // A missing permission has its own log line; it is no fault of the endpoint.
      if (!isClosing() && denialOf(error) === undefined) log.failed(describeCallFault(place, call));
      throw error;
    }
  };
}
