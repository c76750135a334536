/** Access tokens: refreshed in time, once, stored before they are used; judged by the token server's ledger (rows G). */
import { generateKeyPairSync } from "node:crypto";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TokenFunction, TokenSource } from "../../src/contract/token-source.ts";
import type { RelayOptions } from "../../src/options/types.ts";
import type { Behaviour, When } from "../../simulator/index.ts";
import { fromFunction } from "../../src/tokens/sources/function-source.ts";
import { firebase, serviceAccount } from "../../src/index.ts";
import { createBench } from "../state/fixtures.ts";
import { createFailing } from "../state/storages.ts";
import type { RelayUnderTest } from "../support/relay.ts";
import { ask, createTokenWorld, grantOf, type TokenWorld } from "../support/token-relay.ts";

const MINUTE = 60_000;
const newKey = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2_048 })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
const PRIVATE_KEYS: Record<string, string> = { old: newKey(), new: newKey() };
const HOUR = 60 * MINUTE;

let world: TokenWorld;
beforeEach(async () => {
  world = await createTokenWorld();
});
afterEach(() => world.close());

const one = (more: Partial<RelayOptions> = {}): Partial<RelayOptions> => ({
  credentials: [{ id: "a", token: world.oauth("a") }],
  limits: { perCaller: { concurrent: false }, maxWait: 0 },
  ...more,
});
const spare = { id: "static", apiKey: "sk-static-key", tier: 9 };
/** Calls of the API itself. */
const byCredential = (): Record<string, number> => world.upstream.ledger.byCredential("gpt-4o");
const refreshes = (): {
  attempts: number;
  refreshed: number;
  reused: number;
  revokedGrants: number;
} => ({ ...world.upstream.ledger.refreshes }) as never;
const tokenOf = (relay: RelayUnderTest, id = "a") =>
  relay.relay.status().credentials.find((it) => it.id === id)!.token!;
const date = (): Record<string, string> => ({ date: new Date(world.clock.now()).toUTCString() });
const onRefresh = (then: Behaviour, more: object = {}): void =>
  world.upstream.script({ when: { operation: ["oauth-token", "secure-token"], ...more }, then });
const askMany = (relay: RelayUnderTest, count: number): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, () => ask(relay)));
const lines = (relay: RelayUnderTest, words: string): number =>
  relay.lines.filter(({ level, message }) => level !== "debug" && message.includes(words)).length;
