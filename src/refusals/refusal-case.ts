/** One refusal during classification. */
import type { CodeMeaning } from "../contract/dialect.ts";
import type { Refusal } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";
import type { Hint } from "./wait-hints.ts";

/** A meaning and the evidence for it. */
export interface Finding {
  is: CodeMeaning;
  evidence: string;
}

/** The known facts about one refusal during classification. */
export interface RefusalCase {
  refusal: Refusal;
  reading: BodyReading;
  /** The HTTP status, or the status of an error inside a 200; 0 where there is none. */
  status: number;
  /** The messages, in the form of `plainWords`. */
  words: string;
  codes: { code: string; is: CodeMeaning }[];
  hint: Hint | undefined;
}
