/** The environment of a host under test: a simulated upstream, an address that never answers, and the host itself. */
import { createSimulator, type Simulator } from "../../../simulator/index.ts";
import { type Installed, installPackage } from "../../support/package.ts";
import { createUnreachable, type Unreachable } from "../../support/unreachable.ts";
import { type Command, type HostProcess, startProcess } from "./process.ts";

export interface Stage {
  upstream: Simulator;
  far: Unreachable;
  host: HostProcess;
  /** Where the relay is mounted. */
  url: string;
  /** Folder of the app. */
  app: string;
  /** Starts another process of the built app, with additional environment. */
  start(env: Record<string, string>): Promise<HostProcess>;
  close(): Promise<void>;
}

export interface HostSetup {
  /** Prints a message and returns true where the host is not installed. */
  isMissing?: () => boolean;
  /** Folder in which the app's folder is created. @default the system's for temporary files */
  parent?: string;
  /** Path the relay is mounted on. */
  mount: string;
  /** Writes the app, builds it, and returns how it is started. */
  prepare(app: Installed, env: Record<string, string>): Promise<Command> | Command;
}

export async function setStage({ parent, mount, prepare }: HostSetup): Promise<Stage> {
  const upstream = await createSimulator();
  const far = await createUnreachable();
  const app = await installPackage(parent);
  const env = { UPSTREAM_URL: upstream.url, FAR_URL: far.url };
  const closing = [() => upstream.close(), () => far.close(), () => Promise.resolve(app.remove())];
  const close = async (): Promise<void> => {
    for (const end of closing) await end();
  };
  try {
    const command = await prepare(app, env);
    const start: Stage["start"] = async (more) => {
      const host = await startProcess({ ...command, env: { ...env, ...command.env, ...more } });
      closing.unshift(() => host.stop());
      return host;
    };
    const host = await start({});
    return { upstream, far, host, url: host.url + mount, app: app.app, start, close };
  } catch (error) {
    await close();
    throw error;
  }
}
