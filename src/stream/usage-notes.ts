// Finds token counts in the bytes (I17). They are parsed only after the response has ended.
import type { Dialect, Usage } from "../contract/dialect.ts";

/** Token counts are at the end of a body; this many of its last bytes are examined. */
export const TAIL_SIZE = 4_096;
const NOTHING = /"usage"\s*:\s*null/y;

export class UsageNotes {
  #first: string | undefined;
  #last: string | undefined;

  /** Examines one event or one whole JSON body. */
  see(data: string): void {
    // A quick check first: a search for a quote stops at every one of them.
    if (!data.includes("usage")) return;
    const at = data.lastIndexOf('"usage');
    // Inside a text the quote is escaped.
    if (at < 0 || data.charCodeAt(at - 1) === 92) return;
    // When counts were requested, OpenAI puts `"usage":null` into every chunk except the one that has them.
    NOTHING.lastIndex = at;
    if (NOTHING.test(data)) return;
    // The first and the last are sufficient: counts are either cumulative or split over these two.
    if (this.#first === undefined) this.#first = data;
    else this.#last = data;
  }

  /** Examines the end of a body that was too long to be kept. */
  seeTail(tail: string): void {
    const counts = /"(usage(?:Metadata)?)"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})(?![^]*"usage)/.exec(
      tail.slice(-TAIL_SIZE),
    );
    if (counts) this.see(`{"${counts[1]}":${counts[2]}}`);
  }

  read(dialect: Dialect): Usage | undefined {
    const first = this.#first === undefined ? undefined : dialect.readUsage(this.#first);
    const last = this.#last === undefined ? undefined : dialect.readUsage(this.#last);
    return first && last ? { ...first, ...last } : (last ?? first);
  }
}
