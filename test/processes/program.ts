/** Starts the child as a separate process: bundled once, so that a hundred of them start quickly. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { SQLITE } from "../state/stores.ts";
import type { Command, Reply } from "./messages.ts";

export interface Process {
  /** Resolves with the answer; rejects where the process dies before it answers. */
  tell(command: Command): Promise<Reply>;
  /** Kills it. */
  kill(): void;
  /** Resolves with the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>;
  /** Its output on stderr. */
  readonly said: string[];
}

export interface Program {
  start(): Promise<Process>;
  /** Ends every process that still runs, each by its own id. */
  dispose(): Promise<void>;
}

export async function createProgram(): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), "relay-worst-"));
  const file = join(folder, "child.mjs");
  const build = await rolldown({
    input: fileURLToPath(new URL("child.ts", import.meta.url)),
    platform: "node",
    // Its dependencies are not bundled; they are resolved like those of a file of this repository.
    external: ["pg"],
    logLevel: "silent",
    // `#transport` of this package, from src.
    resolve: { conditionNames: ["source", "node", "import"] },
  });
  await build.write({ file, format: "esm", codeSplitting: false });
  await build.close();
  await symlink(
    fileURLToPath(new URL("../../node_modules", import.meta.url)),
    join(folder, "node_modules"),
  );
  const running = new Set<Process>();
  return {
    async start() {
      const one = await startProcess(file);
      running.add(one);
      void one.ended.then(() => running.delete(one));
      return one;
    },
    async dispose() {
      for (const one of running) one.kill();
      await Promise.all([...running].map(({ ended }) => ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Asked {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

async function startProcess(file: string): Promise<Process> {
  const child = spawn(process.execPath, [file, SQLITE], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const asked = new Map<number, Asked>();
  const said: string[] = [];
  let count = 0;
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    child.once("exit", (_, signal) => {
      for (const { reject } of asked.values()) reject(new Error(`died by ${String(signal)}`));
      asked.clear();
      resolve(signal);
    });
  });
  child.stderr!.on("data", (chunk) => void said.push(String(chunk)));
  const wait = (id: number): Promise<Reply> =>
    new Promise((resolve, reject) => void asked.set(id, { resolve, reject }));
  const isUp = wait(0);
  child.on("message", (reply: Reply) => {
    const one = asked.get(reply.id);
    asked.delete(reply.id);
    if (reply.fault === undefined) one?.resolve(reply);
    else one?.reject(new Error(reply.fault));
  });
  await isUp;
  return {
    ended,
    said,
    kill: () => void child.kill("SIGKILL"),
    tell(command) {
      const answer = wait(++count);
      child.send({ ...command, id: count }, (error) => {
        if (error) asked.get(count)?.reject(error);
      });
      return answer;
    },
  };
}
