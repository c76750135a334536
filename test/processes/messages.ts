/** The messages between parent and child over Node's IPC channel. */
import type { RelayStatus } from "../../src/index.ts";

export const STORES = ["Redis", "PostgreSQL", "SQLite", "files"] as const;
export type StoreName = (typeof STORES)[number];

/** Where and when a process ends itself with SIGKILL; `nth` counts from the moment it is armed. */
export type Death =
  /** At a call to the store whose key contains `key`; `torn` writes the first bytes of the value. */
  | {
      at: "before" | "after" | "torn";
      method: "getItems" | "getKeys" | "setItem";
      key: string;
      nth?: number;
    }
  /** At a call of the injected `fetch` whose URL contains `url`; `after` is with the complete response received. */
  | { at: "before" | "after"; method: "fetch"; url: string; nth?: number }
  /** A refresh has ended and its lease was released. */
  | { at: "after"; method: "refresh" };

/** One relay in a process: a store, an upstream, and credentials that each serve the model with their own name. */
export interface Place {
  store: StoreName;
  /** Prefix, table or folder. */
  where: string;
  upstream: string;
  /** How far the clocks have been advanced, in ms. */
  passed: number;
  /** How far this process's clock is ahead, in ms. */
  off: number;
  /** Grants by name: credentials with a rotating refresh token. */
  grants: Record<string, string>;
  /** Sources of anonymous tokens by name. */
  guests: Record<string, "firebase" | "graphql">;
  /** Static keys by name. */
  keys: Record<string, string>;
}

export type Command =
  | { do: "open"; place: Place }
  | { do: "ask"; where: string; model: string }
  | { do: "die"; where: string; death: Death }
  | { do: "pass"; where: string; passed: number }
  | { do: "status"; where: string }
  | { do: "close" };

export type Question = Command & { id: number };
export interface Reply {
  id: number;
  /** Status of the response to `ask`. */
  status?: number;
  /** Response to `status`. */
  report?: RelayStatus;
  fault?: string;
}

/** The id that all limiters of anonymous tokens of a store share. */
export const LIMITER = "guests";

/** A database that no other test uses: listing keys costs as much as there are keys. */
export const REDIS_DB = 7;
