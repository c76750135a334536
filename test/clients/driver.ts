/** Runs a check: in this process with the clients installed here, or in a newer Node with the newest clients. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Check, Seen, Target } from "./checks/check.ts";
import type { ClientName } from "./checks/index.ts";

export interface Driver {
  run(client: ClientName, check: string, target: Target): ReturnType<Check>;
  close(): void;
}

const FOLDER = new URL("../hosts/node24/", import.meta.url);
export const NODE_24: string = fileURLToPath(new URL("node_modules/node/bin/node", FOLDER));

interface Told {
  id?: number;
  ready?: string;
  seen?: Seen;
  fault?: string;
}

/** Starts Node 24 with the newest clients. */
export async function startNode24(): Promise<Driver> {
  const child = fork(fileURLToPath(new URL("run.mjs", FOLDER)), {
    execPath: NODE_24,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  await next(child, ({ ready }) => ready !== undefined);
  let asked = 0;
  return {
    async run(client, check, target) {
      const id = ++asked;
      const answer = next(child, (told) => told.id === id);
      child.send({ id, client, check, target });
      const { seen, fault } = await answer;
      if (seen) return seen;
      throw new Error(fault);
    },
    close: () => child.disconnect(),
  };
}

function next(child: ChildProcess, fits: (told: Told) => boolean): Promise<Told> {
  return new Promise((resolve, reject) => {
    const hear = (told: Told): void => {
      if (!fits(told)) return;
      child.off("message", hear);
      child.off("exit", gone);
      resolve(told);
    };
    const gone = (code: number | null): void => reject(new Error(`Node 24 ended with ${code}`));
    child.on("message", hear);
    child.on("exit", gone);
  });
}
