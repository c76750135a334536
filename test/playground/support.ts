/** A playground under test: its own folder for its data, and a simulated upstream whose ledger verifies the results. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  launch,
  SIMULATED,
  type LaunchOptions,
  type Playground,
} from "../../playground/launch.mjs";
import { createSimulator, type Simulator } from "../../simulator/index.ts";

/** Includes the build of the first start, in ms. */
export const START_LIMIT = 90_000;

export interface Stage {
  upstream: Simulator;
  /** Folder of the playground's `.data`. */
  folder: string;
  playground: Playground;
  /** Stops the playground and starts it again on the same port, with the same folder and upstream. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function openStage(options: LaunchOptions = {}): Promise<Stage> {
  const upstream = await createSimulator(SIMULATED);
  const folder = mkdtempSync(join(tmpdir(), "relay-playground-"));
  const start = (port: number): Promise<Playground> =>
    launch({ simulator: upstream, cwd: folder, ...options, port });
  const stage: Stage = {
    upstream,
    folder,
    playground: await start(options.port ?? 0),
    async restart() {
      await stage.playground.stop();
      stage.playground = await start(Number(new URL(stage.playground.url).port));
    },
    async close() {
      await stage.playground.stop();
      await upstream.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return stage;
}

export function chat(url: string, model = "aurora", signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/ai/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello" }] }),
    signal: signal ?? null,
  });
}

export function post(url: string, body: object, headers: object = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}
