/** One refusal while it is judged. */
import type { CodeMeaning } from "../contract/dialect.ts";
import type { Refusal } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";
import type { Hint } from "./wait-hints.ts";

/** A meaning and the evidence for it. */
export interface Finding {
  is: CodeMeaning;
  evidence: string;
}

/** All that is known of one refusal while it is judged. */
export interface RefusalCase {
  refusal: Refusal;
  reading: BodyReading;
  /** The HTTP status, or the one that an error inside a 200 carries; 0 where there is none. */
  status: number;
  /** The messages, as `plainWords` gives them. */
  words: string;
  codes: { code: string; is: CodeMeaning }[];
  hint: Hint | undefined;
}
