// Redis through ioredis. Locks: `SET NX PX`, and a counter that never expires for the generation; released by compare and delete.
// Journal: a stream with a maximum length. Appending and reading take one round trip.
import { type Journal, LAST_GENERATION, type LockKind, LONGEST_LOCK } from "./driver.ts";

type Command = (string | number)[];

/** The few methods of ioredis that are used. */
export interface RedisClient {
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  time(): Promise<(string | number)[]>;
  multi(commands: Command[]): { exec(): Promise<[error: Error | null, reply: unknown][] | null> };
}

// A lock without an end, or with one too far away, and a counter that is no number or at its end, are damaged: they are replaced (K17).
const TAKE = `local left = redis.call("pttl", KEYS[1])
if left == -1 or left > tonumber(ARGV[4]) then redis.call("del", KEYS[1]) end
if not redis.call("set", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then return 0 end
local stored = redis.pcall("get", KEYS[2])
local count = stored == false and 0 or type(stored) == "string" and tonumber(stored)
if not count or count < 0 or count ~= math.floor(count) or count >= tonumber(ARGV[5]) then
  redis.call("set", KEYS[2], ARGV[3])
end
return redis.call("incr", KEYS[2])`;
const RELEASE = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end
return 0`;

export function createRedisLocks(client: () => Promise<RedisClient>, prefix: string): LockKind {
  // In a cluster both keys must be on one node.
  const keysOf = (name: string): [string, string] => [
    `{${prefix}${name}}:lock`,
    `{${prefix}${name}}:generation`,
  ];
  return {
    tier: "atomic",
    take: async (name, owner, ttl) =>
      Number(
        await (
          await client()
        ).eval(TAKE, 2, ...keysOf(name), owner, ttl, Date.now(), LONGEST_LOCK, LAST_GENERATION),
      ),
    async release(name, owner) {
      await (await client()).eval(RELEASE, 1, keysOf(name)[0], owner);
    },
    async time() {
      const [seconds, micros] = await (await client()).time();
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    },
  };
}

type Entry = [id: string, fields: string[]];

const KEPT = 10_000;
const PAGE = 200;
const START = "0-0";

export function createRedisJournal(client: () => Promise<RedisClient>, key: string): Journal {
  let position = START;

  async function run(commands: Command[]): Promise<unknown> {
    const replies = await (await client()).multi(commands).exec();
    for (const [error] of replies ?? []) if (error) throw error;
    if (!replies) throw new Error("the transaction was discarded");
    return replies.at(-1)?.[1];
  }

  return {
    tier: "shared",
    interval: 300,
    async begin() {
      const last = (await run([["xrevrange", key, "+", "-", "COUNT", 1]])) as Entry[];
      position = last[0]?.[0] ?? START;
    },
    async exchange(text) {
      const read: Command = ["xrange", key, position, "+", "COUNT", PAGE + 1];
      const append: Command = ["xadd", key, "MAXLEN", "~", KEPT, "*", "text", text ?? ""];
      const entries = (await run(text === undefined ? [read] : [append, read])) as Entry[];
      // The read starts with the entry at `position`. If it is absent, it was trimmed, and unread entries may have been, too.
      const hasMissed = position !== START && entries[0]?.[0] !== position;
      const news = position === START || hasMissed ? entries : entries.slice(1);
      if (hasMissed) position = START;
      position = news.at(-1)?.[0] ?? position;
      const texts = news.map(([, fields]) => fields[1] ?? "");
      return { texts, hasMissed, hasMore: entries.length > PAGE };
    },
  };
}
