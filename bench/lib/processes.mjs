// Child processes that receive commands over IPC and end with their parent.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts a file of this folder. `ready` is its announcement; `call` runs one of its commands. */
export async function start(file, { args = [], execArgv = [], env = {} } = {}) {
  const child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), args, {
    execArgv,
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const waiting = new Map();
  let asked = 0;
  const exited = new Promise((resolve) => void child.once("exit", resolve));
  const ready = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
    child.on("message", ({ id, value, error }) => {
      if (id === undefined) return resolve(value);
      const { resolve: done, reject: fail } = waiting.get(id);
      waiting.delete(id);
      if (error) fail(new Error(`${file}: ${error}`));
      else done(value);
    });
  });
  child.on("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended with ${code}`));
  });
  return {
    ready,
    call: (name, args) =>
      new Promise((resolve, reject) => {
        waiting.set(++asked, { resolve, reject });
        child.send({ id: asked, name, args });
      }),
    async stop() {
      child.disconnect();
      await exited;
    },
  };
}

/** The child's side: announces `ready` and answers commands until the parent has ended. */
export function serveCommands(ready, commands) {
  process.on("message", async ({ id, name, args }) => {
    try {
      process.send({ id, value: await commands[name](args) });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
  process.on("disconnect", () => process.exit(0));
  process.send({ value: ready });
}
