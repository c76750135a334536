/** A newcomer's mistake, the call of the relay, and everything that is read then: the complete log, and the response. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { H3, serve } from "h3";
import { vi } from "vitest";
import { defineRelay as onNode } from "../../adapters/node.ts";
import { createSimulator } from "../../simulator/index.ts";
import { createRelay, defineRelay, type OptionsOf } from "../../src/index.ts";
import { installedAt } from "../hosts/support/apps.ts";
import type { Origins } from "./servers.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

export const KEY = "sk-live-0123456789abcdefghij";
export const MODEL = "gpt-4o";

/** The servers behind the relay, for options that name them. */
/** What is behind the relay, for options that name it. */
export interface Given {
  /** Origin of the simulated provider: it accepts one key and three models, `gpt-4o`, `claude-sonnet-4-5`, `gemini-2.5-flash`. */
  origin: string;
  /** Origins of other servers. */
  at: Origins;
  /** Correct options. */
  right: RightOptions;
}

export interface RightOptions {
  mount: string;
  upstream: { baseURL: string; dialect: string };
  credentials: { id: string; apiKey: string }[];
  authorize: () => true;
}

export interface Ask {
  method?: string;
  /** The path as the client sends it. @default "/ai/chat/completions" */
  path?: string;
  headers?: Record<string, string>;
  /** A text is sent unchanged. @default a chat completion */
  body?: object | string;
  /** Number of requests; the last response counts. @default 1 */
  times?: number;
}

/** How the app has mounted the relay. */
export type Through = "relay.fetch" | "node:http" | "h3" | "express" | "express after its parser";

/** One row: the mistake, the call, and the expected log and response. */
export interface Mistake extends Ask {
  /** The options as the newcomer has written them; a factory where a function is returned. */
  options: (given: Given) => unknown;
  /** @default "relay.fetch" */
  through?: Through;
  /** The host knows no address of its clients. */
  isAddressless?: boolean;
  /** All lines of the log except the start line, complete. Ports are `PORT`, places in code `PLACE`. */
  log: string[];
  /** The start line, where it reports the mistake. */
  start?: string;
  /**
   * Status, code and complete message; without a code where the response is not the relay's own. `thrown`: `createRelay` has thrown.
   * `SERVED` is a correct response.
   */
  answer: Answer;
}

export type Answer = readonly [
  status: number | "thrown",
  code: string | number | undefined,
  message: string,
];

export const SERVED: Answer = [200, undefined, "served"];

export interface Read {
  log: string[];
  start: string | undefined;
  answer: Answer;
}

const open: (() => unknown)[] = [];

export function later(close: () => unknown): void {
  open.push(close);
}

export async function closeAll(): Promise<void> {
  vi.restoreAllMocks();
  for (const close of open.splice(0).toReversed()) await close();
}

/** Without the parts that differ from run to run and from version to version. */
function stable(text: string): string {
  return text
    .replace(/(?<=127\.0\.0\.1:)\d+/g, "PORT")
    .replace(/\((?:EPROTO|ERR_SSL_\w+|HPE_\w+)\)/g, "(CODE)")
    .replace(/ at [^;,\n]*?:\d+:\d+\)?/g, " at PLACE");
}

/** Makes the mistake and reads log and response. */
export async function make(mistake: Mistake, at: Origins): Promise<Read> {
  const lines: string[] = [];
  const say = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  vi.spyOn(console, "error").mockImplementation(
    (line: string) => void lines.push(`console ${line}`),
  );
  const log = { debug() {}, info: say("info"), warn: say("warn"), error: say("error") };
  const server = await createSimulator({
    keys: { a: KEY },
    models: [MODEL, "claude-sonnet-4-5", "gemini-2.5-flash"],
  });
  later(() => server.close());
  const clock = createVirtualClock();
  const own = { log, clock, random: () => 0 };
  const right: RightOptions = {
    mount: "/ai",
    upstream: { baseURL: `${server.url}/v1`, dialect: "openai" },
    credentials: [{ id: "team-a", apiKey: KEY }],
    authorize: () => true,
  };
  const options = withOwn(mistake.options({ origin: server.url, at, right }), own);
  const answer = await start(options, mistake)
    .then((app) => ask(app, mistake, clock))
    .catch((error: Error & { code?: string }): Answer => [
      "thrown",
      error.code,
      stable(error.message),
    ]);
  const all = lines.map(stable);
  const isStart = (line: string): boolean => /^info relay .*→/.test(line);
  return {
    log: all.filter((line) => !isStart(line)),
    start: all.find(isStart)?.slice("info ".length),
    answer,
  };
}

