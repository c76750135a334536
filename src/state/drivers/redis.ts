// Redis: `SET NX PX`, and a counter that never expires for the generation; given back by comparing and deleting (ioredis).
import type { LockKind } from "./driver.ts";

/** The few commands of ioredis that are used. */
export interface RedisClient {
  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown>;
  time(): Promise<(string | number)[]>;
}

const TAKE = `if redis.call("set", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) then
  return redis.call("incr", KEYS[2])
end
return 0`;
const RELEASE = `if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end
return 0`;

export function createRedisLocks(client: () => Promise<RedisClient>, prefix: string): LockKind {
  // In a cluster both keys must live on one node.
  const keysOf = (name: string): [string, string] => [
    `{${prefix}${name}}:lock`,
    `{${prefix}${name}}:generation`,
  ];
  return {
    tier: "atomic",
    take: async (name, owner, ttl) =>
      Number(await (await client()).eval(TAKE, 2, ...keysOf(name), owner, ttl)),
    async release(name, owner) {
      await (await client()).eval(RELEASE, 1, keysOf(name)[0], owner);
    },
    async time() {
      const [seconds, micros] = await (await client()).time();
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    },
  };
}
