/** The packed package in a build that imports an app without keys, and at the start of its server. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Installed, installPackage } from "../support/package.ts";

const ENTRIES = [
  "h3-relay",
  ...["h3-v1", "node", "bun", "deno", "cloudflare"].map((name) => `h3-relay/${name}`),
];

let app: Installed;
beforeAll(async () => void (app = await installPackage()), 120_000);
afterAll(() => app?.remove());

function run(file: string, text: string, env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [app.write(file, text)], {
    cwd: app.app,
    encoding: "utf8",
    timeout: 20_000,
    env: { PATH: process.env["PATH"], ...env },
  });
  return { status, stdout, stderr };
}

const APP = `
  ${ENTRIES.map((entry, at) => `import { defineRelay as define${at} } from "${entry}";`).join("\n")}
  import { createRelay } from "h3-relay";
  const missing = (name) => { throw new Error(name + " is missing"); };
  const options = () => ({
    upstream: { baseURL: process.env.UPSTREAM ?? missing("UPSTREAM"), dialect: "openai" },
    credentials: [{ id: "a", apiKey: process.env.KEY_A ?? missing("KEY_A") }],
  });
  export const relays = [createRelay, ${ENTRIES.map((_, at) => `define${at}`)}].flatMap((define) => [
    define(options),
    define(async () => options()),
  ]);
`;

const SERVER = `
  import { createServer } from "node:http";
  import { defineRelay } from "h3-relay/node";
  const relay = defineRelay(FACTORY);
  const server = createServer(relay).listen(0, "127.0.0.1", async () => {
    const { port } = server.address();
    const { status } = await fetch("http://127.0.0.1:" + port + "/ai/_relay/health");
    console.log("health", status);
    server.close();
    server.closeAllConnections();
    await relay.close();
  });
`;
const FACTORY = `({
  mount: "/ai",
  upstream: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
  credentials: [{ id: "a", apiKey: process.env.KEY_A }],
  log: false,
})`;

describe("a build", () => {
  it("L13 imports a module that defines a relay on every entry, without its keys", () => {
    app.write("relays.mjs", APP);
    const text = `
      import { relays } from "./relays.mjs";
      import { createServer } from "node:http";
      // A build may run servers of its own.
      createServer().listen(0, function () { this.close(); });
      console.log(relays.length, relays.every((it) => (it.relay ?? it).ready !== undefined));
    `;
    // Nothing throws, nothing is printed, and nothing keeps the process alive.
    const expected = { status: 0, stdout: `${2 * (ENTRIES.length + 1)} true\n`, stderr: "" };
    expect(run("build.mjs", text)).toEqual(expected);
  });
});

describe("a server of node:http", () => {
  const FACTORIES = [
    ["synchronous", `() => ${FACTORY}`],
    ["asynchronous", `async () => { await null; return ${FACTORY}; }`],
  ] as const;

  it.each(FACTORIES)("L13 ends with code 1 where its %s options are wrong", (name, factory) => {
    const { status, stdout, stderr } = run(`${name}.mjs`, SERVER.replace("FACTORY", factory));
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/\[relay\] The relay's options are wrong: .*credentials\[0\].*apiKey/);
  });

  it.each(FACTORIES)("L13 J12 runs where its %s options are right", (name, factory) => {
    const env = { KEY_A: "sk-right-0123456789" };
    const result = run(`${name}.mjs`, SERVER.replace("FACTORY", factory), env);
    expect(result).toEqual({ status: 0, stdout: "health 200\n", stderr: "" });
  });

  it("L13 ends with code 1 where `await relay.relay.ready()` precedes `listen`", () => {
    const text = `
      import { createServer } from "node:http";
      import { defineRelay } from "h3-relay/node";
      const relay = defineRelay(() => ${FACTORY});
      await relay.relay.ready();
      createServer((message, response) => void relay(message, response)).listen(0);
      console.log("listening");
    `;
    const { status, stdout, stderr } = run("ready.mjs", text);
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("credentials[0]");
  });
});
