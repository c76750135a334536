/** A real browser that leaves in the middle of an HTTP/2 stream, and in the middle of an upload. */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isMissing } from "../support/needs.ts";
import { type NodeHost, startNodeHost, tls } from "../support/node-hosts.ts";
import { bodyOf } from "../support/protocols.ts";
import { untilSo } from "../support/until.ts";

const CHROMIUM = "/usr/bin/chromium";
const isWithout = isMissing("chromium", existsSync(CHROMIUM), "apt-get install chromium");
const PATIENCE = 10_000;

/** In the page: starts a chat, and reads it until there are three events. */
async function readThree(body: string): Promise<string> {
  const stop = new AbortController();
  Object.assign(globalThis, { stop: () => stop.abort() });
  const headers = { "content-type": "application/json" };
  const options = { method: "POST", headers, body, signal: stop.signal };
  const { body: stream } = await fetch("/ai/chat/completions", options);
  const reader = stream!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.split("data:").length <= 3) text += (await reader.read()).value;
  return (performance.getEntriesByType("navigation")[0] as unknown as { nextHopProtocol: string })
    .nextHopProtocol;
}

/** In the page: uploads without a declared length, and never ends. */
function upload(): void {
  const stop = new AbortController();
  Object.assign(globalThis, { stop: () => stop.abort() });
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode("half of a file")),
  });
  const headers = { "content-type": "application/octet-stream" };
  const options = { method: "POST", headers, body, duplex: "half", signal: stop.signal };
  fetch("/ai/files", options as RequestInit).catch(() => {});
}

const stopInPage = (): void => (globalThis as unknown as { stop: () => void }).stop();

const LEAVING: Record<string, (page: Page) => Promise<unknown>> = {
  "closes its page": (page) => page.close(),
  "goes to another page": (page) => page.goto("about:blank"),
  "aborts its fetch": (page) => page.evaluate(stopInPage),
};

describe.skipIf(isWithout || !tls)("Chromium over HTTP/2", { timeout: 60_000 }, () => {
  let browser: Browser;
  let host: NodeHost;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  }, 60_000);
  afterAll(() => browser?.close());
  afterEach(() => host.close());

  async function open(name: string): Promise<Page> {
    host = await startNodeHost(name, { isTls: true });
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    // Any page of the relay's own origin.
    await page.goto(`${host.url}/_relay/health`);
    return page;
  }

  describe.each(["node", "h3"])("%s", (name) => {
    it.each(Object.keys(LEAVING))("I4 L11 closes the upstream where it %s", async (how) => {
      const page = await open(name);
      host.upstream.script({ then: { stall: { afterEvents: 3 } } });
      expect(await page.evaluate(readThree, bodyOf("m"))).toBe("h2");
      const call = await host.upstream.ledger.next(({ stalled }) => stalled);
      await LEAVING[how]!(page);
      await host.upstream.ledger.until(({ inFlight }) => inFlight === 0);
      expect(call.end).toBe("client closed");
      await untilSo(() => host.ends.length === 1, PATIENCE);
      expect(host.ends[0]).toMatchObject({ reason: "client_gone_mid", clientPresent: false });
      await page.context().close();
      await host.untilIdle();
    });

    it("I4 L11 relays no part of an upload that it aborts", async () => {
      const page = await open(name);
      await page.evaluate(upload);
      await untilSo(() => host.relay.status().requests.open === 1, PATIENCE);
      await page.evaluate(stopInPage);
      await untilSo(() => host.ends.length === 1, PATIENCE);
      expect(host.ends[0]).toMatchObject({ reason: "client_gone_before_first", attempts: 0 });
      expect(host.upstream.ledger.total).toBe(0);
      await page.context().close();
      await host.untilIdle();
    });
  });
});
