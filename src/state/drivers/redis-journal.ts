// Redis: a stream that is cut to a length. Appending and reading go in one round trip; nothing is lost while we are away.
import type { Journal } from "./choose-journal.ts";

type Command = (string | number)[];
type Entry = [id: string, fields: string[]];

/** The one method of ioredis that is used. */
export interface RedisJournalClient {
  multi(commands: Command[]): { exec(): Promise<[error: Error | null, reply: unknown][] | null> };
}

const KEPT = 10_000;
const PAGE = 200;
const START = "0-0";

export function createRedisJournal(
  client: () => Promise<RedisJournalClient>,
  key: string,
): Journal {
  let position = START;

  async function run(commands: Command[]): Promise<unknown> {
    const replies = await (await client()).multi(commands).exec();
    for (const [error] of replies ?? []) if (error) throw error;
    if (!replies) throw new Error("the transaction was dropped");
    return replies.at(-1)?.[1];
  }

  async function begin(): Promise<void> {
    const last = (await run([["xrevrange", key, "+", "-", "COUNT", 1]])) as Entry[];
    position = last[0]?.[0] ?? START;
  }

  return {
    tier: "shared",
    interval: 300,
    begin,
    async exchange(text) {
      const read: Command = ["xrange", key, position, "+", "COUNT", PAGE + 1];
      const append: Command = ["xadd", key, "MAXLEN", "~", KEPT, "*", "text", text ?? ""];
      const entries = (await run(text === undefined ? [read] : [append, read])) as Entry[];
      // The one that we stand at comes again. Where it does not, it was cut off, and with it who knows what.
      const hasMissed = position !== START && entries[0]?.[0] !== position;
      const news = position === START || hasMissed ? entries : entries.slice(1);
      if (hasMissed) position = START;
      position = news.at(-1)?.[0] ?? position;
      const texts = news.map(([, fields]) => fields[1] ?? "");
      return { texts, hasMissed, hasMore: entries.length > PAGE };
    },
  };
}
