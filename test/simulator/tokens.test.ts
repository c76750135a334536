import { afterEach, beforeEach, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import type { Simulator, SimulatorOptions } from "../../simulator/index.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { ask, CHAT } from "./client.ts";

const MINUTE = 60_000;
const SIGN_UP = "/identitytoolkit.googleapis.com/v1/accounts:signUp?key=web";
const EXCHANGE = "/v1/accounts:signInWithCustomToken?key=web";
const SECURE = "/securetoken.googleapis.com/v1/token?key=web";

type Json = Record<string, string>;

let upstream: Simulator;
let clock: VirtualClock;
async function start(options: SimulatorOptions = {}): Promise<void> {
  upstream = await createSimulator({ clock, ...options });
}
beforeEach(() => {
  clock = createVirtualClock();
});
afterEach(() => upstream.close());

function post(path: string, body: object): Promise<Response> {
  return fetch(upstream.url + path, { method: "POST", body: JSON.stringify(body) });
}

async function refresh(token: string, path = "/oauth/token"): Promise<Json & { status: number }> {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token });
  const response = await fetch(upstream.url + path, { method: "POST", body: form });
  return { ...((await response.json()) as Json), status: response.status } as Json & {
    status: number;
  };
}

async function call(key: string): Promise<number> {
  const response = await ask(upstream, CHAT, { key });
  await response.arrayBuffer();
  return response.status;
}

it("signs an anonymous user up and accepts its token until it expires", async () => {
  await start({ keys: { a: "sk-a" }, tokens: { lifetime: 10 * MINUTE } });
  const user = (await (await post(SIGN_UP, { returnSecureToken: true })).json()) as Json;
  expect(user).toMatchObject({ localId: "anonymous-1", expiresIn: "600" });
  expect(await call(user.idToken!)).toBe(200);
  await clock.advance(10 * MINUTE);
  expect(await call(user.idToken!)).toBe(401);
  const refreshed = await refresh(user.refreshToken!, SECURE);
  expect(refreshed).toMatchObject({ status: 200, expires_in: "600", user_id: "anonymous-1" });
  expect(await call(refreshed.id_token!)).toBe(200);
  expect(upstream.ledger.byCredential("gpt-5")).toEqual({ "anonymous-1": 3 });
  expect(upstream.ledger.refreshes).toMatchObject({ attempts: 1, refreshed: 1, reused: 0 });
});

it("creates by GraphQL and exchanges the custom token", async () => {
  await start();
  const query = "mutation { createGuest(input: {}) { customToken } }";
  const created = (await (await post("/graphql", { query })).json()) as {
    data: { createGuest: Json };
  };
  const token = created.data.createGuest.customToken;
  const user = (await (await post(EXCHANGE, { token })).json()) as Json;
  expect(await call(user.idToken!)).toBe(200);
  expect((await post(EXCHANGE, { token: "nonsense" })).status).toBe(400);
  expect((await post(EXCHANGE.replace("?key=web", ""), { token })).status).toBe(403);
});

it("limits creations by hour, day and spacing, and refuses in HTML", async () => {
  await start({ creations: { perHour: 2, perDay: 3, spacing: MINUTE, retryAfter: true } });
  expect((await post(SIGN_UP, {})).status).toBe(200);
  const early = await post(SIGN_UP, {});
  expect([early.status, early.headers.get("content-type")]).toEqual([429, "text/html"]);
  expect(early.headers.get("retry-after")).toBe("60");
  expect(await early.text()).toContain("Too Many Requests");
  await clock.advance(MINUTE);
  expect((await post(SIGN_UP, {})).status).toBe(200);
  await clock.advance(MINUTE);
  expect((await post(SIGN_UP, {})).headers.get("retry-after")).toBe(String(58 * 60));
  await clock.advance(60 * MINUTE);
  expect((await post(SIGN_UP, {})).status).toBe(200);
  await clock.advance(120 * MINUTE);
  expect((await post(SIGN_UP, {})).status).toBe(429);
  expect(upstream.ledger.creations).toEqual({ attempts: 6, created: 3, refused: 3 });
});

it("gives an anonymous user a number of requests, over all its tokens", async () => {
  await start({ creations: { requestsEach: 2 } });
  const user = (await (await post(SIGN_UP, {})).json()) as Json;
  expect([await call(user.idToken!), await call(user.idToken!)]).toEqual([200, 200]);
  const fresh = await refresh(user.refreshToken!, SECURE);
  const response = await ask(upstream, CHAT, { key: fresh.id_token! });
  expect(response.status).toBe(429);
  expect(await response.text()).toContain("No remaining quota");
});

