// What the attempt loop reports of one attempt: a failure with its verdict, or a first payload.
import type { Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";
import type { Verdict } from "../contract/verdict.ts";

/** One failed attempt. */
export interface Failure {
  requestId: string;
  /** Id of the credential that was used. */
  credential: string;
  target: Target;
  verdict: Verdict;
  /** When the attempt was sent, UTC epoch ms. */
  sentAt: number;
  /** The request itself waits this long, in ms, and retries; until then the key is closed to others (C9). */
  grace?: number | undefined;
  /** Address that the refusal names. */
  link?: string | undefined;
}

/** One attempt whose first payload has arrived. */
export interface Success {
  requestId: string;
  /** Id of the credential that was used. */
  credential: string;
  target: Target;
  /** When the attempt was sent, UTC epoch ms. */
  sentAt: number;
  /** Further keys that are open again: those that the request retried in, or probed. */
  also: readonly Key[];
}
