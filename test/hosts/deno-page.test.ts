/** docs/deno.md: every file unchanged, every command without prompts; only the example upstream and the port are replaced. */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import {
  type Installed,
  installPackage,
  manifest,
  withOwnDependencies,
} from "../support/package.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";
import { ask } from "./support/client.ts";
import { type HostProcess, startProcess } from "./support/process.ts";

const page = readFileSync(new URL("../../docs/deno.md", import.meta.url), "utf8");
const KEY = "sk-deno-page-0123456789";
const GRACE = 400;
/** Needs a registry. */
const NOT_RUN = ["deno add npm:h3-relay"];

const commands = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block]) => block!.trim().split("\n"))
  .filter((line) => !NOT_RUN.includes(line));
const files = [...page.matchAll(/^```(?:ts|json)\n\/\/ (\S+)\n([\s\S]*?)^```/gm)].map(
  ([, name, code]) => ({ name: name!, code: code! }),
);

const isMissing =
  isNotInstalled("deno", "deno/bin.cjs") ||
  isNotInstalled("deno", "hono") ||
  isNotInstalled("frameworks", "express");

let app: Installed;
let upstream: Simulator;
let host: HostProcess | undefined;

beforeAll(async () => {
  if (isMissing) return;
  app = await installPackage();
  app.link("unstorage");
  app.linkFrom("deno", "hono");
  app.linkFrom("frameworks", "express");
  upstream = await createSimulator({ keys: { "team-a": KEY } });
  for (const { name, code } of files) if (name.endsWith(".ts")) app.write(name, fitted(code));
}, 60_000);
afterEach(async () => {
  await host?.stop();
  host = undefined;
  upstream?.script();
});
afterAll(async () => {
  await upstream?.close();
  app?.remove();
});

function fitted(text: string, port = 8000): string {
  return text
    .replaceAll("https://api.example.com", upstream.url)
    .replaceAll("api.example.com", new URL(upstream.url).host)
    .replaceAll("0.0.0.0", "127.0.0.1")
    .replaceAll("8000", String(port));
}

const env = (): Record<string, string> => ({
  KEY_A: KEY,
  NO_COLOR: "1",
  DENO_DIR: join(app.app, ".deno"),
});
const deno = installedAt("deno", ".bin/deno");
const MANUAL = "--node-modules-dir=manual";
const QUIET = ["--no-prompt", MANUAL];

/** Runs to the end. */
function run(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(deno, args, {
    cwd: app.app,
    encoding: "utf8",
    env: { ...process.env, ...env() },
  });
  return { code: status, text: stdout + stderr };
}

/** Starts the program of a command on the page, on a free port. */
async function start(
  command: string,
  change = (text: string): string => text,
): Promise<HostProcess> {
  const file = command.split(" ").at(-1)!;
  const { code } = files.find(({ name }) => name === file)!;
  return (host = await startProcess({
    command: deno,
    args(port) {
      app.write(file, change(fitted(code, port)));
      const [verb, ...rest] = fitted(command, port).split(" ").slice(1);
      return [verb!, ...QUIET, ...rest];
    },
    cwd: app.app,
    env: env(),
  }));
}
const serving = commands.filter((line) => /^deno (?:run|serve) /.test(line));
const withGrace = (text: string): string =>
  text.replace("authorize:", `streaming: { shutdownGrace: ${GRACE} },\n  authorize:`);

describe.skipIf(isMissing)("docs/deno.md", () => {
  it("has exactly the commands that are run below", () => {
    expect(serving.map((line) => line.split(" ").at(-1))).toEqual([
      "main.ts",
      "serve.ts",
      "kv.ts",
      "hono.ts",
      "express.ts",
    ]);
    expect(commands).toHaveLength(serving.length + 1);
  });

  it.each(serving)(
    "L4 %s streams",
    async (command) => {
      const { url, lines } = await start(command);
      const body = await ask(`${url}/ai`, "gpt-5").rest();
      expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
      expect(upstream.ledger.last()!.credential).toBe("team-a");
      expect(lines.join("\n")).not.toMatch(/NotCapable|denied/);
    },
    30_000,
  );

  it.each(serving)(
    "K16 %s gives an open stream its grace at SIGTERM and exits with 0",
    async (command) => {
      upstream.script({ then: { events: 4, stall: { afterEvents: 2 } } });
      const { url, signal, gone, lines } = await start(command, withGrace);
      const asked = ask(`${url}/ai`, "gpt-5");
      await asked.until((text) => text.includes('"content"'));
      const startedAt = performance.now();
      signal("SIGTERM");
      const text = (await asked.rest()).toString();
      expect(performance.now() - startedAt).toBeGreaterThan(GRACE - 50);
      expect(text).toContain("ERR_RELAY_SHUTDOWN");
      expect(text).toMatch(/^event: error$/m);
      expect(await gone, lines.join("\n")).toBe(0);
    },
    30_000,
  );

  it("K16 a stream that ends within the grace time is complete", async () => {
    upstream.script({ then: { events: 4, stall: { afterEvents: 2 } } });
    const { url, signal, gone } = await start(serving[0]!);
    const asked = ask(`${url}/ai`, "gpt-5");
    await asked.until((text) => text.includes('"content"'));
    signal("SIGTERM");
    upstream.release();
    expect((await asked.rest()).toString()).toMatch(/\[DONE\]\n\n$/);
    expect(await gone).toBe(0);
  }, 30_000);

  it("K16 its test leaves nothing for the sanitizers to find", () => {
    const command = commands.find((line) => line.startsWith("deno test "))!;
    const { code, text } = run("test", ...QUIET, ...command.split(" ").slice(2));
    expect(text).toContain("1 passed");
    expect(code).toBe(0);
  }, 30_000);

  it("has files that pass the type check", () => {
    const checked = files
      .map(({ name }) => name)
      .filter((name) => /^(?!express).*\.ts$/.test(name));
    const { code, text } = run("check", MANUAL, ...checked);
    expect(code, text).toBe(0);
  }, 60_000);

  it("links a clone as described, with a registry that has no package", async () => {
    const json = JSON.parse(files.find(({ name }) => name === "deno.json")!.code) as object;
    // The dependencies of the clone are linked, too, with their own dependencies, and so is valibot's optional peer.
    const names = withOwnDependencies([...Object.keys(manifest.dependencies), "typescript"]);
    const links = ["h3-relay", ...names].map((name) => `../node_modules/${name}`);
    app.link("typescript");
    app.write("linked/deno.json", JSON.stringify({ ...json, links }));
    app.write("linked/app.ts", `import "h3-relay/deno"; console.log("linked");`);
    const registry = await createSimulator();
    try {
      const { stdout } = await promisify(execFile)(deno, ["run", "--no-prompt", "app.ts"], {
        cwd: join(app.app, "linked"),
        env: { ...process.env, ...env(), NPM_CONFIG_REGISTRY: `${registry.url}/` },
      });
      expect(stdout).toBe("linked\n");
      expect(registry.ledger.calls.every(({ status }) => status === 404)).toBe(true);
    } finally {
      await registry.close();
    }
  }, 30_000);

  it("imports by npm specifier, without a registry", () => {
    const [specifier] = /npm:h3-relay\/deno/.exec(page)!;
    app.write("specifier.ts", `import "${specifier}"; console.log("imported");`);
    expect(run("run", ...QUIET, "specifier.ts")).toEqual({ code: 0, text: "imported\n" });
  }, 30_000);
});
