/** What parent and child say to each other over the channel that Node gives them. */
import type { RelayStatus } from "../../src/index.ts";

export const STORES = ["Redis", "PostgreSQL", "SQLite", "files"] as const;
export type StoreName = (typeof STORES)[number];

/** Where and when a process ends itself with SIGKILL; `nth` counts from the moment it is armed. */
export type Death =
  /** Around a call to the store whose key has `key` in it; `torn` writes the first bytes of the value. */
  | {
      at: "before" | "after" | "torn";
      method: "getItems" | "getKeys" | "setItem";
      key: string;
      nth?: number;
    }
  /** Around a call of the injected `fetch` whose URL has `url` in it; `after` is with the whole answer in hand. */
  | { at: "before" | "after"; method: "fetch"; url: string; nth?: number }
  /** A refresh is over, its lease given back. */
  | { at: "after"; method: "refresh" };

/** One relay in a process: a store, an upstream, and credentials that each serve the model of their own name. */
export interface Place {
  store: StoreName;
  /** Prefix, table or folder. */
  where: string;
  upstream: string;
  /** Moved on so far, ms. */
  passed: number;
  /** How far this process's clock is ahead, ms. */
  off: number;
  /** Grants by name: credentials with a refresh token that rotates. */
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
  /** Status of the answer to `ask`. */
  status?: number;
  /** Answer to `status`. */
  report?: RelayStatus;
  fault?: string;
}

/** The id that every limiter of anonymous tokens of a place shares. */
export const LIMITER = "guests";

/** A database that no other test fills: listing keys costs as much as there are. */
export const REDIS_DB = 7;
