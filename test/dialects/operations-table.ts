/** The tables of operations in docs/security.md. */
import type { OperationTable } from "../../src/contract/operations.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";

/** Writes the tables of a page anew. */
export function renderOperations(text: string): string {
  return text.replace(
    /(<!-- operations: (\w+) -->\n)[^]*?(<!-- \/operations -->)/g,
    (_, start: string, name: string, end: string) =>
      start + tableOf(DIALECTS[name]!.operations!) + end,
  );
}

function tableOf({ defaults, restricted }: OperationTable): string {
  const rows = [
    ...Object.entries(defaults).map((entry) => rowOf(entry, "yes")),
    ...Object.entries(restricted).map((entry) => rowOf(entry, "no")),
  ];
  return `${["| kind | by default | operations |", "| --- | --- | --- |", ...rows].join("\n")}\n`;
}

function rowOf([kind, patterns]: [string, readonly string[]], isDefault: string): string {
  return `| \`${kind}\` | ${isDefault} | ${patterns.map((it) => `\`${it}\``).join(", ")} |`;
}
