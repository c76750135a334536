import type { AttemptFault, ReplyHeaders } from "./transport.ts";
import type { Verdict } from "./verdict.ts";

/** What the last attempt came to. */
export interface LastAttempt {
  verdict: Verdict;
  /** Status of the upstream's answer; `undefined` where none came. */
  status: number | undefined;
  fault: AttemptFault | undefined;
  /** The platform's own code for the fault, for the log alone. */
  cause: string | undefined;
  /** How long was waited in vain, ms, where that is the fault. */
  limit: number | undefined;
  answer:
    | { status: number; headers: ReplyHeaders; body: Uint8Array; secret: string; inStream: boolean }
    | undefined;
}
