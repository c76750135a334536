import { afterEach, describe, expect, it, vi } from "vitest";
import { createLog as createConsolaLog } from "../../src/observe/consola-log.ts";
import { createLog } from "../../src/observe/console-log.ts";
import type { Log } from "../../src/contract/log.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
const STREAMS = { debug: "stdout", info: "stdout", warn: "stderr", error: "stderr" } as const;

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

/** The output of a log, by stream. `console.debug` and `info` go to stdout, `warn` and `error` to stderr, in Deno as in Node. */
function written(log: () => Log): { stdout: string; stderr: string } {
  const all = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    vi.spyOn(process[name], "write").mockImplementation(
      (text) => ((all[name] += String(text)), true),
    );
  for (const level of LEVELS)
    vi.spyOn(console, level).mockImplementation((text) => {
      all[STREAMS[level]] += `${String(text)}\n`;
    });
  const made = log();
  for (const level of LEVELS) made[level](`a ${level} line`);
  return all;
}

function stubDeno(state: "granted" | "prompt" | "denied", level: string | undefined): void {
  vi.stubGlobal("Deno", {
    permissions: { querySync: () => ({ state }) },
    env: {
      get(name: string) {
        if (state !== "granted") throw new Error("must not be asked");
        return name === "CONSOLA_LEVEL" ? level : undefined;
      },
    },
  });
}

describe("the log on Deno", () => {
  it.each([undefined, "0", "1", "3", "4", "-999", "words"])(
    "writes what consola would write at CONSOLA_LEVEL %s",
    (level) => {
      vi.stubEnv("CONSOLA_LEVEL", level === "words" ? undefined : level);
      const expected = written(createConsolaLog);
      vi.restoreAllMocks();
      stubDeno("granted", level);
      expect(written(createLog)).toEqual(expected);
    },
  );

  it.each(["prompt", "denied"] as const)("asks for no permission where it is at %s", (state) => {
    stubDeno(state, "4");
    expect(createLog().level).toBe(3);
  });
});