/** Waits for sockets, sealing and hashing (which threads do); the clock does not advance meanwhile. */
async function breathe(): Promise<void> {
  for (let round = 0; round < 12; round++) {
    await crypto.subtle.digest("SHA-256", new Uint8Array(4_096));
    for (let turn = 0; turn < 5; turn++)
      await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
/** Waits for them until a condition holds. */
async function until(isSo: () => boolean): Promise<void> {
  for (let count = 0; !isSo(); count++) {
    if (count > 500) throw new Error("it never was so");
    await breathe();
  }
}
/** Advances the clock until a promise that waits for it has settled. */
async function during<T>(work: Promise<T>, step = 100): Promise<T> {
  let isOver = false;
  void work.finally(() => (isOver = true)).catch(() => {});
  for (await breathe(); !isOver; await breathe()) await world.clock.advance(step);
  return work;
}
/** Advances the clock in steps during which a call has time to return. */
async function later(ms: number, step = 10_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += step) {
    await world.clock.advance(step);
    await breathe();
  }
}

describe("a token", () => {
  it("G2 G12 is fetched once, used while it is valid, and replaced in parallel to a request shortly before it expires", async () => {
    const relay = await world.start(one());
    expect(await ask(relay)).toBe(200);
    await world.clock.advance(HOUR - 301_000);
    expect(await ask(relay)).toBe(200);
    expect(refreshes().attempts).toBe(1);
    await world.clock.advance(2_000);
    const before = world.upstream.ledger.calls.length;
    expect(await ask(relay)).toBe(200);
    await world.upstream.ledger.until((ledger) => ledger.refreshes.refreshed === 2);
    // The request did not wait: it was sent with the token that was still valid.
    expect(world.upstream.ledger.calls[before]!.secret).toBe(
      world.upstream.ledger.calls[before - 1]!.secret,
    );
    await world.clock.settle();
    expect(await ask(relay)).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 2, reused: 0 });
  });

  it("G2 has a tenth of a short lifetime as its margin", async () => {
    await world.close();
    world = await createTokenWorld({ tokens: { lifetime: 10 * MINUTE } });
    const relay = await world.start(one());
    await ask(relay);
    await world.clock.advance(9 * MINUTE);
    await ask(relay);
    expect(refreshes().attempts).toBe(1);
    await world.clock.advance(1_000);
    await ask(relay);
    await world.upstream.ledger.until((ledger) => ledger.refreshes.refreshed === 2);
  });

  it("G5 A13 is refreshed once for a hundred requests, and delays no others", async () => {
    const credentials = [
      { id: "a", token: world.oauth("a") },
      { ...spare, tier: 1 },
    ];
    const relay = await world.start(one({ credentials }));
    onRefresh({ stall: "before-headers" });
    const waiting = Array.from({ length: 100 }, () => ask(relay));
    await world.upstream.ledger.until((ledger) => ledger.calls.length >= 51);
    await world.clock.settle();
    expect(byCredential()["static"]).toBe(50);
    world.upstream.script();
    world.upstream.release();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([200]));
    expect(refreshes()).toMatchObject({ attempts: 1, refreshed: 1 });
  });

  it("G10 I4 continues to be refreshed when the client that needed it leaves", async () => {
    const relay = await world.start(one());
    onRefresh({ stall: "before-headers" });
    const leaving = new AbortController();
    const asked = relay.chat({ signal: leaving.signal }).catch(() => undefined);
    await world.upstream.ledger.next((call) => call.stalled);
    leaving.abort();
    await asked;
    expect((await relay.ended()).reason).toBe("client_gone_before_first");
    world.upstream.script();
    world.upstream.release();
    await world.upstream.ledger.until((ledger) => ledger.refreshes.refreshed === 1);
    await world.clock.settle();
    expect(await ask(relay)).toBe(200);
    expect(refreshes().attempts).toBe(1);
  });

  it("G11 is waited for five seconds, then another credential is used; its refresh continues", async () => {
    const relay = await world.start(
      one({ credentials: [{ id: "a", token: world.oauth("a") }, spare] }),
    );
    onRefresh({ stall: "before-headers" });
    const first = ask(relay);
    await world.upstream.ledger.next((call) => call.stalled);
    await world.clock.advance(4_999);
    expect(byCredential()["static"]).toBeUndefined();
    await world.clock.advance(1);
    expect(await first).toBe(200);
    expect(byCredential()["static"]).toBe(1);
    world.upstream.script();
    world.upstream.release();
    await world.upstream.ledger.until((ledger) => ledger.refreshes.refreshed === 1);
    await world.clock.settle();
    await ask(relay);
    expect(byCredential()["a"]).toBeGreaterThan(0);
  });

  it("G10 G9 is abandoned after half a minute", async () => {
    const relay = await world.start(one());
    onRefresh({ stall: "before-headers" });
    const asked = ask(relay);
    await world.upstream.ledger.next((call) => call.stalled);
    await world.clock.advance(5_000);
    expect(await asked).toBe(503);
    await world.clock.advance(25_000);
    await until(() => tokenOf(relay).lastError !== undefined);
    expect(tokenOf(relay)).toMatchObject({ lastError: "TIMEOUT" });
  });

  it("G1 is read without verifying its signature; one without an expiry is refreshed only after a 401", async () => {
    let given = 0;
    const token = async () => `opaque-${(given += 1)}`;
    const relay = await world.start(one({ credentials: [{ id: "a", token }] }));
    const good = {
      reply: { status: 200, headers: { "content-type": "application/json" }, body: "{}" },
    };
    const isFirst = ({ secret }: { secret: string }): boolean => secret === "opaque-1";
    world.upstream.script(
      { when: { where: isFirst, between: [4, 4] }, then: { refuse: "unauthenticated" } } as never,
      { then: good },
    );
    for (const days of [0, 1, 100]) {
      await world.clock.advance(days * 24 * HOUR);
      expect(await ask(relay, { stream: false })).toBe(200);
    }
    expect(given).toBe(1);
    expect(tokenOf(relay).expiresAt).toBeUndefined();
    expect(await ask(relay, { stream: false })).toBe(200);
    expect(given).toBe(2);
  });

  it("F6 G2 of a cooling credential is refreshed all the same, without opening anything", async () => {
    const relay = await world.start(one({ tokens: { background: true } }));
    await ask(relay);
    world.upstream.script({
      when: { operation: "chat", nth: 1 },
      then: {
        reply: {
          status: 429,
          headers: { "content-type": "application/json", "retry-after": "18000" },
          body: JSON.stringify({ error: { message: "The quota of this model is exhausted." } }),
        },
      },
    });
    expect(await ask(relay)).toBe(429);
    await world.clock.advance(50 * MINUTE);
    await later(6 * MINUTE);
    await until(() => refreshes().refreshed >= 2);
    expect(relay.relay.status().cooldowns).toMatchObject([
      { credential: "a", reason: "QUOTA_EXHAUSTED" },
    ]);
    expect(await ask(relay)).toBe(429);
  });
});

