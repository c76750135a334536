// A relay that is made when it is first wanted: by then a host has its environment and its storage.
import type { RelayOptions } from "../options/types.ts";
import { RelayError } from "../errors.ts";
import { describeFault } from "../observe/fault.ts";
import { createRelay, type Relay } from "../relay.ts";
import { noteClosed, noteOpen } from "./open.ts";

/** Options, or a factory of them that runs at the first request. */
export type OptionsOf<Context extends readonly unknown[] = []> =
  | RelayOptions
  | ((...context: Context) => RelayOptions);

export interface LazyRelay<Context extends readonly unknown[] = []> {
  /** The relay, made now where nothing has made it yet. Throws `ERR_RELAY_START` where a factory is at fault. */
  get(...context: Context): Relay;
  /** The relay, or the answer to give while there is none. */
  start(...context: Context): Relay | Response;
  /** Closes the relay where it was made. */
  close(): Promise<void>;
}

/** Wraps options. Plain ones are checked here and now: throws `ERR_RELAY_OPTIONS`. */
export function createLazyRelay<Context extends readonly unknown[] = []>(
  options: OptionsOf<Context>,
): LazyRelay<Context> {
  let made = typeof options === "function" ? undefined : noteOpen(createRelay(options));
  const factory = typeof options === "function" ? options : () => options;
  let reported: string | undefined;

  function get(...context: Context): Relay {
    try {
      return (made ??= noteOpen(createRelay(factory(...context))));
    } catch (cause) {
      const line =
        cause instanceof RelayError
          ? cause.message
          : `the factory of the relay's options failed: ${describeFault(cause)}`;
      // oxlint-disable-next-line no-console -- there is no relay yet, hence no log of its own
      if (line !== reported) console.error(`[relay] ${line}`);
      reported = line;
      throw new RelayError("ERR_RELAY_START", { cause });
    }
  }

  return {
    get,
    start(...context) {
      try {
        return get(...context);
      } catch (error) {
        return toPlainAnswer(error as RelayError);
      }
    },
    async close() {
      if (!made) return;
      await made.close();
      noteClosed(made);
    },
  };
}

/** The answer where no relay has taken the request, hence no dialect is known. */
export function toPlainAnswer({ status, code, type, message }: RelayError): Response {
  const headers = { "x-should-retry": "false" };
  return Response.json({ error: { type, code, message } }, { status, headers });
}
