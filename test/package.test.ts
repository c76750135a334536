import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Installed, installPackage, manifest } from "./support/package.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const TYPES = ["@types/node"];

let installed: Installed;
beforeAll(async () => {
  installed = await installPackage();
  installed.link(...TYPES, "undici-types");
}, 60_000);
afterAll(() => installed?.remove());

/** Runs a module in the app and returns what it prints. */
function run(code: string, ...flags: string[]): string {
  const path = installed.write("run.mjs", code);
  return execFileSync(process.execPath, [...flags, path], { encoding: "utf8", cwd: installed.app });
}

function files(): string[] {
  return readdirSync(installed.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

it("exports its public names, with only its own dependencies installed", () => {
  const names = run(`
    const names = async (path) => Object.keys(await import(path)).toSorted();
    console.log(JSON.stringify([await names("h3-relay"), await names("h3-relay/simulator")]));
  `);
  expect(JSON.parse(names)).toEqual([
    [
      "RelayError",
      "TokenError",
      "createRelay",
      "defineRelay",
      "firebase",
      "firebaseAnonymous",
      "graphqlAnonymous",
      "oauth",
      "serviceAccount",
    ],
    ["SCENARIOS", "createSimulator"],
  ]);
});

const RELAYS_A_CHAT = `
  import { createRelay } from "h3-relay";
  import { createSimulator } from "h3-relay/simulator";
  const upstream = await createSimulator();
  const relay = createRelay({
    upstream: { baseURL: upstream.url + "/v1", dialect: "openai" },
    credentials: [{ id: "one", apiKey: "sk-one" }],
    log: false,
  });
  const response = await relay.fetch(new Request("http://relay/ai/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-5", stream: true, messages: [] }),
  }), { mount: "/ai" });
  const body = Buffer.from(await response.arrayBuffer());
  console.log(response.status, body.equals(upstream.ledger.last().sent));
  await relay.close();
  await upstream.close();
`;

it.each([
  ["undici", []],
  ["fetch", ["--conditions=workerd"]],
  ["fetch", ["--conditions=deno"]],
  ["fetch", ["--conditions=bun"]],
])("calls upstreams through %s under %j", (name, flags) => {
  const inside = join(installed.folder, "which.mjs");
  installed.write(
    inside.slice(installed.app.length),
    'console.log((await (await import("#transport")).createTransport()).name);',
  );
  expect(execFileSync(process.execPath, [...flags, inside], { encoding: "utf8" })).toBe(
    `${name}\n`,
  );
  expect(run(RELAYS_A_CHAT, ...flags)).toBe("200 true\n");
});

it("has types that resolve and match, for Node's resolution and for bundlers", () => {
  installed.write(
    "app.ts",
    `
      import { createRelay, defineRelay, RelayError, type RelayOptions } from "h3-relay";
      import { createSimulator, type Simulator } from "h3-relay/simulator";
      import { createServer } from "node:http";
      import { defineRelay as onBun } from "h3-relay/bun";
      import { defineRelay as onDeno } from "h3-relay/deno";
      import { defineRelay as onH3v1 } from "h3-relay/h3-v1";
      import { defineRelay as onNode } from "h3-relay/node";
      import { defineRelay as onWorkers } from "h3-relay/cloudflare";
      import nitro from "h3-relay/nitro";
      import nuxt from "h3-relay/nuxt";
      import { useRelay, type RelayConfigFile } from "h3-relay/runtime";
      const options: RelayOptions = {
        upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
        credentials: [{ id: "a", apiKey: "k" }],
        hooks: { end: ({ reason }) => void (reason satisfies string) },
      };
      export const upstream: Promise<Simulator> = createSimulator({ seed: 2 });
      export const answer: Promise<Response> = createRelay(options).fetch(new Request("http://x"));
      export const handler = defineRelay(() => options);
      export const code: RelayError["code"] = "ERR_RELAY_LIMITED";
      export const server = createServer(onNode(options));
      export const served = onBun(() => options).fetch(new Request("http://x"));
      export const deno: Promise<Response> = onDeno(options).fetch(new Request("http://x"));
      export const worker = onWorkers((env: { KEY: string }) => ({ ...options, base: env.KEY }));
      export const old: Promise<unknown> = onH3v1(options)({ path: "", node: { req: 1, res: 1 }, context: {} });
      export const modules: { name: string }[] = [nitro];
      export const nuxtModule: (inline: undefined, nuxt: { options: object }) => void = nuxt;
      export const count: number = useRelay().status().credentials.length;
      export const file: RelayConfigFile = async () => ({ credentials: options.credentials });
      // @ts-expect-error an option that does not exist
      createRelay({ ...options, credential: [] });
    `,
  );
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  for (const resolution of [
    ["--module", "nodenext"],
    ["--module", "esnext", "--moduleResolution", "bundler"],
  ]) {
    const flags = ["--noEmit", "--strict", "--target", "es2022", "--types", "node", ...resolution];
    expect(typeErrors(tsc, flags)).toBe("");
  }
}, 60_000);

function typeErrors(tsc: string, flags: string[]): string {
  try {
    return execFileSync(process.execPath, [tsc, ...flags, "app.ts"], {
      encoding: "utf8",
      cwd: installed.app,
    });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

it("starts its simulator on the command line", () => {
  const cli = join(installed.folder, "dist/simulator/cli.mjs");
  expect(execFileSync(process.execPath, [cli, "--help"], { encoding: "utf8" })).toContain("--port");
});

it("contains no path of the build machine, no sources and no tests", () => {
  const all = files();
  const own = all.map((path) => path.slice(installed.folder.length));
  expect(own.filter((path) => /\.test\.|^\/(?:src|test|node_modules)\//.test(path))).toEqual([]);
  const places = [root, homedir(), installed.app, "file:///"].filter((place) => place !== "/");
  const telling = all.flatMap((path) => {
    const text = readFileSync(path, "utf8");
    return places.filter((place) => text.includes(place)).map((place) => `${path}: ${place}`);
  });
  expect(telling).toEqual([]);
});

it("imports every package that it depends on", () => {
  const built = files()
    .filter((path) => path.endsWith(".mjs"))
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
  for (const name of Object.keys(manifest.dependencies))
    expect(built).toMatch(new RegExp(`(?:from |import\\()"${name}["/]`));
});

it("N6 has few runtime dependencies, each named with its reason in the README, and no install script", () => {
  const names = Object.keys(manifest.dependencies);
  const readme = readFileSync(join(root, "README.md"), "utf8");
  expect(names.length).toBeLessThanOrEqual(6);
  for (const name of names) expect(readme).toMatch(new RegExp(`^\\| \`${name}\` \\| .{20,}`, "m"));
  expect(Object.keys(manifest.scripts)).not.toContain("install");
  for (const when of ["preinstall", "install", "postinstall", "prepare"])
    expect(manifest.scripts[when]).toBeUndefined();
});

it("N6 has peer dependencies that are all optional and named in the README, and that no import needs", () => {
  const { peerDependencies, peerDependenciesMeta } = manifest;
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const built = files().filter((path) => /\/h3-relay\/dist\/.*\.mjs$/.test(path));
  const code = built.map((path) => readFileSync(path, "utf8")).join("\n");
  expect(Object.keys(peerDependencies)).toEqual(["h3", "nitro", "nuxt", "unstorage"]);
  for (const name of Object.keys(peerDependencies)) {
    expect(peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(readme).toMatch(new RegExp(`Optional peer dependencies: .*\`${name}\` \\(`));
    expect(code).not.toMatch(new RegExp(`(?:from |import\\()"${name}["/]`));
  }
  // npm's ranges match no prerelease of another patch: `^3.0.0` would refuse 3.0.260903-beta, and `npm i` with it.
  expect(peerDependencies["nitro"]).toBe("*");
});

it("prints the time of a cold import, without a limit", () => {
  const ms = run(`
    const startedAt = performance.now();
    await import("h3-relay");
    console.log((performance.now() - startedAt).toFixed(1));
  `);
  process.stdout.write(`import "h3-relay" cold: ${ms.trim()} ms\n`);
  expect(Number(ms)).toBeGreaterThan(0);
});