function withOwn(options: unknown, own: object): OptionsOf {
  if (typeof options !== "function") return { ...(options as object), ...own } as OptionsOf;
  return (() => {
    const result: unknown = options();
    if (result instanceof Promise)
      return result.then((it: object) => (it ? { ...it, ...own } : it));
    return typeof result === "object" && result !== null ? { ...result, ...own } : result;
  }) as OptionsOf;
}

type App = (path: string, init: RequestInit) => Promise<Response>;

async function start(
  options: OptionsOf,
  { through = "relay.fetch", isAddressless }: Mistake,
): Promise<App> {
  if (through === "relay.fetch") {
    const relay = createRelay(options);
    later(() => relay.close());
    return (path, init) =>
      relay.fetch(new Request(`http://app.test${path}`, init), {
        address: isAddressless ? undefined : "203.0.113.1",
      });
  }
  if (through === "h3") {
    const handler = defineRelay(options);
    later(() => handler.close());
    const app = serve(new H3().all("/ai/**", handler as never), {
      port: 0,
      hostname: "127.0.0.1",
      silent: true,
    });
    await app.ready();
    later(() => app.close(true));
    return (path, init) => fetch(app.url!.replace(/\/$/, "") + path, init);
  }
  const handler = onNode(options);
  later(() => handler.close());
  if (through === "node:http")
    return listening(createServer((message, response) => void handler(message, response)));
  const express = createRequire(import.meta.url)(installedAt("frameworks", "express"));
  const app = express();
  if (through === "express after its parser") app.use(express.json());
  app.use("/ai", handler);
  return listening(createServer(app as RequestListener));
}

async function listening(server: Server): Promise<App> {
  const url = await listen(server);
  return (path, init) => fetch(url + path, init);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const CHAT = { model: MODEL, messages: [{ role: "user", content: "Hello" }] };

async function ask(app: App, mistake: Ask, clock: VirtualClock): Promise<Answer> {
  const { method = "POST", path = "/ai/chat/completions", headers = {}, times = 1 } = mistake;
  const { body = CHAT } = mistake;
  const isBodiless = body === "" || method === "GET" || method === "OPTIONS";
  const init = (): RequestInit => ({
    method,
    headers: { "content-type": "application/json", ...headers },
    body: isBodiless ? null : typeof body === "string" ? body : JSON.stringify(body),
  });
  let answer!: Answer;
  for (let nth = 0; nth < times; nth++) answer = await read(await pump(app(path, init()), clock));
  return answer;
}

/** A moment of real time for sockets, then the relay's own pauses and limits. */
async function pump(asking: Promise<Response>, clock: VirtualClock): Promise<Response> {
  let isDone = false;
  const done = (): void => void (isDone = true);
  asking.then(done, done);
  for (let turn = 0; !isDone && turn < 3_000; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (turn > 50 || turn % 10 === 9) await clock.advance(turn > 50 ? 1_000 : 250);
  }
  return asking;
}

async function read(response: Response): Promise<Answer> {
  const { status } = response;
  const text = await response.text();
  const json = toJSON(text);
  if (json?.error) return [status, json.error.code, stable(json.error.message)];
  return json ? SERVED : [status, undefined, stable(text)];
}

interface ErrorBody {
  error?: { code: string | number | undefined; message: string };
}

function toJSON(text: string): ErrorBody | undefined {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return undefined;
  }
}
