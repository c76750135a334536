import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../simulator/index.ts";
import { readRecipe } from "./recipes/page.ts";
import { type Installed, installPackage } from "./support/package.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const KEYS = { "team-a": "sk-readme-a", "team-b": "sk-readme-b" };

let app: Installed;
let upstream: Simulator;
let server: ChildProcess | undefined;

beforeAll(async () => {
  app = await installPackage();
  app.link("h3", "nitro", "srvx");
  upstream = await createSimulator({ keys: KEYS });
}, 60_000);
afterEach(() => server?.kill("SIGKILL"));
afterAll(async () => {
  app?.remove();
  await upstream?.close();
});

/** Writes a code block of a section of the README that begins with a file's name. Replaces only the placeholder address. */
function paste(section: string, name: string): void {
  const file = readRecipe(readme, section).files.find((one) => one.name === name);
  if (file === undefined) throw new Error(`the section "${section}" has no block for ${name}`);
  app.write(name, file.text.replaceAll("https://api.example.com", upstream.url));
}

async function start(...command: string[]): Promise<string> {
  const port = await freePort();
  server = spawn(process.execPath, command, {
    cwd: app.app,
    env: {
      ...process.env,
      // Nitro does not print its address if these variables suggest a test.
      NODE_ENV: "production",
      TEST: "",
      VITEST: "",
      KEY_A: KEYS["team-a"],
      KEY_B: KEYS["team-b"],
      PORT: String(port),
      HOST: "127.0.0.1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    // Some hosts print their ready line to stdout, others to stderr.
    for (const input of [server!.stdout!, server!.stderr!]) {
      createInterface({ input }).on("line", (line) => {
        if (/listening/i.test(line)) resolve();
      });
    }
    server!.once("exit", (code) => reject(new Error(`ended with ${code}`)));
  });
  return `http://127.0.0.1:${port}/ai/chat/completions`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function expectStream(url: string): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-5", stream: true, messages: [] }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
  expect(upstream.ledger.last()!.credential).toBe("team-a");
}

it("L1 L12 the quick start runs as pasted", async () => {
  paste("## Quick start", "server/relay.config.ts");
  paste("## Quick start", "nitro.config.mjs");
  const nitro = join(app.app, "node_modules/nitro/dist/cli/index.mjs");
  execFileSync(process.execPath, [nitro, "build"], { cwd: app.app, stdio: "pipe" });
  await expectStream(await start(".output/server/index.mjs"));
}, 60_000);

it("L1 an h3 2 app behind node:http runs as pasted", async () => {
  paste("## Other servers", "server.mjs");
  app.write("run.mjs", 'await import("./server.mjs"); console.log("listening");');
  await expectStream(await start("run.mjs"));
});

it("serves through fetch as pasted", async () => {
  paste("## Other servers", "fetch.mjs");
  app.write(
    "run.mjs",
    `import { serve } from "srvx";
     import app from "./fetch.mjs";
     const server = serve({ ...app, hostname: "127.0.0.1", port: Number(process.env.PORT), silent: true });
     await server.ready();
     console.log("listening");`,
  );
  await expectStream(await start("run.mjs"));
});

it("names only existing files, in fewer than 200 lines", () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!);
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(readme.split("\n").length).toBeLessThan(200);
});

it("names two commands that a fresh clone can run", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  expect(readme).toMatch(/^npm ci && npm start /m);
  expect(readme).toMatch(/^npm ci && npm test /m);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test"]));
});
