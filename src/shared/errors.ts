// RelayError: the one class for every failure that the relay reports. Codes, statuses and messages are in error-table.ts.
import type { ErrorCode, ErrorFacts } from "./error-facts.ts";
import { ERRORS } from "./error-table.ts";

export type { ErrorCode, ErrorFacts, OptionFault, TriedTarget } from "./error-facts.ts";

export interface RelayErrorOptions extends ErrorFacts {
  cause?: unknown;
  /** Replaces the status of the code, where the upstream's own status is more precise. */
  status?: number;
}

/** A failure of the relay: `code` identifies it, `status` is the HTTP status, `facts` are the data of the error object in the response. */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly code: ErrorCode;
  /** HTTP status of the response. */
  readonly status: number;
  readonly type: string;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, options: RelayErrorOptions = {}) {
    const { cause, status, ...facts } = options;
    const spec = ERRORS[code];
    super(spec.message(facts), cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status ?? spec.status;
    this.type = spec.type;
    this.facts = facts;
  }
}
