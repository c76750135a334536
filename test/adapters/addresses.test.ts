/** Each entry passes on the client's address from its host; the limit per caller shows it. */
import { afterEach, describe, expect, it } from "vitest";
import { defineRelay as defineForBun } from "../../adapters/bun.ts";
import { defineRelay as defineForWorker } from "../../adapters/cloudflare.ts";
import { defineRelay as defineForDeno } from "../../adapters/deno.ts";
import { defineRelay as defineForH3v1 } from "../../adapters/h3-v1.ts";
import { defineRelay as defineForH3, type Log, type RelayOptions } from "../../src/index.ts";
import { makeCredentials } from "../support/relay.ts";

const lines: string[] = [];
const say = (line: string): void => void lines.push(line);
const log = { level: 3, debug: say, info: say, warn: say, error: say } as unknown as Log;
let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  [closing, lines.length] = [[], 0];
});

/** An answer that starts and never ends. */
function unending(): Response {
  const event = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';
  const body = new ReadableStream({ start: (it) => it.enqueue(new TextEncoder().encode(event)) });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const options = (): RelayOptions => ({
  mount: "/ai",
  upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
  credentials: makeCredentials(1),
  limits: { perCaller: { concurrent: 1 } },
  streaming: { shutdownGrace: 0 },
  fetch: () => Promise.resolve(unending()),
  log,
});

function request(headers: Record<string, string> = {}): Request {
  const body = '{"model":"m","stream":true,"messages":[]}';
  return new Request("http://relay.test/ai/chat/completions", { method: "POST", body, headers });
}

type Ask = (address: string) => Promise<Response>;

const hosts: Record<string, () => Ask> = {
  bun() {
    const relay = defineForBun(options());
    closing.push(relay.close);
    return (address) => relay.fetch(request(), { timeout() {}, requestIP: () => ({ address }) });
  },
  deno() {
    const relay = defineForDeno(options());
    closing.push(relay.close);
    return (hostname) => relay.fetch(request(), { remoteAddr: { hostname, port: 5 } });
  },
  cloudflare() {
    const relay = defineForWorker(options());
    return (address) =>
      relay.fetch(request({ "cf-connecting-ip": address }), {}, { waitUntil() {} });
  },
  "h3 2, a web request"() {
    const relay = defineForH3(options());
    closing.push(relay.close);
    return (ip) => {
      const req = Object.defineProperty(request(), "ip", { value: ip });
      const url = new URL(req.url);
      const event = {
        req,
        url,
        res: { headers: new Headers() },
        context: { matchedRoute: { route: "/ai/**" }, params: { _: "chat/completions" } },
      };
      return relay(event) as Promise<Response>;
    };
  },
  "h3 1 without Node's server, on Cloudflare"() {
    const relay = defineForH3v1(options());
    closing.push(relay.close);
    return (address) =>
      relay(h3v1Event({ cloudflare: {} }, { "cf-connecting-ip": address })) as Promise<Response>;
  },
  "h3 1 without Node's server, where the host has found it"() {
    const relay = defineForH3v1(options());
    closing.push(relay.close);
    return (clientAddress) => relay(h3v1Event({ clientAddress })) as Promise<Response>;
  },
};

function h3v1Event(context: object, headers: Record<string, string> = {}): never {
  const web = request(headers);
  const req = { method: "POST", url: "/ai/chat/completions", headers, socket: {}, complete: true };
  const params = { params: { _: "chat/completions" }, matchedRoute: { path: "/ai/**" } };
  return {
    path: req.url,
    web: { request: web },
    node: { req, res: { __unenv__: true } },
    context: { ...context, ...params },
  } as never;
}

describe.each(Object.keys(hosts))("%s", (name) => {
  it("N10 passes the client's address on", async () => {
    const ask = hosts[name]!();
    const statuses: number[] = [];
    for (const address of [
      "203.0.113.1",
      "203.0.113.1",
      "203.0.113.2",
      "2001:db8::1",
      "2001:db8::2",
    ])
      statuses.push((await ask(address)).status);
    expect(statuses).toEqual([200, 429, 200, 200, 429]);
    expect(lines.join()).not.toContain("address of a client is not known");
  });
});

it("N10 does not use Cloudflare's header on other hosts", async () => {
  const relay = defineForH3v1(options());
  closing.push(relay.close);
  for (const address of ["203.0.113.1", "203.0.113.1"])
    expect(((await relay(h3v1Event({}, { "cf-connecting-ip": address }))) as Response).status).toBe(
      200,
    );
  expect(lines.join()).toContain("address of a client is not known");
});
