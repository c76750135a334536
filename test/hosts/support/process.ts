/** A host as a separate process: started, observed, ended. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import type { EndEvent } from "../../../src/observe/hooks.ts";

export interface HostProcess {
  /** `http://127.0.0.1:PORT` */
  url: string;
  pid: number;
  /** Its output, except for the ends of requests. */
  lines: string[];
  ends: Told[];
  /** Resolves with the first end event that matches, now or later. */
  ended(fits: (end: EndEvent) => boolean): Promise<Told>;
  /** Sends a signal. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process has ended: with its exit code, or the signal that ended it. */
  gone: Promise<number | NodeJS.Signals>;
  stop(): Promise<void>;
}

/** An end event, and when this process received it, on `performance.now()`. */
export type Told = EndEvent & { heardAt: number };

export interface Command {
  command: string;
  /** Called with the port to listen on. */
  args: (port: number) => string[];
  cwd: string;
  env?: Record<string, string>;
  /** Time until its port must be open, in ms. @default 30_000 */
  startLimit?: number;
}

const START_LIMIT = 30_000;
const STOP_LIMIT = 3_000;

/** Starts a host and resolves when its port is open. */
export async function startProcess({
  command,
  args,
  cwd,
  env,
  startLimit = START_LIMIT,
}: Command): Promise<HostProcess> {
  const port = await freePort();
  const child = spawn(command, args(port), {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_ENV: "production",
      // Some hosts shut down differently where these are set.
      CI: "",
      TEST: "",
      VITEST: "",
      NO_COLOR: "1",
      PORT: String(port),
      HOST: "127.0.0.1",
      NITRO_PORT: String(port),
      NITRO_HOST: "127.0.0.1",
      ...env,
    },
  });
  const heard = listen(child);
  const gone = once(child, "exit").then(
    ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
  );
  const host: HostProcess = {
    ...heard,
    url: `http://127.0.0.1:${port}`,
    pid: child.pid!,
    gone,
    signal: (name) => void child.kill(name),
    stop: () => end(child, gone),
  };
  try {
    await untilOpen(port, child, startLimit);
  } catch (cause) {
    await host.stop();
    throw new Error(`${command} did not start:\n${host.lines.join("\n")}`, { cause });
  }
  return host;
}

function listen(child: ChildProcess): Pick<HostProcess, "lines" | "ends" | "ended"> {
  const lines: string[] = [];
  const ends: Told[] = [];
  const waiting = new Set<() => void>();
  const hear = (line: string): void => {
    const [, json] = /^END (\{.*\})$/.exec(line) ?? [];
    if (json === undefined) return void (line !== "" && lines.push(line));
    ends.push({ ...(JSON.parse(json) as EndEvent), heardAt: performance.now() });
    for (const wake of waiting) wake();
  };
  for (const input of [child.stdout!, child.stderr!]) createInterface({ input }).on("line", hear);
  const ended: HostProcess["ended"] = (fits) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = ends.find(fits);
        if (!found) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { lines, ends, ended };
}

async function untilOpen(port: number, child: ChildProcess, limit: number): Promise<void> {
  for (const giveUpAt = Date.now() + limit; Date.now() < giveUpAt;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it has ended");
    if (await isOpen(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("it does not listen");
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => (socket.destroy(), resolve(true)));
    socket.on("error", () => resolve(false));
  });
}

async function end(child: ChildProcess, gone: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT);
  await gone;
  clearTimeout(timer);
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