describe("a token that is waited for", () => {
  /** Returns a first token of 50 s at once; the next one is returned by hand. */
  function byHand(): { token: TokenFunction; asked: () => number; give: () => void } {
    let asked = 0;
    let give = (): void => {};
    const token: TokenFunction = () => {
      asked++;
      const fresh = { accessToken: `opaque-${asked}`, expiresIn: 50 };
      return asked === 1 ? fresh : new Promise((resolve) => (give = () => resolve(fresh)));
    };
    return { token, asked: () => asked, give: () => give() };
  }
  const json = (status: number, headers = {}): Behaviour => ({
    reply: { status, headers: { "content-type": "application/json", ...headers }, body: "{}" },
  });
  const quiet = { stream: false };

  it("D7 G11 is not used on a key that has closed meanwhile", async () => {
    const { token, asked, give } = byHand();
    const relay = await world.start(one({ credentials: [{ id: "a", token }] }));
    world.upstream.script(
      { when: { nth: 1 }, then: json(200) },
      {
        when: { nth: 1 },
        then: { stall: "before-headers", ...json(429, { "retry-after": "60" }) },
      },
      { then: json(200) },
    );
    expect(await ask(relay, quiet)).toBe(200);
    const refused = ask(relay, quiet);
    await world.upstream.ledger.next((call) => call.stalled);
    await world.clock.advance(51_000);
    const waiting = ask(relay, quiet);
    await until(() => asked() === 2);
    world.upstream.release();
    expect(await refused).toBe(429);
    give();
    expect(await waiting).toBe(429);
    expect(world.upstream.ledger.total).toBe(2);
    expect(relay.relay.status().credentials[0]!.inFlight).toBe(0);
  });

  it("A14 G9 that is not available is reported as such, with the step and the time of the next attempt", async () => {
    const relay = await world.start(one());
    onRefresh({ refuse: "server-error" });
    const told = async () => {
      const response = await relay.chat();
      const { error } = (await response.json()) as { error: Record<string, unknown> };
      return [
        response.status,
        response.headers.get("retry-after"),
        error["code"],
        error["message"],
      ];
    };
    const message = (seconds: number): string =>
      `No credential has an access token for model gpt-4o on upstream default (refresh: SERVER_ERROR); retry in ${seconds} s.`;
    expect(await told()).toEqual([503, "5", "ERR_RELAY_TOKEN", message(5)]);
    await world.clock.advance(3_000);
    expect(await told()).toEqual([503, "2", "ERR_RELAY_TOKEN", message(2)]);
    const { calls } = world.upstream.ledger;
    expect(calls.filter(({ operation }) => operation === "oauth-token")).toHaveLength(1);
    // A fault that only a new grant can repair has no time.
    world.upstream.script();
    const headers = { "content-type": "application/json" };
    onRefresh({ reply: { status: 400, headers, body: '{"error":"invalid_grant"}' } });
    await world.clock.advance(2_000);
    expect((await told()).slice(0, 3)).toEqual([503, null, "ERR_RELAY_NO_CREDENTIAL"]);
    expect((await told()).slice(0, 3)).toEqual([503, null, "ERR_RELAY_NO_CREDENTIAL"]);
  });

  it("D7 F5 is not used by a credential that was disabled meanwhile", async () => {
    const { token, asked, give } = byHand();
    const relay = await world.start(one({ credentials: [{ id: "a", token }] }));
    world.upstream.script({ then: json(200) });
    expect(await ask(relay, quiet)).toBe(200);
    await world.clock.advance(51_000);
    const waiting = ask(relay, quiet);
    await until(() => asked() === 2);
    relay.relay.credentials.disable("a");
    give();
    expect(await waiting).toBe(503);
    expect(world.upstream.ledger.total).toBe(1);
    expect(await (await relay.chat(quiet)).text()).toContain("ERR_RELAY_NO_CREDENTIAL");
  });

  it("G2 G5 is requested once, however many requests arrive inside the margin", async () => {
    const { token, asked, give } = byHand();
    const events: unknown[] = [];
    const relay = await world.start({
      ...one({ credentials: [{ id: "a", token }] }),
      hooks: { refresh: (event) => events.push(event) },
    });
    world.upstream.script({ then: json(200) });
    expect(await ask(relay, quiet)).toBe(200);
    await world.clock.advance(46_000);
    for (let count = 0; count < 5; count++) expect(await ask(relay, quiet)).toBe(200);
    await until(() => asked() === 2);
    give();
    await until(() => events.length >= 2);
    await later(1_000, 250);
    expect([asked(), events.length]).toEqual([2, 2]);
  });
});

