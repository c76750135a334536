import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { START_LIMIT } from "./support.ts";

const START = fileURLToPath(new URL("../../playground/start.mjs", import.meta.url));
const started: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), "relay-start-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  }
});

interface Started {
  child: ChildProcess;
  /** Resolves when what was printed matches, or the process has ended. */
  until(pattern: RegExp): Promise<string>;
  ended: Promise<number | string>;
}

function start(env: Record<string, string>): Started {
  const { UPSTREAM_BASE_URL: _, RELAY_KEYS: __, ...rest } = process.env;
  const child = spawn(process.execPath, [START], {
    env: { ...rest, PORT: "0", PLAYGROUND_DIR: folder, ...env },
  });
  started.push(child);
  let printed = "";
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    child,
    ended,
    until: (pattern) =>
      new Promise((resolve) => {
        const check = (): void => void (pattern.test(printed) && resolve(printed));
        for (const stream of [child.stdout!, child.stderr!])
          stream.on("data", (text: Buffer) => {
            printed += text.toString();
            check();
          });
        void ended.then(() => resolve(printed));
      }),
  };
}

const READY = /Press Ctrl-C to stop/;

describe("npm start", { timeout: START_LIMIT }, () => {
  it("prints the addresses and a curl command that works; Ctrl-C stops all processes", async () => {
    const { child, until, ended } = start({});
    const printed = await until(READY);
    const page = /Page +(\S+)/.exec(printed)?.[1];
    const [, url, body] = /curl -N (\S+) .* -d '(.*)'/.exec(printed) ?? [];
    expect(await (await fetch(page!)).text()).toContain("<title>h3-relay playground</title>");
    const answer = await fetch(url!, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: body!,
    });
    expect(await answer.text()).toMatch(/"content":"This ".*\[DONE\]\n\n$/s);

    child.kill("SIGINT");
    expect(await ended).toBe(0);
    await expect(fetch(page!)).rejects.toThrow("fetch failed");
  });

  it("leaves no server running when it is killed", async () => {
    const { child, until } = start({});
    const page = /Page +(\S+)/.exec(await until(READY))![1]!;
    const socket = connect(Number(new URL(page).port), "127.0.0.1");
    await once(socket, "connect");
    child.kill("SIGKILL");
    await once(socket.resume(), "close");
  });

  it("exits with 1 and one sentence if a setting is missing", async () => {
    const { until, ended } = start({ UPSTREAM_BASE_URL: "https://api.example.com/v1" });
    const printed = await until(/$^/);
    expect(printed.trim()).toMatch(/^RELAY_KEYS is empty\. .*$/);
    expect(await ended).toBe(1);
  });

  it("reports that a port must be a number", async () => {
    const { until, ended } = start({ PORT: "three" });
    expect((await until(/$^/)).trim()).toBe('PORT must be a number from 0 to 65535, not "three".');
    expect(await ended).toBe(1);
  });
});
