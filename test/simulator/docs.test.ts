import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { USAGE } from "../../simulator/flags.ts";
import { SCENARIOS } from "../../simulator/index.ts";

const read = (path: string): Promise<string> =>
  readFile(new URL(`../../${path}`, import.meta.url), "utf8");

it("names every scenario in its document", async () => {
  const document = await read("docs/simulator.md");
  const missing = Object.keys(SCENARIOS).filter((name) => !document.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});

it("names every field of a behaviour in its document", async () => {
  const document = await read("docs/simulator.md");
  const source = await read("simulator/behaviour.ts");
  const behaviour = source.slice(source.indexOf("export interface Behaviour {"));
  const fields = [...behaviour.matchAll(/^ {2}(\w+)\?:/gm)].map((found) => found[1]);
  expect(fields.length).toBeGreaterThan(25);
  expect(fields.filter((field) => !document.includes(`\`${field}\``))).toEqual([]);
});

it("runs the example at the head of its document", async () => {
  const document = await read("docs/simulator.md");
  const code = /```ts\n([\s\S]*?)```/.exec(document)?.[1] ?? "";
  const { createSimulator } = await import("../../simulator/index.ts");
  const seen: unknown[] = [];
  const body = code.replace(/^import .*$/m, "");
  const run = new Function("createSimulator", "console", `return (async () => {${body}})();`);
  await run(createSimulator, { log: (value: unknown) => seen.push(value) });
  expect(seen).toEqual([
    429,
    expect.stringMatching(/\[DONE\]\n\n$/),
    { calls: 2, statuses: { 200: 1, 429: 1 } },
  ]);
});

it("names every flag of the command in its document", async () => {
  const document = await read("docs/simulator.md");
  const flags = [...USAGE.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag!);
  const missing = flags.filter((flag) => flag !== "--help" && !document.includes(`\`${flag}`));
  expect(missing).toEqual([]);
});