describe("a 401", () => {
  it("E6 G8 renews the token once, and tries the same credential again", async () => {
    const relay = await world.start(one());
    await ask(relay);
    world.upstream.grants.revokeAccess(world.upstream.ledger.calls.at(-1)!.secret);
    expect(await ask(relay)).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 2, refreshed: 2, reused: 0 });
    expect(relay.ends.at(-1)).toMatchObject({ attempts: 2, credential: "a" });
  });

  it("E6 continues with the next where the new token is refused too, disables none, and pauses for a while", async () => {
    const relay = await world.start(
      one({ credentials: [{ id: "a", token: world.oauth("a") }, spare] }),
    );
    world.upstream.script({
      when: { credential: "a", operation: "chat" },
      then: { refuse: "unauthenticated" },
    });
    expect(await ask(relay)).toBe(200);
    expect(byCredential()).toMatchObject({ a: 2, static: 1 });
    expect(await ask(relay)).toBe(200);
    expect(byCredential()).toMatchObject({ a: 2, static: 2 });
    expect(relay.relay.status().credentials.every(({ disabled }) => !disabled)).toBe(true);
  });
});

describe("a bare 403", () => {
  const refuse = (when: When): void =>
    world.upstream.script({
      when: { operation: "chat", ...when },
      then: {
        reply: { status: 403, headers: { "content-type": "text/plain" }, body: "forbidden\n" },
      },
    });

  it("E7 renews the token once, and tries the same credential again", async () => {
    const relay = await world.start(one());
    refuse({ nth: 2 });
    expect([await ask(relay), await ask(relay)]).toEqual([200, 200]);
    expect(refreshes()).toMatchObject({ attempts: 2, refreshed: 2, reused: 0 });
    expect(relay.ends.at(-1)).toMatchObject({ attempts: 2, credential: "a" });
    expect(relay.relay.status().cooldowns).toEqual([]);
  });

  it("E7 closes the credential for ten minutes where the new token gets it, too", async () => {
    const relay = await world.start(
      one({ credentials: [{ id: "a", token: world.oauth("a") }, spare] }),
    );
    refuse({ credential: "a" });
    for (let nth = 0; nth < 3; nth++) expect(await ask(relay)).toBe(200);
    expect(byCredential()).toMatchObject({ a: 2, static: 3 });
    expect(refreshes()).toMatchObject({ attempts: 2 });
    expect(relay.relay.status()).toMatchObject({
      cooldowns: [{ credential: "a", reason: "FORBIDDEN", retryAfter: 600 }],
      credentials: [{ disabled: undefined }, { disabled: undefined }],
    });
  });
});

describe("a refreshed token that is the refused one", () => {
  it("E6 G9 is not requested again for every request", async () => {
    let calls = 0;
    const token: TokenFunction = () => {
      calls++;
      return Promise.resolve("the-same-every-time");
    };
    const relay = await world.start(one({ credentials: [{ id: "a", token }, spare] }));
    for (let nth = 0; nth < 10; nth++) expect(await ask(relay)).toBe(200);
    // Once at first, and once because it was refused.
    expect(calls).toBe(2);
    expect(tokenOf(relay).lastError).toContain("SAME");
  });
});

