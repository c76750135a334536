import type { Simulator } from "../simulator/index.ts";

export interface LaunchOptions {
  /** The next free one is taken; 0 is any. @default 3000 */
  port?: number;
  /** Where `.data` is kept. @default the playground's folder */
  cwd?: string;
  /** Hears the server's lines. */
  say?: (line: string) => void;
  env?: Record<string, string | undefined>;
  /** A simulator that runs already and outlives this playground. */
  simulator?: Simulator;
}

export interface Playground {
  url: string;
  pid: number;
  upstream: Simulator | undefined;
  /** Exit code or signal of the server, when it has ended. */
  ended: Promise<number | string>;
  stop(): Promise<void>;
}

export declare const SIMULATED: { keys: Record<string, string>; models: string[] };
export declare class LaunchError extends Error {}
export declare function launch(options?: LaunchOptions): Promise<Playground>;
