/** A relay under test: a simulated upstream behind it, a real h3 2 server before it, and the result of each request. */
import type { EndEvent } from "../../src/observe/hooks.ts";
import type { CredentialOptions } from "../../src/options/credential-types.ts";
import type { RelayOptions } from "../../src/options/types.ts";
import type { UpstreamOptions } from "../../src/options/upstream-types.ts";
import type { SimulatorOptions } from "../../simulator/index.ts";
import { H3, serve } from "h3";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { defineRelay, type Relay, type RelayHandler } from "../../src/index.ts";
import type { HookName } from "../../src/observe/hooks.ts";
import { Outside } from "./planted.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";

const HOOKS: readonly HookName[] = [
  "attempt",
  "cooldown",
  "rotation",
  "credential",
  "creation",
  "route",
  "refresh",
  "end",
];

export interface RelayUnderTest {
  /** Where the relay is mounted: `http://127.0.0.1:PORT/ai`. */
  url: string;
  relay: Relay;
  upstream: Simulator;
  /** The relay's own time; it does not run until advanced. */
  clock: VirtualClock;
  /** Ends of requests so far, in order. */
  ends: EndEvent[];
  /** Resolves with the n-th end (from 1), now or later. */
  ended(count?: number): Promise<EndEvent>;
  /** Lines of the log. */
  lines: { level: string; message: string }[];
  /** Requests a chat completion, streamed unless configured otherwise. */
  chat(more?: ChatOptions): Promise<Response>;
  close(): Promise<void>;
}

export interface ChatOptions {
  model?: string;
  stream?: boolean;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  body?: Record<string, unknown>;
  path?: string;
}

export type UnderTestOptions = Partial<Omit<RelayOptions, "upstream" | "upstreams">> & {
  /** Number of generated credentials (`c1`, `c2`, …) where none are given. @default 2 */
  count?: number;
  upstream?: Partial<UpstreamOptions>;
  upstreams?: Record<string, UpstreamOptions>;
  simulator?: SimulatorOptions;
  /** A simulator that survives this relay (restarts). */
  keep?: Simulator;
  /** `false` serves before the state is loaded. @default true */
  waitUntilReady?: boolean;
  /** The sink that answers: Node's response written directly, or a web `Response` that the host sends. @default "node" */
  sink?: "node" | "web";
};

/** The secret of a generated credential; the ledger shows it, and names it by its order of appearance. */
export function secretOf(id: string): string {
  return `sk-test-${id}-0123456789abcdef`;
}

export function makeCredentials(count: number): CredentialOptions[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `c${at + 1}`,
    apiKey: secretOf(`c${at + 1}`),
  }));
}

/** Starts simulator, relay and server. With `random` omitted every draw is 0: the rotation begins with the first credential. */
export async function startRelay(options: UnderTestOptions = {}): Promise<RelayUnderTest> {
  const {
    count = 2,
    simulator,
    keep,
    upstream: upstreamOptions,
    upstreams,
    hooks,
    waitUntilReady = true,
    sink = "node",
    ...rest
  } = options;
  const credentials = rest.credentials ?? makeCredentials(count);
  const keys = Object.fromEntries(
    credentials.flatMap(({ id, apiKey }) => (apiKey ? [[id, apiKey]] : [])),
  );
  const upstream = keep ?? (await createSimulator({ keys, ...simulator }));
  const clock = (rest.clock as VirtualClock | undefined) ?? createVirtualClock();
  const record = createRecord<EndEvent>();
  const lines: RelayUnderTest["lines"] = [];
  const outside = new Outside();
  const say = (level: string) => (message: string) => {
    outside.add(message);
    lines.push({ level, message });
  };
  const handler: RelayHandler = defineRelay({
    random: () => 0,
    log: { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
    ...(upstreams
      ? { upstreams }
      : { upstream: { baseURL: `${upstream.url}/v1`, dialect: "openai", ...upstreamOptions } }),
    ...rest,
    clock,
    credentials,
    hooks: { ...hooks, end: (event) => (record.add(event), hooks?.end?.(event)) },
  });
  // Of the hooks with many events, those that tests listen to are enough.
  for (const name of HOOKS)
    if (name !== "route") handler.relay.on(name, (event: unknown) => outside.add(event));
  if (waitUntilReady) await handler.relay.ready();
  const web = ({ req }: { req: Request & { ip?: string } }): Promise<Response> =>
    handler.relay.fetch(req, { mount: "/ai", address: req.ip });
  const server = serve(new H3().all("/ai/**", (sink === "web" ? web : handler) as never), {
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
  });
  await server.ready();
  const url = `${server.url}ai`;
  return {
    url,
    relay: handler.relay,
    upstream,
    clock,
    lines,
    ends: record.items,
    ended: (nth = 1) => record.nth(nth),
    chat: async (more) => outside.watch(await chat(url, more)),
    async close() {
      outside.add(handler.relay.status());
      await server.close(true);
      // Disks and sockets take real time, the relay's own grace time the clock's: first the one, then the other.
      let isClosed = false;
      const closing = handler.relay.close().then(() => (isClosed = true));
      for (const patience = performance.now() + 400; performance.now() < patience && !isClosed;)
        await clock.settle();
      if (!isClosed) await clock.advance(60_000);
      await closing;
      if (!keep) await upstream.close();
      // Whatever a test is about, no key of it has left the relay.
      outside.check(Object.values(keys).filter((key) => key.length >= 12));
    },
  };
}

function chat(
  url: string,
  {
    model = "gpt-4o",
    stream = true,
    headers,
    signal,
    body,
    path = "/chat/completions",
  }: ChatOptions = {},
): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({
      model,
      stream,
      messages: [{ role: "user", content: "Say something." }],
      ...body,
    }),
    signal,
  });
}

function createRecord<T>(): { items: T[]; add(item: T): void; nth(count: number): Promise<T> } {
  const items: T[] = [];
  const waiting: { count: number; resolve: (item: T) => void }[] = [];
  return {
    items,
    add(item) {
      items.push(item);
      for (const { count, resolve } of waiting) if (count === items.length) resolve(item);
    },
    nth: (count) =>
      items.length >= count
        ? Promise.resolve(items[count - 1]!)
        : new Promise((resolve) => void waiting.push({ count, resolve })),
  };
}
