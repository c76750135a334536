/** A client whose disconnect can be observed: one socket per request, read as slowly as a test wants. */
import { type Agent, type ClientRequest, type IncomingMessage, request } from "node:http";

export interface Asking {
  /** Resolves with the head. */
  head: Promise<IncomingMessage>;
  /** Whether the head has come. */
  hasHead(): boolean;
  /** The part that has been read so far. */
  text(): string;
  /** Reads on until the text matches. */
  until(fits: (text: string) => boolean): Promise<void>;
  /** Reads to the end; rejects where the response is interrupted. */
  rest(): Promise<Buffer>;
  /** Closes the socket; returns the time on `performance.now()`. */
  leave(): number;
  /** The same by a reset, which a Worker notices at once. */
  reset(): void;
}

export interface AskOptions {
  path?: string;
  method?: string;
  stream?: boolean;
  headers?: Record<string, string>;
  /** The text of the user's message. */
  content?: string;
  /** The client's own address. */
  from?: string;
  /** Where several requests share a connection. @default none */
  agent?: Agent;
}

/** Requests a chat completion of `model`. */
export function ask(url: string, model: string, options: AskOptions = {}): Asking {
  const { path = "/chat/completions", method = "POST", stream = true, headers } = options;
  const { content = "Say something.", from, agent = false } = options;
  const sent = request(url + path, {
    method,
    agent,
    localAddress: from,
    headers: { "content-type": "application/json", ...headers },
  });
  const head = headOf(sent);
  let isThere = false;
  head.then(
    () => (isThere = true),
    () => {},
  );
  const chunks: Buffer[] = [];
  let wake = (): void => {};
  let fault: unknown;
  let isOver = false;
  let isReading = false;

  async function read(): Promise<void> {
    if (isReading) return;
    isReading = true;
    const message = await head;
    message.on("data", (chunk: Buffer) => (chunks.push(chunk), wake()));
    const over = (error?: unknown): void => {
      fault ??= error;
      isOver = true;
      wake();
    };
    message.on("end", () => over());
    message.on("error", over);
    message.on("close", () => over(message.complete ? undefined : new Error("broken off")));
  }

  async function wait(holds: () => boolean): Promise<void> {
    await read();
    while (!holds()) {
      if (isOver) throw fault ?? new Error(`ended after ${text()}`);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  const text = (): string => Buffer.concat(chunks).toString();
  sent.end(
    method === "GET" || method === "HEAD"
      ? undefined
      : JSON.stringify({ model, stream, messages: [{ role: "user", content }] }),
  );
  return {
    head,
    hasHead: () => isThere,
    text,
    until: (fits) => wait(() => fits(text())),
    async rest() {
      await wait(() => isOver);
      if (fault) throw fault;
      return Buffer.concat(chunks);
    },
    leave() {
      sent.destroy();
      return performance.now();
    },
    reset: () => void sent.socket?.resetAndDestroy(),
  };
}

function headOf(sent: ClientRequest): Promise<IncomingMessage> {
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve);
    sent.on("error", reject);
  });
  head.catch(() => {});
  return head;
}
