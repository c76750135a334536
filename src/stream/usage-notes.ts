// Token counts, noticed beside the bytes (I17). Parsed only when the answer is over.
import type { Dialect, Usage } from "../contract/dialect.ts";

/** Counts stand at the end of a body; so many of its last characters are looked at. */
const TAIL = 4_096;
const NOTHING = /"usage"\s*:\s*null/y;

export class UsageNotes {
  #first: string | undefined;
  #last: string | undefined;

  /** Looks at one event or one whole JSON body. */
  see(data: string): void {
    // A quick look first: a search for a quote stops at every one of them.
    if (!data.includes("usage")) return;
    const at = data.lastIndexOf('"usage');
    // Inside a text the quote is escaped.
    if (at < 0 || data.charCodeAt(at - 1) === 92) return;
    // Asked for counts, OpenAI puts `"usage":null` into every chunk but the one that has them.
    NOTHING.lastIndex = at;
    if (NOTHING.test(data)) return;
    // The first and the last are enough: counts are either cumulative or split over these two.
    if (this.#first === undefined) this.#first = data;
    else this.#last = data;
  }

  /** Looks at the end of a body that was too long to be kept. */
  seeTail(tail: string): void {
    const counts = /"(usage(?:Metadata)?)"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})(?![^]*"usage)/.exec(
      tail.slice(-TAIL),
    );
    if (counts) this.see(`{"${counts[1]}":${counts[2]}}`);
  }

  read(dialect: Dialect): Usage | undefined {
    const first = this.#first === undefined ? undefined : dialect.readUsage(this.#first);
    const last = this.#last === undefined ? undefined : dialect.readUsage(this.#last);
    return first && last ? { ...first, ...last } : (last ?? first);
  }
}