describe("a refresh that fails", () => {
  const withSpare = (token = world.oauth("a")): Partial<RelayOptions> =>
    one({ credentials: [{ id: "a", token }, spare] });

  it.each<[string, Behaviour, string]>([
    [
      "a page",
      {
        reply: {
          status: 200,
          headers: { "content-type": "text/html" },
          body: "<html>hello</html>",
        },
      },
      "INVALID_ANSWER",
    ],
    [
      "no token",
      { reply: { status: 200, headers: {}, body: '{"token_type":"Bearer"}' } },
      "INVALID_ANSWER",
    ],
    [
      "half a JSON",
      { reply: { status: 200, headers: {}, body: '{"access_token":"abc' } },
      "INVALID_ANSWER",
    ],
    ["a page under 429", { refuse: "html-429" }, "RATE_LIMIT_EXCEEDED"],
    ["a 500", { refuse: "server-error" }, "SERVER_ERROR"],
    ["a broken connection", { cut: "before-headers" }, "NETWORK"],
  ])(
    "G9 waits and tries again after %s, and disables no credential",
    async (_name, then, error) => {
      const relay = await world.start(withSpare(world.firebase("a")));
      onRefresh(then);
      expect(await ask(relay)).toBe(200);
      expect(byCredential()["static"]).toBe(1);
      expect(tokenOf(relay).lastError).toContain(error);
      const attempts = world.upstream.ledger.calls.filter(
        ({ operation }) => operation === "secure-token",
      ).length;
      expect(await ask(relay)).toBe(200);
      expect(
        world.upstream.ledger.calls.filter(({ operation }) => operation === "secure-token"),
      ).toHaveLength(attempts);
      expect(relay.relay.status().credentials[0]!.disabled).toBeUndefined();
      expect(lines(relay, "the token of a could not be refreshed: ")).toBe(1);
      world.upstream.script();
      await world.clock.advance(5 * MINUTE);
      expect(await ask(relay)).toBe(200);
      expect(byCredential()["a"]).toBeGreaterThan(0);
    },
  );

  it.each<[string, object]>([
    ["a token that has expired", { access_token: "PAST" }],
    ["a token of another account", { access_token: "OTHER" }],
  ])("G9 does not accept %s", async (_name, { access_token: which }: { access_token?: string }) => {
    const relay = await world.start(withSpare(world.firebase("a")));
    await ask(relay);
    const past = world.upstream.grants.accessToken("a", -1_000);
    const other = world.upstream.grants.accessToken("b");
    onRefresh({
      reply: {
        status: 200,
        headers: { "content-type": "application/json", ...date() },
        body: JSON.stringify({ id_token: which === "PAST" ? past : other, expires_in: "3600" }),
      },
    });
    await world.clock.advance(HOUR - MINUTE);
    // The old one is still valid, and remains in use.
    expect(await ask(relay)).toBe(200);
    await until(() => tokenOf(relay).lastError !== undefined);
    expect(tokenOf(relay).lastError).toBe(which === "PAST" ? "EXPIRED" : "OTHER_ACCOUNT");
    expect(await ask(relay)).toBe(200);
    expect(byCredential()).not.toHaveProperty("b");
    expect(byCredential()["a"]).toBeGreaterThanOrEqual(3);
  });

  it("G9 G7 of another account overwrites nothing that is stored, and is not requested in a tight loop", async () => {
    const storage = createStorage();
    const relay = await world.start({ ...withSpare(world.oauth("a")), storage });
    await ask(relay);
    const stored = async (): Promise<unknown> => {
      const { tokens } = createBench({ storage }).state;
      const { refreshToken, accessToken } = (await tokens.read("a"))!;
      return { refreshToken, accessToken };
    };
    const before = await stored();
    expect(before).toMatchObject({ refreshToken: expect.any(String) as string });
    const fields = {
      access_token: world.upstream.grants.accessToken("b", 12 * HOUR),
      refresh_token: "refresh-of-b-planted",
      expires_in: 3_600,
    };
    // A date that does not advance would be trusted.
    const headers = { "content-type": "application/json", date: "" };
    onRefresh({ reply: { status: 200, headers, body: JSON.stringify(fields) } });
    world.upstream.ledger.reset();
    await later(HOUR + MINUTE, MINUTE);
    world.upstream.ledger.reset();
    for (let passed = 0; passed < 10 * MINUTE; passed += 10_000) {
      expect(await ask(relay)).toBe(200);
      await later(10_000);
    }
    const refreshed = (): number =>
      world.upstream.ledger.calls.filter(({ operation }) => operation === "oauth-token").length;
    expect(refreshed()).toBeGreaterThan(0);
    // 5, 10, 20 … 300 s apart.
    expect(refreshed()).toBeLessThanOrEqual(8);
    expect(await stored()).toEqual(before);
    expect(tokenOf(relay)).toMatchObject({ lastError: "OTHER_ACCOUNT", needsRelogin: undefined });
    expect(lines(relay, "the token of a could not be refreshed: OTHER_ACCOUNT")).toBeGreaterThan(0);
    expect(byCredential()).toEqual({ static: 60 });
    world.upstream.script();
    await later(5 * MINUTE);
    expect(await during(ask(relay))).toBe(200);
    expect(byCredential()).toEqual({ static: 60, a: 1 });
  });

  it.each([
    "invalid_grant",
    "TOKEN_EXPIRED",
    "USER_DISABLED",
    "USER_NOT_FOUND",
    "INVALID_REFRESH_TOKEN",
  ])(
    "G8 G9 F5 requires re-authentication after %s, keeps the credential, and requests no more",
    async (because) => {
      const relay = await world.start(withSpare(world.firebase("a")));
      world.upstream.grants.revoke("a", because);
      expect(await ask(relay)).toBe(200);
      const [first] = relay.relay.status().credentials;
      expect(first).toMatchObject({ disabled: { cause: "relogin" } });
      expect(first!.token!.needsRelogin).toContain("UNAUTHENTICATED");
      const { attempts } = refreshes();
      await world.clock.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      expect(refreshes().attempts).toBe(attempts);
      expect(
        lines(relay, "credential a on upstream default is disabled: re-authentication required"),
      ).toBe(1);
    },
  );

  it("G8 F5 refreshes at once when an operator enables the credential, without waiting for the backoff", async () => {
    const relay = await world.start(withSpare());
    world.upstream.grants.revoke("a");
    expect(await ask(relay)).toBe(200);
    expect(byCredential()).toEqual({ static: 1 });
    world.upstream.grants.create("a", grantOf("a"));
    relay.relay.credentials.enable("a");
    expect(tokenOf(relay)).toMatchObject({ needsRelogin: undefined, retryAt: undefined });
    expect(await ask(relay)).toBe(200);
    expect(byCredential()).toEqual({ static: 1, a: 1 });
  });

  it("G8 F3 A1 returns with another refresh token after a restart, and not with the same", async () => {
    const storage = createStorage();
    const relay = await world.start({ ...withSpare(), storage });
    world.upstream.grants.revoke("a");
    await ask(relay);
    await relay.close();
    const same = await world.start({ ...withSpare(), storage });
    expect(same.relay.status().credentials[0]!.disabled).toMatchObject({ cause: "relogin" });
    await same.close();
    const token = world.oauth("b");
    const other = await world.start({ ...withSpare(token), storage });
    expect(await ask(other)).toBe(200);
    expect(byCredential()["b"]).toBe(1);
  });

  it.each<[string, (of: string) => TokenSource]>([
    [
      "private key of a service account",
      (key) =>
        serviceAccount({
          clientEmail: "a",
          privateKey: PRIVATE_KEYS[key]!,
          tokenURL: `${world.upstream.url}/oauth/token`,
        }),
    ],
    ["client secret", (clientSecret) => world.oauth("a", { clientSecret })],
    [
      "key of a Firebase project",
      (apiKey) =>
        firebase({ apiKey, refreshToken: grantOf("a"), tokenEndpoint: world.upstream.url }),
    ],
  ])("G8 F3 returns with another %s after a restart, and not with the same", async (_, of) => {
    const storage = createStorage();
    const start = (token: TokenSource) => world.start({ ...withSpare(token), storage });
    const relay = await start(of("old"));
    const headers = { "content-type": "application/json" };
    onRefresh({ reply: { status: 401, headers, body: '{"error":"invalid_client"}' } });
    await ask(relay);
    await until(() => relay.relay.status().credentials[0]!.disabled !== undefined);
    await relay.close();
    world.upstream.script();
    const same = await start(of("old"));
    expect(same.relay.status().credentials[0]!.disabled).toMatchObject({ cause: "relogin" });
    expect(await ask(same)).toBe(200);
    await same.close();
    expect(byCredential()).toEqual({ static: 2 });
    const other = await start(of("new"));
    expect(other.relay.status().credentials[0]!.disabled).toBeUndefined();
    expect(await during(ask(other))).toBe(200);
    expect(byCredential()).toEqual({ static: 2, a: 1 });
    expect(JSON.stringify(await storage.getItems(await storage.getKeys()))).not.toContain("BEGIN");
  });

  it("J7 G9 shows no tokens in lines, status, hooks or responses", async () => {
    const events: unknown[] = [];
    const relay = await world.start({
      ...one(),
      hooks: { refresh: (event) => events.push(event), credential: (event) => events.push(event) },
    });
    await ask(relay);
    const secret = world.upstream.ledger.calls.at(-1)!.secret;
    world.upstream.script(
      {
        when: { operation: "oauth-token" },
        then: {
          reply: {
            status: 400,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({
              error: "invalid_grant",
              error_description: `the token ${grantOf("a")} is bad`,
            }),
          },
        },
      },
      {
        then: {
          reply: {
            status: 401,
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ error: { message: `bad token ${secret}` } }),
          },
        },
      },
    );
    const response = await relay.chat();
    const shown = JSON.stringify([
      await response.text(),
      [...response.headers],
      relay.lines,
      relay.relay.status(),
      events,
    ]);
    expect(events.length).toBeGreaterThan(1);
    for (const hidden of [
      secret,
      grantOf("a"),
      "planted",
      world.upstream.grants.get("a")!.refreshToken,
    ])
      expect(shown).not.toContain(hidden);
  });
});

