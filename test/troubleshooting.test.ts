import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const sources = ["src", "adapters"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => readFileSync(join(root, folder, path), "utf8")),
  )
  .join("\n");

it("J14 J15 docs/troubleshooting.md explains only lines that the relay can write", () => {
  const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
  const cells = [...page.matchAll(/^\| (`.+?) \|/gm)].map(([, cell]) => cell!);
  const pieces = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!));
  expect(pieces.length).toBeGreaterThan(35);
  expect(pieces.filter((piece) => !sources.includes(piece.trim()))).toEqual([]);
});
