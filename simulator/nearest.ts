// Suggests the known word that was probably meant.

/** Completes a message about an unknown word: the probable word, and all known ones. */
export function suggest(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  const question = near === undefined ? "" : ` Did you mean "${near}"?`;
  return `${question} Known: ${known.join(", ")}.`;
}

/** Returns the known word at an edit distance of one or two, at most a third of a short word. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = word.toLowerCase().replace(/[\s_]+/g, "-");
  const ranked = known
    .map((one) => ({ one, slips: slipsBetween(plain, one) }))
    .toSorted((a, b) => a.slips - b.slips);
  const [best] = ranked;
  return best && best.slips <= Math.min(2, Math.floor(best.one.length / 3)) ? best.one : undefined;
}

/** Number of letters to insert, remove or replace; two swapped neighbours count as one. */
function slipsBetween(from: string, to: string): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      const change = row[j - 1]! + (isSame ? 0 : 1);
      const swap = i > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        change,
        swap ? before[j - 2]! + 1 : Infinity,
      );
    }
    [before, row] = [row, next];
  }
  return row[to.length]!;
}
