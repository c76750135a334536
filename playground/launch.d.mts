import type { Simulator } from "../simulator/index.ts";

export interface LaunchOptions {
  /** First port to try; 0 selects any free port. @default 3000 */
  port?: number;
  /** Folder of `.data`. @default the playground's folder */
  cwd?: string;
  /** Receives the server's output, line by line. */
  say?: (line: string) => void;
  env?: Record<string, string | undefined>;
  /** A running simulator, which is not closed with the playground. */
  simulator?: Simulator;
}

export interface Playground {
  url: string;
  pid: number;
  upstream: Simulator | undefined;
  /** Resolves with the exit code or signal of the server when it has ended. */
  ended: Promise<number | string>;
  stop(): Promise<void>;
}

export declare const SIMULATED: { keys: Record<string, string>; models: string[] };
export declare class LaunchError extends Error {}
export declare function launch(options?: LaunchOptions): Promise<Playground>;
