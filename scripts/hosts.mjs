// `node scripts/hosts.mjs`: the table of docs/hosts.md, from what the last runs of the host suite have left in .cache/hosts.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const folder = fileURLToPath(new URL("../.cache/hosts", import.meta.url));
const rows = readdirSync(folder).map((name) => [
  name.replace(".json", ""),
  JSON.parse(readFileSync(join(folder, name), "utf8")),
]);
const phases = Object.keys(rows[0]?.[1] ?? {});
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
line(["host", ...phases]);
line(["---", ...phases.map(() => "---:")]);
for (const [host, row] of rows)
  line([
    host,
    ...phases.map((phase) => (row[phase] ? `${row[phase].median} / ${row[phase].worst}` : "–")),
  ]);
