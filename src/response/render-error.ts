// How an error of the relay is written: fields, retry headers, and the dialect that renders it.
import type { Dialect, RenderedError } from "../contract/dialect.ts";
import { generic } from "../dialects/generic.ts";
import { describeFault } from "../shared/describe-error.ts";
import type { RelayError } from "../shared/errors.ts";
import type { ErrorWriter } from "../stream/delivery.ts";

/** Clients wait as long as `retry-after` says and then retry by themselves: only up to this wait, in seconds, is that useful. */
const RETRY_WORTHWHILE = 60;

/** Turns an error into what a dialect renders. Names on the wire are in snake case, as in the answers of the APIs (E3). */
export function toRendered(error: RelayError): RenderedError {
  const { upstream, model, retryAfter, attempts, tried } = error.facts;
  const places = tried?.map(({ retryAfter: wait, ...place }) =>
    wait === undefined ? place : { ...place, retry_after: wait },
  );
  const fields = { upstream, model, retry_after: retryAfter, attempts, tried: places };
  const data = Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  );
  return { status: error.status, code: error.code, type: error.type, message: error.message, data };
}

/** Renders errors in a dialect. If the dialect itself fails, the generic one renders them, so that the client still receives an error. */
export function toWriter(dialect: Dialect, warn: (line: string) => void): ErrorWriter {
  const render = (how: keyof ErrorWriter) => (error: RenderedError) => {
    try {
      return dialect[how](error);
    } catch (fault) {
      warn(`the dialect ${dialect.name} cannot write errors: ${describeFault(fault)}`);
      return generic[how](error);
    }
  };
  return { renderError: render("renderError"), renderErrorEvent: render("renderErrorEvent") };
}

/** Headers of a final refusal: when to retry, and whether the client should retry by itself (E3). */
export function retryHeaders(retryAfter: number | undefined): [string, string][] {
  const headers: [string, string][] =
    retryAfter === undefined ? [] : [["retry-after", String(retryAfter)]];
  const isWorthwhile = retryAfter !== undefined && retryAfter <= RETRY_WORTHWHILE;
  return isWorthwhile ? headers : [...headers, ["x-should-retry", "false"]];
}
