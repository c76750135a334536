import { createServer } from "node:net";
import { get } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, LaunchError, SIMULATED } from "../../playground/launch.mjs";
import { chat, openStage, post, START_LIMIT, type Stage } from "./support.ts";

interface Status {
  cooldowns: { credential: string; family: string; reason: string; retryAfter: number }[];
  recent: { attempts: { credential: string; reason?: string }[]; end?: { reason: string } }[];
  playing?: { name: string };
}

describe("the playground", () => {
  let stage: Stage;
  const url = (): string => stage.playground.url;
  const status = async (): Promise<Status> =>
    (await (await fetch(`${url()}/api/status`)).json()) as Status;

  beforeAll(async () => void (stage = await openStage()), START_LIMIT);
  afterAll(() => stage?.close());

  it("L1 streams from the upstream while it is still writing", async () => {
    const response = await chat(url());
    const reader = response.body!.getReader();
    await reader.read();
    expect(stage.upstream.ledger.last()).toMatchObject({ open: true, status: 200 });
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(Object.keys(SIMULATED.keys)).toContain(response.headers.get("x-relay-credential"));
    await reader.cancel();
    await stage.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    expect(stage.upstream.ledger.last()?.end).toBe("client closed");
  });

  it("K1 keeps a cooldown of hours over a restart, in Nitro's storage on disk", async () => {
    await post(`${url()}/api/situation`, { name: "quota-gone", appliesTo: { once: true } });
    const before = await chat(url());
    await before.body?.cancel();
    expect(before.headers.get("x-relay-attempts")).toBe("2");
    const [cooled] = (await status()).cooldowns;
    expect(cooled).toMatchObject({ family: "aurora", reason: "QUOTA_EXHAUSTED" });

    await stage.restart();

    const [still] = (await status()).cooldowns;
    expect(still).toMatchObject({ credential: cooled!.credential, reason: "QUOTA_EXHAUSTED" });
    expect(still!.retryAfter).toBeGreaterThan(18_000);
    const { total } = stage.upstream.ledger;
    const answers = await Promise.all([1, 2, 3, 4].map(() => chat(url())));
    const carriers = answers.map((answer) => answer.headers.get("x-relay-credential"));
    await Promise.all(answers.map((answer) => answer.body?.cancel()));
    expect(carriers).not.toContain(cooled!.credential);
    expect(stage.upstream.ledger.total).toBe(total + 4);
  });

  it("lists every attempt of a request, and ends a situation for one call with that call", async () => {
    await post(`${url()}/api/reset`, {});
    await post(`${url()}/api/situation`, { name: "error-in-200", appliesTo: { once: true } });
    expect((await status()).playing?.name).toBe("error-in-200");
    await (await chat(url(), "breeze")).text();
    const { recent, playing } = await status();
    expect(recent[0]).toMatchObject({
      attempts: [{ reason: "RATE_LIMIT_EXCEEDED" }, { credential: expect.any(String) }],
      end: { reason: "completed" },
    });
    expect(recent[0]!.attempts[1]).not.toHaveProperty("reason");
    expect(playing?.name).toBe("healthy");
  });

  it("refuses pages of other sites and host names of other machines", async () => {
    const crossSite = await post(`${url()}/api/reset`, {}, { "sec-fetch-site": "cross-site" });
    expect(crossSite.status).toBe(403);
    expect(await statusFor("evil.example")).toBe(403);
    expect(await statusFor("localhost:80")).toBe(200);
    const chatFromElsewhere = await post(
      `${url()}/ai/chat/completions`,
      {},
      { "sec-fetch-site": "same-site" },
    );
    expect(chatFromElsewhere.status).toBe(403);
  });

  function statusFor(host: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      get(`${url()}/api/status`, { headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      }).once("error", reject);
    });
  }

  it("refuses an unknown situation and an unknown action", async () => {
    expect((await post(`${url()}/api/situation`, { name: "no such" })).status).toBe(400);
    expect((await post(`${url()}/api/credentials/team-a`, { action: "steal" })).status).toBe(400);
    expect(
      await (await post(`${url()}/api/credentials/unknown`, { action: "enable" })).json(),
    ).toEqual({
      done: false,
    });
  });

  it("stops gracefully while a stream is open", async () => {
    const response = await chat(url());
    const reader = response.body!.getReader();
    await reader.read();
    await stage.playground.stop();
    expect(await stage.playground.ended).toBe(0);
    await stage.upstream.ledger.until(({ inFlight }) => inFlight === 0);
    await reader.cancel().catch(() => {});
    await stage.restart();
  });
});

describe("with a real API", () => {
  let stage: Stage;

  beforeAll(async () => {
    // The real API of this test is the stage's simulator, known to the playground only by its address.
    const other = await openStage();
    const env = {
      ...process.env,
      UPSTREAM_BASE_URL: `${other.upstream.url}/v1`,
      RELAY_KEYS: `mine=${SIMULATED.keys["team-a"]}, sk-of-no-account`,
    };
    await other.playground.stop();
    other.playground = await launch({ port: 0, cwd: other.folder, env });
    stage = other;
  }, START_LIMIT);
  afterAll(() => stage?.close());

  it("relays with the given keys and offers no situations", async () => {
    const { url } = stage.playground;
    const answer = await chat(url);
    await answer.text();
    expect(answer.headers.get("x-relay-credential")).toBe("mine");
    expect(await (await fetch(`${url}/api/setup`)).json()).toEqual({
      mode: "api",
      dialect: "openai",
      models: [],
      situations: [],
    });
    expect((await post(`${url}/api/situation`, { name: "cut" })).status).toBe(404);
    expect(stage.playground.upstream).toBeUndefined();
  });

  it("J7 shows no key on any of its routes", async () => {
    const { url } = stage.playground;
    const shown = await Promise.all(
      ["/", "/api/setup", "/api/status", "/main.js"].map(async (path) =>
        (await fetch(url + path)).text(),
      ),
    );
    expect(shown.join("\n")).toContain("mine");
    expect(shown.join("\n")).not.toContain("sk-");
  });
});

describe("a failing start", () => {
  it("reports missing keys before it builds anything", async () => {
    const env = { UPSTREAM_BASE_URL: "https://api.example.com/v1", RELAY_KEYS: " " };
    await expect(launch({ env })).rejects.toThrow(/^RELAY_KEYS is empty\./);
  });

  it("reports an invalid base URL without repeating it", async () => {
    const env = { UPSTREAM_BASE_URL: "api.example.com/v1", RELAY_KEYS: "sk-secret" };
    const error: unknown = await launch({ env }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LaunchError);
    expect((error as Error).message).toMatch(/^UPSTREAM_BASE_URL is not a URL\./);
  });

  it("uses the next port if the requested one is in use", { timeout: START_LIMIT }, async () => {
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
    const { port } = occupant.address() as AddressInfo;
    const stage = await openStage({ port });
    try {
      expect(Number(new URL(stage.playground.url).port)).toBeGreaterThan(port);
    } finally {
      await stage.close();
      occupant.close();
    }
  });

  it("reports why the server did not start", { timeout: START_LIMIT }, async () => {
    const said: string[] = [];
    const env = {
      ...process.env,
      UPSTREAM_BASE_URL: "http://127.0.0.1:9/v1",
      RELAY_KEYS: "a=k1,a=k2",
    };
    await expect(launch({ port: 0, env, say: (line) => said.push(line) })).rejects.toThrow(
      /^The server /,
    );
    expect(said.join("\n")).toContain("credentials[1].id");
    expect(said.join("\n")).not.toContain("k2");
  });
});
