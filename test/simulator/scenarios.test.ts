import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createSimulator, SCENARIOS } from "../../simulator/index.ts";
import type { Simulator } from "../../simulator/index.ts";
import { ask, CHAT } from "./client.ts";

let upstream: Simulator;
beforeAll(async () => {
  upstream = await createSimulator({ keys: { "team-a": "sk-a", "team-b": "sk-b" } });
});
afterAll(() => upstream.close());
beforeEach(async () => {
  upstream.script();
  await control("POST", "scenario", { name: "healthy" });
  await control("POST", "reset");
});

async function control(method: string, name: string, body?: object): Promise<Response> {
  return fetch(`${upstream.url}/_simulator/${name}`, {
    method,
    body: body && JSON.stringify(body),
  });
}

async function status(key: string): Promise<number> {
  const response = await ask(upstream, { ...CHAT, stream: false }, { key });
  await response.arrayBuffer();
  return response.status;
}

it("describes every scenario in a sentence and in data only", () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    expect(scenario.name).toBe(name);
    expect(scenario.title).not.toBe("");
    expect(scenario.description).toMatch(/^[A-Z].*\.$/);
    expect(JSON.parse(JSON.stringify(scenario))).toEqual(scenario);
  }
});

it("plays a scenario for all credentials, until another one is played", async () => {
  upstream.scenario("quota-gone");
  expect([await status("sk-a"), await status("sk-b")]).toEqual([429, 429]);
  upstream.scenario("overloaded");
  expect(await status("sk-a")).toBe(503);
});

it("plays a scenario over HTTP for one credential only", async () => {
  const answer = await control("POST", "scenario", { name: "quota-gone", credential: "team-a" });
  expect(await answer.json()).toEqual({ playing: { "*": "healthy", "team-a": "quota-gone" } });
  expect([await status("sk-a"), await status("sk-b")]).toEqual([429, 200]);
});

it("limits by the quotas of a scenario", async () => {
  upstream.scenario("per-minute", "team-a");
  const seen: number[] = [];
  for (let i = 0; i < 4; i++) seen.push(await status("sk-a"));
  expect(seen).toEqual([200, 200, 200, 429]);
  await control("POST", "reset");
  expect(await status("sk-a")).toBe(200);
});

it("uses a rule before the scenario", async () => {
  upstream.scenario("overloaded");
  await control("POST", "rules", [{ when: { first: 1 }, then: { refuse: "billing" } }]);
  expect([await status("sk-a"), await status("sk-a")]).toEqual([402, 503]);
});

it("returns the ledger over HTTP, and does not count such requests", async () => {
  await status("sk-a");
  const report = (await (await control("GET", "ledger")).json()) as Record<string, unknown>;
  expect(report).toMatchObject({ total: 1, inFlight: 0, timeOrigin: performance.timeOrigin });
  expect(report.totals).toEqual({ "team-a": { "gpt-5": { calls: 1, statuses: { 200: 1 } } } });
  expect(report.calls).toMatchObject([{ credential: "team-a", status: 200, end: "completed" }]);
});

it("lists the scenarios, and reports what is wrong with a request", async () => {
  const list = (await (await control("GET", "scenarios")).json()) as { scenarios: object[] };
  expect(list.scenarios).toHaveLength(Object.keys(SCENARIOS).length);
  const unknown = await control("POST", "scenario", { name: "none" });
  expect([unknown.status, await unknown.text()]).toEqual([
    400,
    expect.stringContaining("quota-gone"),
  ]);
  expect((await control("POST", "scenario")).status).toBe(400);
  expect((await control("GET", "nothing")).status).toBe(404);
});

it("rejects a request by a page of another site", async () => {
  const headers = { "sec-fetch-site": "cross-site" };
  const answer = await fetch(`${upstream.url}/_simulator/reset`, { method: "POST", headers });
  expect(answer.status).toBe(403);
});

it("releases stalled calls over HTTP", async () => {
  upstream.scenario("silent");
  const answer = status("sk-a");
  await upstream.ledger.next((call) => call.stalled);
  await control("POST", "release");
  expect(await answer).toBe(200);
});
