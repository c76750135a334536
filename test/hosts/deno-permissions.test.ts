/** What Deno allows a relay to do, by its flags, and how the relay reports a missing permission. No run may prompt. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { type Installed, installPackage } from "../support/package.ts";
import { installedAt, isNotInstalled } from "./support/apps.ts";

const isMissing = isNotInstalled("deno", "deno/bin.cjs");
const LIMIT = 30_000;

let app: Installed;
let upstream: Simulator;

beforeAll(async () => {
  if (isMissing) return;
  app = await installPackage();
  app.link("unstorage");
  upstream = await createSimulator();
}, 60_000);
afterAll(async () => {
  await upstream?.close();
  app?.remove();
});

interface Ran {
  code: number;
  /** Last line of stdout, as JSON. */
  told: unknown;
  text: string;
}

/** Runs a file of the app; the simulator in this process answers meanwhile. */
async function run(
  code: string,
  flags: string[] = [],
  env: Record<string, string> = {},
): Promise<Ran> {
  app.write("run.ts", code);
  return denoIs("run", ["--no-prompt", "--node-modules-dir=manual", ...flags, "run.ts"], env);
}

async function denoIs(
  verb: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const child = spawn(installedAt("deno", ".bin/deno"), [verb, ...args], {
    cwd: app.app,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NO_COLOR: "1",
      DENO_DIR: join(app.app, ".deno"),
      CONSOLA_LEVEL: "",
      ...env,
    },
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (chunk) => void (texts[name] += String(chunk)));
  const [exit] = (await once(child, "close")) as [number];
  const last = texts.stdout.trim().split("\n").at(-1) ?? "";
  const told: unknown =
    /^[[{"]/.test(last) && verb === "run" && !/^\[\w+\] /.test(last) ? JSON.parse(last) : undefined;
  return { code: exit, told, text: texts.stdout + texts.stderr };
}

/** A relay that gets several requests and reports its responses. */
const asks = (options: string, times = 6, before = ""): string => `
  import { createRelay, oauth } from "h3-relay";
  ${before}
  const relay = createRelay({
    mount: "/ai",
    upstream: { baseURL: "${upstream.url}/v1", dialect: "openai" },
    credentials: [{ id: "one", apiKey: "sk-one" }, { id: "two", apiKey: "sk-two" }],
    authorize: () => true,
    ${options}
  });
  const answers: unknown[] = [];
  for (let nth = 0; nth < ${times}; nth++) {
    const answer = await relay.fetch(new Request("http://app/ai/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-5", messages: [] }),
    }));
    const { error } = await answer.json();
    answers.push([answer.status, error?.code, answer.headers.get("x-should-retry")]);
  }
  const { credentials, cooldowns, circuits } = relay.status();
  await relay.close();
  console.log(JSON.stringify({ answers, credentials, cooldowns, circuits }));
`;

describe.skipIf(isMissing)("Deno's permissions", () => {
  it(
    "L4 every entry can be imported without any permission",
    async () => {
      const { exports } = JSON.parse(readFileSync(join(app.folder, "package.json"), "utf8")) as {
        exports: Record<string, string>;
      };
      const entries = Object.keys(exports).map((entry) => `h3-relay${entry.slice(1)}`);
      expect(entries.length).toBeGreaterThan(8);
      const imports = entries.map((entry, index) => `import * as entry${index} from "${entry}";`);
      const names = entries.map((_, index) => `Object.keys(entry${index}).length`);
      const code = `${imports.join("\n")}\nconsole.log(JSON.stringify([${names.join()}]));`;
      const { code: exit, told, text } = await run(code);
      expect(exit, text).toBe(0);
      expect(told).toHaveLength(entries.length);
      expect((told as number[]).every((count) => count > 0)).toBe(true);
    },
    LIMIT,
  );

  it(
    "L4 a relay and the simulator run with --allow-net alone",
    async () => {
      const code = `
      import { defineRelay } from "h3-relay/deno";
      import { createSimulator } from "h3-relay/simulator";
      const upstream = await createSimulator();
      const relay = defineRelay(() => ({
        mount: "/ai",
        upstream: { baseURL: upstream.url + "/v1", dialect: "openai" },
        credentials: [{ id: "one", apiKey: "sk-one" }],
      }));
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, relay.fetch);
      const answer = await fetch("http://127.0.0.1:" + server.addr.port + "/ai/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "gpt-5", stream: true, messages: [] }),
      });
      const text = await answer.text();
      const isWhole = text === upstream.ledger.last().sent.toString();
      await Promise.all([relay.close(), server.shutdown()]);
      await upstream.close();
      console.log(JSON.stringify({ isWhole, status: answer.status }));
    `;
      const { code: exit, told, text } = await run(code, ["--allow-net=127.0.0.1"]);
      expect(told, text).toEqual({ isWhole: true, status: 200 });
      expect(exit).toBe(0);
      // The first lines of the log are written in the turn in which the relay is created.
      expect(text).toContain("[warn] [relay] ");
    },
    LIMIT,
  );

  it(
    "L4 the log's level follows CONSOLA_LEVEL where the environment may be read",
    async () => {
      const debug = { CONSOLA_LEVEL: "4" };
      const flags = ["--allow-net=127.0.0.1"];
      const { text: silent } = await run(asks("", 1), flags, debug);
      expect(silent).not.toContain("[debug] [relay]");
      const { text } = await run(asks("", 1), [...flags, "--allow-env=CONSOLA_LEVEL"], debug);
      expect(text).toContain("[debug] [relay]");
    },
    LIMIT,
  );

  it(
    "F2 a call that Deno denies is named in the log, answered with 500, and attributed to nothing else",
    async () => {
      const before = upstream.ledger.total;
      const { told, text } = await run(asks(""));
      const { host } = new URL(upstream.url);
      const line = `Deno denied network access to ${host}: run with --allow-net=${host}`;
      expect(text.split(line)).toHaveLength(2);
      // More calls than open a circuit, on more than one credential.
      expect(told).toEqual({
        answers: Array.from({ length: 6 }, () => [500, "ERR_RELAY_PERMISSION", "false"]),
        credentials: ["one", "two"].map((id) => expect.objectContaining({ id })),
        cooldowns: [],
        circuits: [],
      });
      const { credentials } = told as { credentials: object[] };
      for (const one of credentials) expect(one).not.toHaveProperty("disabled");
      expect(text).not.toMatch(/circuit open|cools down for|is disabled/);
      expect(upstream.ledger.total).toBe(before);
    },
    LIMIT,
  );

  it(
    "L4 G2 a token is refreshed with --allow-net alone",
    async () => {
      upstream.grants.create("grant", "refresh-deno-planted");
      const token = `oauth({ tokenURL: "${upstream.url}/oauth/token", clientId: "app", refreshToken: "refresh-deno-planted", rotates: false })`;
      const { told, text } = await run(asks(`credentials: [{ id: "one", token: ${token} }],`, 1), [
        "--allow-net=127.0.0.1",
      ]);
      expect(told, text).toMatchObject({ answers: [[200, null, null]] });
      expect(upstream.ledger.refreshes).toMatchObject({ refreshed: 1 });
    },
    LIMIT,
  );

  it(
    "G2 a token endpoint that Deno denies is named in the log",
    async () => {
      const token = `oauth({ tokenURL: "https://login.example.com/token", clientId: "app", refreshToken: "rt" })`;
      const { text } = await run(
        asks(
          `limits: { maxWait: 0, deadline: 500 }, credentials: [{ id: "one", token: ${token} }],`,
          1,
        ),
        ["--allow-net=127.0.0.1"],
      );
      expect(text).toContain(
        "Deno denied network access to login.example.com:443: run with --allow-net=login.example.com",
      );
    },
    LIMIT,
  );

  it.each([
    [
      "a folder",
      'import fs from "unstorage/drivers/fs"; import { createStorage } from "unstorage"; const storage = createStorage({ driver: fs({ base: "/srv/relay-data" }) });',
      /Deno denied read access to \/srv\/relay-data\S*: run with --allow-read=\/srv\/relay-data/,
    ],
    [
      "Deno KV",
      'import kv from "unstorage/drivers/deno-kv"; import { createStorage } from "unstorage"; const storage = createStorage({ driver: kv({}) });',
      /Deno KV is switched off: run with --unstable-kv/,
    ],
  ])(
    "K5 a store in %s that Deno denies is named in the log",
    async (_, before, line) => {
      const { told, text } = await run(asks("storage,", 1, before), ["--allow-net=127.0.0.1"]);
      expect(text).toMatch(line);
      expect((told as { answers: unknown[] }).answers).toEqual([[200, null, null]]);
    },
    LIMIT,
  );

  it(
    "K13 an options function that reads a variable without the permission names it",
    async () => {
      const code = `
      import { defineRelay } from "h3-relay/deno";
      const relay = defineRelay(() => ({
        mount: "/ai",
        upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
        credentials: [{ id: "one", apiKey: Deno.env.get("KEY_A") }],
      }));
      const answer = await relay.fetch(new Request("http://app/ai/models"));
      console.log(JSON.stringify({ status: answer.status, text: await answer.text() }));
    `;
      const { told, text } = await run(code);
      expect(text).toContain("Deno denied env access to KEY_A: run with --allow-env=KEY_A");
      expect(told).toMatchObject({ status: 500 });
    },
    LIMIT,
  );

  it("K16 close() leaves nothing for the sanitizers of deno test", async () => {
    app.write("leaks.ts", readFileSync(new URL("apps/deno-leaks.ts", import.meta.url), "utf8"));
    const { code, text } = await denoIs("test", [
      "--no-prompt",
      "--node-modules-dir=manual",
      "--no-check",
      "--sanitize-ops",
      "--sanitize-resources",
      "--allow-net=127.0.0.1",
      "leaks.ts",
    ]);
    expect(text).toContain("12 passed | 0 failed");
    expect(code).toBe(0);
  }, 60_000);
});
