import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isMissing } from "../support/needs.ts";
import { openStage, post, START_LIMIT, type Stage } from "./support.ts";
import { soon } from "../support/load.ts";

const CHROMIUM = "/usr/bin/chromium";
const isWithout = isMissing("chromium", existsSync(CHROMIUM), "apt-get install chromium");

describe.skipIf(isWithout)("the page in a browser", { timeout: 30_000 }, () => {
  let stage: Stage;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  let hosts: Set<string>;

  beforeAll(async () => {
    stage = await openStage();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"],
    });
  }, START_LIMIT);

  afterAll(async () => {
    await browser?.close();
    await stage?.close();
  });

  beforeEach(async () => {
    await post(`${stage.playground.url}/api/reset`, {});
    stage.upstream.ledger.reset();
    faults = [];
    hosts = new Set();
    page = await openPage();
  });

  afterEach(async () => {
    await page.close();
    expect(faults).toEqual([]);
  });

  async function openPage(): Promise<Page> {
    const opened = await browser.newPage();
    opened.on("pageerror", (error) => faults.push(String(error)));
    opened.on("request", (request) => hosts.add(new URL(request.url()).host));
    await opened.goto(stage.playground.url);
    await opened.waitForSelector("body.ready");
    return opened;
  }

  const answer = (): Promise<string> => page.locator(".answer").last().innerText();

  /** Resolves when the last answer has more than `length` characters. */
  async function answerLongerThan(length: number): Promise<string> {
    await page.waitForFunction(
      (least) =>
        ([...document.querySelectorAll(".answer")].at(-1)?.textContent ?? "").length > least,
      length,
    );
    return answer();
  }

  const done = (): Promise<unknown> => page.waitForSelector("#stop:disabled");
  const factsOfLast = (): Promise<string> => page.locator(".facts").last().innerText();

  it("shows the growing answer, its credential and the end of the request", async () => {
    await page.click("#send");
    const first = await answerLongerThan(0);
    const second = await answerLongerThan(first.length);
    expect(second.startsWith(first.trim())).toBe(true);
    expect(stage.upstream.ledger.last()?.open).toBe(true);
    const carrier = stage.upstream.ledger.last()!.credential;
    await page.waitForSelector(`.credential.busy:has-text("${carrier}")`);
    expect(await factsOfLast()).toMatch(new RegExp(`${carrier}.*aurora.*1 attempt`, "s"));
    await done();
    expect(await answer()).toMatch(/^This answer comes .* are still there\.\s*$/s);
    await page.waitForSelector(".request.good:has-text('complete')");
    expect([...hosts].filter((host) => host !== "")).toEqual([new URL(stage.playground.url).host]);
  });

  it("I4 Stop closes the upstream within 100 ms, and the page shows it", async () => {
    await page.click("#send");
    await answerLongerThan(10);
    const stoppedAt = page.evaluate(
      () =>
        new Promise<number>((resolve) =>
          document
            .getElementById("stop")!
            .addEventListener("click", () => resolve(Date.now()), { capture: true }),
        ),
    );
    await page.click("#stop");
    const call = await stage.upstream.ledger.next(({ end }) => end === "client closed");
    expect(call.closedAt! - (await stoppedAt)).toBeLessThan(soon(100));
    await page.waitForSelector(".facts .closed:has-text('the upstream')");
    await page.waitForSelector(".request.left:has-text('client disconnected during the answer')");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("prompt");
  });

  it("is usable with the keyboard only: Enter sends, Escape stops", async () => {
    await page.focus("#prompt");
    await page.keyboard.press("Enter");
    await answerLongerThan(0);
    await page.keyboard.press("Escape");
    await done();
    expect((await stage.upstream.ledger.next(({ end }) => end !== undefined)).end).toBe(
      "client closed",
    );
  });

  it("I4 closing the tab in mid-stream closes the upstream", async () => {
    const tab = await openPage();
    await tab.click("#send");
    const call = await stage.upstream.ledger.next(({ events }) => events > 2);
    await tab.close();
    await stage.upstream.ledger.until(() => call.end !== undefined);
    expect(call.end).toBe("client closed");
    expect(call.whole).toBe(false);
  });

  it("counts down the cooldown of an exhausted quota while the next credential answers, also after a reload", async () => {
    await page.click(".quota-gone");
    await page.waitForSelector(".quota-gone[aria-pressed=true]");
    await page.click("#send");
    await page.waitForSelector(".countdown");
    await answerLongerThan(0);
    const refused = stage.upstream.ledger.calls[0]!.credential;
    const carrier = stage.upstream.ledger.calls[1]!.credential;
    expect(carrier).not.toBe(refused);
    expect(await factsOfLast()).toMatch(new RegExp(`${carrier}.*2 attempts`, "s"));
    expect(await page.innerText(".credential.cooling")).toMatch(
      new RegExp(`${refused}.*aurora.*5:05:\\d\\d.*quota exhausted.*stated by the upstream`, "s"),
    );
    const before = await page.innerText(".countdown");
    await page.waitForFunction(
      (text) => document.querySelector(".countdown")!.textContent! < text,
      before,
    );
    await page.waitForSelector(".request .failed:has-text('quota exhausted')");
    await page.click("#stop");
    await done();

    await page.reload();
    await page.waitForSelector(".countdown:not(:empty)");
    expect(await page.innerText(".credential.cooling")).toContain(refused);
    await page.click(`[aria-label="Remove the cooldowns of ${refused}"]`);
    await page.waitForFunction(() => !document.querySelector(".countdown"));
  });

  it("D1 shows that a model is limited on every credential while the other model still answers", async () => {
    await page.selectOption("#applies-to", { label: "every call to aurora" });
    await page.click(".quota-gone");
    await page.waitForSelector(".quota-gone[aria-pressed=true]");
    await page.click("#send");
    await page.waitForSelector(".problem");
    await done();
    expect(await factsOfLast()).toContain("status 429");
    expect(await page.locator(".countdown").count()).toBe(3);
    await page.check("input[value=breeze]");
    await page.click("#send");
    await answerLongerThan(0);
    await page.click("#stop");
    await done();
    expect(await factsOfLast()).toMatch(/breeze.*1 attempt/s);
  });

  it("shows an error during an answer together with the words before it", async () => {
    await page.click(".cut");
    await page.waitForSelector(".cut[aria-pressed=true]");
    await page.click("#send");
    await page.waitForSelector(".problem");
    await done();
    expect(await answer()).toMatch(/^This answer comes from/);
    await page.waitForSelector(".request.bad:has-text('cut off')");
  });

  it("enables a disabled credential", async () => {
    await page.click(".expired-key");
    await page.waitForSelector(".expired-key[aria-pressed=true]");
    await page.click("#send");
    await page.waitForSelector(".credential.out:has-text('key refused')");
    await page.click(".credential.out button");
    await page.waitForFunction(() => !document.querySelector(".credential.out"));
    await page.click("#stop");
    await done();
  });

  it("Reset removes the cooldowns that an overloaded upstream caused for every credential", async () => {
    await page.selectOption("#applies-to", { label: "every call" });
    await page.click(".overloaded");
    await page.waitForSelector(".overloaded[aria-pressed=true]");
    await page.click("#send");
    await page.waitForSelector(".credential.cooling:has-text('every credential')");
    expect(await factsOfLast()).toContain("3 attempts");
    await page.click("text=Reset");
    await page.waitForFunction(() => !document.querySelector(".countdown"));
    await page.waitForSelector(".healthy[aria-pressed=true]");
    await page.click("#send");
    await answerLongerThan(0);
    await page.click("#stop");
    await done();
    expect(await factsOfLast()).toContain("1 attempt");
  });

  it("shows the upstream's text as text, never as HTML", async () => {
    const evil = `<img id="evil" src="x" onerror="document.title='owned'">`;
    stage.upstream.script({ then: { text: [evil, " and on"] } });
    await page.click("#send");
    await done();
    expect(await answer()).toContain(evil);
    expect(await page.locator("#evil").count()).toBe(0);
    expect(await page.title()).toBe("h3-relay playground");
  });

  it("fits a phone without scrolling sideways", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.click("#send");
    await answerLongerThan(0);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.click("#stop");
    await done();
  });

  it("shows that the playground has stopped, and reconnects when it is back", async () => {
    await stage.playground.stop();
    await page.waitForSelector("#banner:has-text('does not answer')");
    await stage.restart();
    await page.waitForSelector("#banner", { state: "hidden" });
    await page.click("#send");
    await answerLongerThan(0);
    await page.click("#stop");
    await done();
  });
});
