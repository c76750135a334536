import type { AttemptFault, ReplyHeaders } from "./transport.ts";
import type { Verdict } from "./verdict.ts";

/** Outcome of the last attempt. */
export interface LastAttempt {
  verdict: Verdict;
  /** HTTP status of the upstream's answer; `undefined` if none arrived. */
  status: number | undefined;
  fault: AttemptFault | undefined;
  /** Code of the platform for the fault, for the log only. */
  cause: string | undefined;
  /** Timeout that expired, in ms, if that is the fault. */
  limit: number | undefined;
  /** The option that sets this timeout. */
  option: string | undefined;
  answer:
    | { status: number; headers: ReplyHeaders; body: Uint8Array; inStream: boolean }
    | undefined;
}