describe("the token server's clock", () => {
  it.each([HOUR, -HOUR])(
    "G3 is detected where it is %i ms off: its tokens are neither used too long nor refreshed constantly",
    async (dateSkew) => {
      await world.close();
      world = await createTokenWorld({ tokens: { dateSkew } });
      // A token whose own `exp` is set by that clock.
      const source = world.firebase("a");
      const skewed = fromFunction(async (context) => {
        const fresh = await source.refresh({ ...context, refreshToken: grantOf("a") });
        return { ...fresh, accessToken: world.upstream.grants.accessToken("a", HOUR + dateSkew) };
      });
      const relay = await world.start(one({ credentials: [{ id: "a", token: skewed }] }));
      world.upstream.script({
        when: { operation: "chat" },
        then: {
          reply: { status: 200, headers: { "content-type": "application/json" }, body: "{}" },
        },
      });
      for (const _ of [1, 2, 3]) expect(await ask(relay, { stream: false })).toBe(200);
      expect(refreshes().attempts).toBe(1);
      const ends = Date.parse(tokenOf(relay).expiresAt!);
      expect(Math.abs(ends - world.clock.now() - HOUR)).toBeLessThan(2_000);
    },
  );

  it("G3 counts expires_in from the time of the request", async () => {
    let askedAt = 0;
    const token = async () => {
      askedAt = world.clock.now();
      await new Promise<void>((resolve) => void world.clock.after(3_000, resolve));
      return { accessToken: "opaque", expiresIn: 100 };
    };
    const relay = await world.start(one({ credentials: [{ id: "a", token }] }));
    await during(ask(relay), 500);
    expect(world.clock.now() - askedAt).toBeGreaterThanOrEqual(3_000);
    expect(Date.parse(tokenOf(relay).expiresAt!)).toBe(askedAt + 100_000);
  });
});

