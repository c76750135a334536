/** One refusal during classification. */
import type { CodeMeaning } from "../contract/dialect.ts";
import type { Refusal } from "../contract/verdict.ts";
import type { BodyReading } from "./read-body.ts";

/** A meaning and the evidence for it. */
export interface Finding {
  is: CodeMeaning;
  evidence: string;
}

/** A wait that a refusal states. */
export interface Hint {
  /** Wait, in ms. */
  wait: number;
  /** Where it was read: the field, `message` or the header. */
  from: string;
  /** True where it is the reset of a window rather than an explicit wait. */
  window: boolean;
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
