/** The command, run as a process from the packed package. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type Installed, installPackage } from "../support/package.ts";
import { untilSo } from "../support/until.ts";

let app: Installed;
let bin: string;
let running: ChildProcess | undefined;

beforeAll(async () => {
  app = await installPackage();
  const { bin: bins } = JSON.parse(readFileSync(join(app.folder, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  // As npm installs a command: a link to the file, with the mode from the tarball.
  mkdirSync(join(app.app, "node_modules/.bin"), { recursive: true });
  bin = join(app.app, "node_modules/.bin/h3-relay-simulator");
  symlinkSync(join(app.folder, bins["h3-relay-simulator"]!), bin);
}, 60_000);
afterEach(async () => {
  if (!running || running.exitCode !== null || running.signalCode !== null) return;
  running.kill("SIGKILL");
  await once(running, "exit");
});
afterAll(() => app?.remove());

interface Started {
  url: string;
  lines: string[];
  greeting: string;
  gone: Promise<unknown[]>;
}

async function start(line = ""): Promise<Started> {
  const child = (running = spawn(bin, ["--port", "0", ...line.split(" ").filter(Boolean)], {
    stdio: ["ignore", "pipe", "inherit"],
  }));
  const lines: string[] = [];
  const gone = once(child, "exit");
  createInterface({ input: child.stdout! }).on("line", (line) => void lines.push(line));
  await untilSo(() => lines.some((line) => line.startsWith("control")), 10_000);
  const greeting = lines.splice(0).join("\n");
  return { url: /http:\/\/[\d.:]+/.exec(greeting)![0], lines, greeting, gone };
}

const chat = (url: string, key: string | undefined, model = "gpt-5"): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ model, messages: [] }),
  });

it("prints the base URLs, the keys and the scenario at start", async () => {
  const { url, greeting } = await start(
    "--key team-a=sk-a --model gpt-5 --quota 3/minute --grant team-b=a-refresh-token --scenario slow",
  );
  expect(greeting).toContain(
    `base URL  ${url}/v1 (OpenAI), ${url} (Anthropic, Google: their clients add the version)`,
  );
  expect(greeting).toContain("team-a=sk-a");
  expect(greeting).toContain("gpt-5");
  expect(greeting).toContain("3 calls of each model in 60000 ms");
  expect(greeting).toContain(`team-b=a-refresh-token at ${url}/oauth/token`);
  expect(greeting).toMatch(/^scenario +slow$/m);
});

it("says that every key is accepted where none is named", async () => {
  const { greeting } = await start();
  expect(greeting).toContain("every key is accepted");
});

it("prints one line for each call: time, method, path, credential, model, status, duration, end", async () => {
  const { url, lines } = await start("--key team-a=sk-a --model gpt-5");
  await (await chat(url, "sk-a")).text();
  await (await chat(url, "sk-unknown-0123456789")).text();
  await (await chat(url, "sk-a", "other\u2028model")).text();
  await (await fetch(`${url}/v1/nothing?key=sk-in-the-query`)).text();
  await (await fetch(`${url}/_simulator/ledger`)).text();
  await untilSo(() => lines.length >= 4, 5000);
  const time = String.raw`^\d\d:\d\d:\d\d\.\d{3} `;
  const end = String.raw` \d+ ms, completed$`;
  expect(lines).toEqual([
    expect.stringMatching(new RegExp(`${time}POST /v1/chat/completions team-a gpt-5 200${end}`)),
    expect.stringMatching(
      new RegExp(`${time}POST /v1/chat/completions c1\\(sk-…6789\\) gpt-5 401${end}`),
    ),
    expect.stringMatching(
      new RegExp(`${time}POST /v1/chat/completions team-a other\\?model 404${end}`),
    ),
    expect.stringMatching(new RegExp(`${time}GET /v1/nothing c2\\(sk-…uery\\) - 401${end}`)),
  ]);
});

it("says how an incomplete call ended, and prints nothing when quiet", async () => {
  const { url, lines } = await start("--scenario cut-before-headers");
  await expect(chat(url, undefined)).rejects.toThrow();
  await untilSo(() => lines.length >= 1, 5000);
  expect(lines[0]).toMatch(/ none gpt-5 no answer \d+ ms, cut by us$/);

  running!.kill("SIGKILL");
  const quiet = await start("--quiet");
  await (await chat(quiet.url, undefined)).text();
  const report = (await (await fetch(`${quiet.url}/_simulator/ledger`)).json()) as {
    total: number;
  };
  expect(report.total).toBe(1);
  expect(quiet.lines).toEqual([]);
});

it("applies the quotas of flags", async () => {
  const { url } = await start("--quota gpt-*=1/hour");
  const statuses = [];
  for (const model of ["gpt-5", "gpt-5", "other", "other"]) {
    const answer = await chat(url, "sk-a", model);
    await answer.text();
    statuses.push(answer.status);
  }
  expect(statuses).toEqual([200, 429, 200, 200]);
});

async function refresh(
  url: string,
  refreshToken: string,
): Promise<{ status: number; next: unknown; token: unknown }> {
  const answer = await fetch(`${url}/oauth/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refreshToken }),
  });
  const { refresh_token: next, access_token: token } = (await answer.json()) as Record<
    string,
    unknown
  >;
  return { status: answer.status, next, token };
}

it("has the grants of flags: rotating, or not", async () => {
  const rotating = await start("--grant team-a=one --key b=sk-b");
  const first = await refresh(rotating.url, "one");
  expect(first).toMatchObject({ status: 200 });
  expect(first.next).not.toBe("one");
  expect((await chat(rotating.url, String(first.token))).status).toBe(200);
  // The old token is used again: the grant is revoked.
  expect((await refresh(rotating.url, "one")).status).toBe(400);
  expect((await refresh(rotating.url, String(first.next))).status).toBe(400);

  running!.kill("SIGKILL");
  const lasting = await start("--grant team-a=one --no-rotate");
  await refresh(lasting.url, "one");
  expect(await refresh(lasting.url, "one")).toMatchObject({ status: 200 });
});

it("limits creations, and the calls of each anonymous user, by flags", async () => {
  const { url } = await start("--creations-per-hour 1 --requests-each 1");
  const create = (): Promise<Response> =>
    fetch(`${url}/v1/accounts:signUp?key=web`, { method: "POST", body: "{}" });
  const made = await create();
  expect(made.status).toBe(200);
  const { idToken } = (await made.json()) as { idToken: string };
  expect((await create()).status).toBe(429);
  expect((await chat(url, idToken)).status).toBe(200);
  expect((await chat(url, idToken)).status).toBe(429);
});

it.each([
  ["--prot 1", 'Unknown flag "--prot". Did you mean "--port"?'],
  ["--scenario flakey", 'Did you mean "flaky"? Known: healthy, quota-gone'],
  ["flaky", 'Did you mean "--scenario flaky"?'],
  ["--port 65536", 'Flag "--port"'],
  ["--key sk-a", 'Flag "--key" must look like name=secret.'],
])("refuses %s with exit code 2, in one line", (line, words) => {
  const { status, stdout, stderr } = spawnSync(bin, line.split(" "), { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain(words);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

it("reports with exit code 1 that its port is in use", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const { status, stderr } = spawnSync(bin, ["--port", `${port}`], { encoding: "utf8" });
  taken.close();
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Port ${port} of 127.0.0.1 is in use: choose another with --port, or --port 0 for a free one.\n`,
  );
});

it.each(["SIGTERM", "SIGINT"] as const)(
  "ends at %s with exit code 0, also with a stream open",
  async (signal) => {
    const { url, gone } = await start("--scenario stall");
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "gpt-5", stream: true, messages: [] }),
    });
    const reading = answer.text().catch(() => {});
    running!.kill(signal);
    expect(await gone).toEqual([0, null]);
    await reading;
  },
);

it("can be run by npx with the package named, because the command has another name", () => {
  app.write("package.json", JSON.stringify({ private: true, dependencies: { "h3-relay": "*" } }));
  const args = ["--no", "--offline", "-p", "h3-relay", "h3-relay-simulator", "--help"];
  expect(execFileSync("npx", args, { cwd: app.app, encoding: "utf8" })).toContain(
    "--creations-per-hour",
  );
}, 60_000);

it("survives a closed reader, and a path that is not validly encoded", async () => {
  const { url } = await start();
  running!.stdout!.destroy();
  for (let nth = 0; nth < 3; nth++) await (await chat(url, undefined)).text();
  await fetch(`${url}/v1beta/models/%zz:generateContent`, { method: "POST", body: "{}" });
  await fetch(`${url}/v1/models/%zz`);
  expect((await chat(url, undefined)).status).toBe(200);
});