describe("background refresh", () => {
  it("G4 replaces tokens that are about to expire, ignores disabled credentials, and stops with the relay", async () => {
    const credentials = ["a", "b"].map((id) => ({ id, token: world.oauth(id) }));
    const relay = await world.start(
      one({ credentials, tokens: { background: true, concurrency: 1 } }),
    );
    await askMany(relay, 2);
    expect(refreshes().refreshed).toBe(2);
    relay.relay.credentials.disable("b");
    await world.clock.advance(50 * MINUTE);
    await later(6 * MINUTE);
    await until(() => refreshes().refreshed >= 3);
    await breathe();
    expect(refreshes().attempts).toBe(3);
    await relay.relay.close();
    expect(world.clock.pending()).toBe(0);
  });

  it("G4 G9 backs off where it fails", async () => {
    const relay = await world.start(
      one({ credentials: [{ id: "a", token: world.firebase("a") }], tokens: { background: true } }),
    );
    await ask(relay);
    onRefresh({ refuse: "server-error" });
    await later(75 * MINUTE, MINUTE / 2);
    const tries =
      world.upstream.ledger.calls.filter(({ operation }) => operation === "secure-token").length -
      1;
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(12);
  });
});

describe("many instances on one store", () => {
  it("G6 M4 make one refresh in total, and the others use its result", async () => {
    const storage = createStorage();
    const relays = await Promise.all(
      Array.from({ length: 5 }, () => world.start(one({ storage }))),
    );
    const answers = relays.flatMap((relay) => Array.from({ length: 4 }, () => ask(relay)));
    expect(new Set(await during(Promise.all(answers)))).toEqual(new Set([200]));
    expect(refreshes()).toMatchObject({ attempts: 1, refreshed: 1, reused: 0 });
    await world.clock.advance(HOUR);
    const later = relays.flatMap((relay) => Array.from({ length: 4 }, () => ask(relay)));
    expect(new Set(await during(Promise.all(later)))).toEqual(new Set([200]));
    expect(refreshes()).toMatchObject({ attempts: 2, refreshed: 2, reused: 0, revokedGrants: 0 });
  });

  it("G7 uses no token before it is stored, and never sends an old refresh token again", async () => {
    const { storage, broken } = createFailing();
    const relay = await world.start(
      one({ storage, instances: 1, credentials: [{ id: "a", token: world.oauth("a") }, spare] }),
    );
    // The intent can be written, the token cannot.
    let writes = 0;
    const setItem = storage.setItem.bind(storage);
    storage.setItem = (key, value) =>
      key.includes(":t:") && writes++ < 2 ? Promise.reject(new Error("down")) : setItem(key, value);
    void broken;
    const first = ask(relay);
    await world.upstream.ledger.until((ledger) => ledger.refreshes.refreshed === 1);
    await world.clock.settle();
    expect(byCredential()["a"]).toBeUndefined();
    expect(await during(first, 500)).toBe(200);
    await world.clock.advance(10_000);
    expect(await ask(relay)).toBe(200);
    expect(byCredential()["a"]).toBeGreaterThan(0);
    expect(refreshes()).toMatchObject({ attempts: 1, reused: 0 });
    expect(lines(relay, "the new refresh token of a is not stored")).toBe(1);
  });

  it("G7 K16 finishes a refresh in progress before the relay is closed, and stores the token", async () => {
    const storage = createStorage();
    const relay = await world.start(one({ storage }));
    onRefresh({ stall: "before-headers" });
    // The client that needed it has left: nothing else keeps the relay from closing.
    const leaving = new AbortController();
    const asked = relay.chat({ signal: leaving.signal }).catch(() => undefined);
    await world.upstream.ledger.until(({ inFlight }) => inFlight === 1);
    leaving.abort();
    await asked;
    await until(() => relay.ends.length === 1);
    let isClosed = false;
    const closing = relay.relay.close().then(() => (isClosed = true));
    await breathe();
    expect(isClosed).toBe(false);
    world.upstream.release();
    await during(closing);
    world.upstream.script();
    const again = await world.start(one({ storage }));
    expect(await ask(again)).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 1, reused: 0 });
  });

  it("G7 K1 continues with the rotated refresh token after a restart", async () => {
    const storage = createStorage();
    const relay = await world.start(one({ storage }));
    await ask(relay);
    await relay.close();
    const again = await world.start(one({ storage }));
    expect(await ask(again)).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 1 });
    await world.clock.advance(HOUR);
    expect(await ask(again)).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 2, reused: 0 });
  });

  it("G7 M5 serves valid tokens while the store is down; only non-rotating tokens are refreshed", async () => {
    const { storage, broken } = createFailing();
    const credentials = [
      { id: "a", token: world.oauth("a") },
      { id: "b", token: world.firebase("b") },
    ];
    const relay = await world.start(one({ storage, credentials }));
    await during(askMany(relay, 2));
    for (const method of ["getItem", "getItems", "getKeys", "setItem"] as const) broken.add(method);
    expect(new Set(await askMany(relay, 4))).toEqual(new Set([200]));
    await world.clock.advance(HOUR);
    const before = byCredential();
    expect(new Set(await during(askMany(relay, 4)))).toEqual(new Set([200]));
    expect(byCredential()["a"]).toBe(before["a"]);
    expect(refreshes()).toMatchObject({ attempts: 3, reused: 0 });
    broken.clear();
    await world.clock.advance(MINUTE);
    await during(askMany(relay, 4));
    expect(byCredential()["a"]).toBeGreaterThan(before["a"]!);
    expect(refreshes()).toMatchObject({ reused: 0 });
  });

  it("K15 G7 does not use a rotating token before the state has been loaded", async () => {
    const { storage, broken } = createFailing();
    broken.add("getKeys");
    const relay = await world.start(one({ storage }));
    expect(await during(ask(relay))).toBe(503);
    expect(refreshes().attempts).toBe(0);
    broken.clear();
    await world.clock.advance(10_000);
    expect(await during(ask(relay))).toBe(200);
  });

  it("M4 G8 sends a refresh token whose use is unknown once more, and then requires re-authentication", async () => {
    const storage = createStorage();
    // The provider answers, and the instance dies before it can store the token: three times in a row.
    const die = (): typeof storage =>
      ({
        ...storage,
        setItem: (key: string, value: never) =>
          key.includes(":t:") ? new Promise<void>(() => {}) : storage.setItem(key, value),
      }) as never;
    await world.close();
    world = await createTokenWorld({ tokens: { rotate: false } });
    for (const attempts of [1, 2]) {
      const dying = await world.start(one({ storage: die() }));
      void ask(dying).catch(() => {});
      await world.clock.settle();
      await world.upstream.ledger.until((ledger) => ledger.refreshes.attempts === attempts);
      await world.clock.settle();
      await world.clock.advance(2 * MINUTE);
    }
    const relay = await world.start(
      one({ storage, credentials: [{ id: "a", token: world.oauth("a") }, spare] }),
    );
    expect(await during(ask(relay))).toBe(200);
    expect(refreshes()).toMatchObject({ attempts: 2 });
    expect(relay.relay.status().credentials[0]).toMatchObject({
      disabled: { cause: "relogin" },
      token: { needsRelogin: expect.any(String) as string },
    });
  });
});
