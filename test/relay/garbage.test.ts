/** What a request leaves in memory when it has ended: nothing that needs a full collection. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ensureBuilt } from "../../scripts/build.mjs";

const program = fileURLToPath(new URL("garbage-program.mjs", import.meta.url));

describe("a request that has ended", () => {
  it("leaves next to nothing in old space", async () => {
    await ensureBuilt();
    const flags = ["--expose-gc", "--max-semi-space-size=4"];
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, program, "2000"]);
    // Some 1 to 2 KB per request with all code compiled meanwhile; if retained by anything old, it leaves 6 to 11.
    expect(Number(stdout)).toBeLessThan(4_000);
  }, 120_000);
});
