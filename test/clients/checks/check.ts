/** The interface of a check: it uses a client of the relay as the client's documentation shows, and returns what it observed. */

export interface Target {
  /** Mount path of the relay; used as the client's base URL. */
  baseURL: string;
  /** The client's own key; must never reach the upstream. */
  apiKey: string;
  /** Number of the client's own retries; omitted: its default. */
  maxRetries?: number;
}

/** Plain data, because a check may run in another process. */
export interface Seen {
  text?: string;
  /** Why the model stopped, as the client reports it. */
  finish?: string | null;
  outputTokens?: number;
  names?: string[];
  error?: SeenError;
}

export interface SeenError {
  /** Name of the class of the error that the client throws. */
  name: string;
  status?: number;
  code?: string;
  message: string;
}

export type Check = (target: Target) => Promise<Seen>;
export type Checks = Record<string, Check>;

export const PROMPT = "Say something.";

/** Collects the output of a stream until it ends or throws. */
export async function collect<T>(
  stream: AsyncIterable<T>,
  textOf: (chunk: T) => string | undefined,
  onText: (text: string) => void = () => {},
): Promise<Seen> {
  let text = "";
  try {
    for await (const chunk of stream) {
      const piece = textOf(chunk);
      if (!piece) continue;
      text += piece;
      onText(text);
    }
  } catch (error) {
    return { text, error: toSeen(error) };
  }
  return { text };
}

/** Runs a function that is expected to throw. */
export async function failing(work: () => Promise<unknown>): Promise<Seen> {
  try {
    await work();
  } catch (error) {
    return { error: toSeen(error) };
  }
  return {};
}

export function toSeen(error: unknown): SeenError {
  const { constructor, message, status, statusCode, code } = error as Error & {
    status?: number;
    statusCode?: number;
    code?: string;
  };
  return { name: constructor.name, message, status: status ?? statusCode, code: code ?? undefined };
}