it("rotates refresh tokens, and ends the grant when a used one is used again", async () => {
  await start({ keys: { other: "sk" }, tokens: { grants: { "team-a": "first" } } });
  const one = await refresh("first");
  expect(one).toMatchObject({ status: 200, token_type: "Bearer" });
  const two = await refresh(one.refresh_token!);
  expect(await call(two.access_token!)).toBe(200);
  expect(await refresh("first")).toMatchObject({ status: 400, error: "invalid_grant" });
  expect(await call(two.access_token!)).toBe(401);
  expect(await refresh(two.refresh_token!)).toMatchObject({ status: 400, error: "invalid_grant" });
  expect(upstream.ledger.refreshes).toEqual({
    attempts: 4,
    refreshed: 2,
    reused: 1,
    revokedGrants: 1,
  });
});

it("lets one of three simultaneous refreshes succeed, and revokes for the others", async () => {
  await start({ tokens: { grants: { "team-a": "first" } } });
  const all = await Promise.all([refresh("first"), refresh("first"), refresh("first")]);
  expect(all.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 400, 400]);
  expect(upstream.grants.get("team-a")?.revoked).toBe(true);
});

it("neither rotates nor revokes when configured so", async () => {
  await start({ tokens: { grants: { a: "first" }, rotate: false } });
  expect(await refresh("first")).toMatchObject({ status: 200 });
  expect((await refresh("first")).refresh_token).toBeUndefined();
  await upstream.close();
  await start({ tokens: { grants: { a: "first" }, reuse: "refuse" } });
  const next = await refresh("first");
  expect((await refresh("first")).status).toBe(400);
  expect((await refresh(next.refresh_token!)).status).toBe(200);
});

it("uses a token up although the client never gets the new one", async () => {
  await start({ tokens: { grants: { a: "first" } } });
  upstream.script({
    when: { operation: "oauth-token", first: 1 },
    then: { cut: "before-headers" },
  });
  await expect(refresh("first")).rejects.toThrow("fetch failed");
  expect(upstream.grants.get("a")?.generation).toBe(1);
  expect((await refresh("first")).status).toBe(400);
});

it("does not change the grant where a rule answers in its place", async () => {
  await start({ tokens: { grants: { a: "first" } } });
  upstream.script(
    { when: { credential: "a", nth: 1 }, then: { refuse: "html-429" } },
    { when: { credential: "a", nth: 1 }, then: { refuse: "server-error" } },
    { when: { credential: "a", nth: 1 }, then: { reply: { body: "{}" } } },
  );
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "first" });
  const raw = (): Promise<Response> =>
    fetch(`${upstream.url}/oauth/token`, { method: "POST", body: form });
  expect((await raw()).headers.get("content-type")).toBe("text/html");
  expect(await (await raw()).json()).toMatchObject({ error: "server_error" });
  expect(await (await raw()).json()).toEqual({});
  expect((await refresh("first")).status).toBe(200);
});

it("shows a wrong clock in its Date", async () => {
  await start({ tokens: { grants: { a: "first" }, dateSkew: 90_000 } });
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: "first" });
  const response = await fetch(`${upstream.url}/oauth/token`, { method: "POST", body: form });
  expect(Date.parse(response.headers.get("date")!)).toBe(clock.now() + 90_000);
});

it("exchanges a signed assertion for an access token", async () => {
  await start({ keys: { other: "sk" } });
  const assertion = upstream.grants
    .accessToken("x")
    .replace(/\.[^.]*\./, `.${encode({ iss: "robot" })}.`);
  const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
  const answer = (await (await post("/oauth/token", { grant_type, assertion })).json()) as Json;
  expect(answer.refresh_token).toBeUndefined();
  expect(await call(answer.access_token!)).toBe(200);
  expect((await post("/oauth/token", { grant_type, assertion: "no" })).status).toBe(400);
});

it("refuses a revoked grant with the configured code", async () => {
  await start();
  const user = (await (await post(SIGN_UP, {})).json()) as Json;
  upstream.grants.revokeAccess(user.idToken!);
  expect(await call(user.idToken!)).toBe(401);
  upstream.grants.revoke("anonymous-1", "USER_DISABLED");
  const refused = await refresh(user.refreshToken!, SECURE);
  expect(refused).toMatchObject({ status: 400, error: { message: "USER_DISABLED" } });
  expect(await refresh("unknown", SECURE)).toMatchObject({
    error: { message: "INVALID_REFRESH_TOKEN" },
  });
});

it("writes access tokens that differ even within one second", async () => {
  await start({ tokens: { grants: { a: "first" } } });
  expect(upstream.grants.accessToken("a")).not.toBe(upstream.grants.accessToken("a"));
});

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
