// Medians, ratios of pairs, and tables.

export function median(values) {
  return quantile(values, 0.5);
}

export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Ratios of two programs' figures, round by round, because drift affects both. */
export function ratio(ours, theirs) {
  const pairs = ours.map((value, round) => value / theirs[round]);
  return { median: median(pairs), min: Math.min(...pairs), max: Math.max(...pairs) };
}

export function showRatio({ median, min, max }) {
  return `${median.toFixed(2)} × (${min.toFixed(2)}–${max.toFixed(2)})`;
}

export function printTable(title, head, rows) {
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const show = (line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
      )
      .join("   ");
  console.log(`\n${title}`);
  console.log([show(lines[0]), ...lines.slice(1).map(show)].map((line) => `  ${line}`).join("\n"));
}
