/** The `firebase` token source against the emulator's secure token service. */
import { createStorage } from "unstorage";
import { describe, expect, it, onTestFinished } from "vitest";
import { firebase } from "../../../src/index.ts";
import { noRedis, redisPlace } from "../../state/stores.ts";
import type { RelayUnderTest } from "../../support/relay.ts";
import {
  ask,
  type FirebaseWorld,
  KEY,
  times,
  until,
  REDIS_DB,
  withoutKey,
} from "./firebase-world.ts";

const HOUR = 3_600_000;

export function refreshSuite(world: FirebaseWorld): void {
  const source = (refreshToken: string, more: Partial<Parameters<typeof firebase>[0]> = {}) =>
    firebase({ apiKey: KEY, refreshToken, ...world.emulator.endpoints, ...more });
  const spare = { id: "spare", apiKey: "sk-spare-0123456789abcdef", tier: 9 };
  const tokenOf = (relay: RelayUnderTest) => relay.relay.status().credentials[0]!.token!;
  const refreshes = async (): Promise<(number | undefined)[]> =>
    (await world.emulator.calls("token")).map(({ status }) => status);

  describe("a Firebase refresh token", () => {
    it("G12 returns ID tokens of its user, which the emulator accepts", async () => {
      const { localId, refreshToken } = await world.emulator.signUp();
      const relay = await world.start({ credentials: [{ id: "a", token: source(refreshToken) }] });
      expect(await ask(relay)).toBe(200);
      await world.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      const [first, second] = world.tokens();
      expect(second).not.toBe(first);
      for (const token of [first!, second!])
        expect((await world.emulator.userOf(token)).localId).toBe(localId);
      expect(await refreshes()).toEqual([200, 200]);
      expect(tokenOf(relay)).toMatchObject({ refreshes: 2, lastError: undefined });
    });

    it("G12 keeps the claims of a user of the operator's server through all refreshes", async () => {
      const { refreshToken } = await world.emulator.signInWithClaims("team-7", { plan: "gold" });
      const relay = await world.start({ credentials: [{ id: "a", token: source(refreshToken) }] });
      expect(await ask(relay)).toBe(200);
      await world.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      for (const token of world.tokens()) {
        const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
        expect(claims).toMatchObject({ sub: "team-7", plan: "gold" });
      }
      expect(await refreshes()).toEqual([200, 200]);
    });

    it("G5 is sent once for 100 requests, at the start and when the token has expired", async () => {
      const { refreshToken } = await world.emulator.signUp();
      const relay = await world.start({ credentials: [{ id: "a", token: source(refreshToken) }] });
      for (const round of [1, 2]) {
        await world.emulator.hold(true);
        const asking = times(100, () => ask(relay));
        await until(() => relay.relay.status().requests.open === 100);
        await until(async () => (await refreshes()).length === round);
        expect(world.tokens()).toHaveLength(100 * (round - 1));
        await world.emulator.hold(false);
        expect(new Set(await asking)).toEqual(new Set([200]));
        expect(await refreshes()).toHaveLength(round);
        await world.advance(HOUR);
      }
      expect(new Set(world.tokens()).size).toBe(2);
    });

    it("G2 is sent in parallel to a request when the token is about to expire, and the request does not wait", async () => {
      const { refreshToken } = await world.emulator.signUp();
      const relay = await world.start({ credentials: [{ id: "a", token: source(refreshToken) }] });
      expect(await ask(relay)).toBe(200);
      await world.advance(HOUR - 299_000);
      await world.emulator.hold(true);
      expect(await ask(relay)).toBe(200);
      await world.emulator.hold(false);
      await until(() => tokenOf(relay).refreshes === 2);
      expect(await ask(relay)).toBe(200);
      const [first, second, third] = world.tokens();
      expect(second).toBe(first);
      expect(third).not.toBe(first);
    });

    it.skipIf(noRedis)("G6 is sent by one of two instances on one Redis each time", async () => {
      const place = redisPlace(REDIS_DB);
      onTestFinished(() => place.dispose());
      const { refreshToken } = await world.emulator.signUp();
      const credentials = [{ id: "a", token: source(refreshToken) }];
      const relays = [
        await world.start({ credentials, storage: place.open() }),
        await world.start({ credentials, storage: place.open() }),
      ];
      for (const round of [1, 2]) {
        const asking = Promise.all(relays.map((relay) => times(10, () => ask(relay))));
        expect(new Set((await world.during(asking)).flat())).toEqual(new Set([200]));
        expect(await refreshes()).toEqual(Array(round).fill(200));
        await world.advance(HOUR);
      }
      expect(new Set(world.tokens()).size).toBe(2);
    });

    it.each<[string, string]>([
      ["delete", "INVALID_REFRESH_TOKEN"],
      ["disable", "USER_DISABLED"],
    ])(
      "G8 G9 F5 requires a new login when its user was %sd, and is not sent again",
      async (what, code) => {
        const { localId, refreshToken } = await world.emulator.signUp();
        const credentials = [{ id: "a", token: source(refreshToken) }, spare];
        const relay = await world.start({ credentials });
        expect(await ask(relay)).toBe(200);
        await world.emulator[what as "delete" | "disable"](localId);
        for (let nth = 0; nth < 3; nth++) {
          await world.advance(HOUR);
          expect(await ask(relay)).toBe(200);
        }
        expect(await refreshes()).toEqual([200, 400]);
        expect(world.tokens().slice(1)).toEqual(Array(3).fill(spare.apiKey));
        const [first] = relay.relay.status().credentials;
        expect(first!.disabled!.cause).toBe("relogin");
        expect(first!.token!.needsRelogin!.toLowerCase()).toContain(code.toLowerCase());
        expect(JSON.stringify([relay.lines, relay.relay.status()])).not.toContain(refreshToken);
      },
    );

    it("G9 F3 H1 is not sent again after its key was refused, until the key changes", async () => {
      const { refreshToken } = await world.emulator.signUp();
      const storage = createStorage();
      const start = (apiKey: string): Promise<RelayUnderTest> =>
        world.start({
          credentials: [{ id: "a", token: source(refreshToken, { apiKey }) }, spare],
          storage,
          fetch: withoutKey,
        });
      const relay = await start(KEY);
      for (let nth = 0; nth < 3; nth++) {
        expect(await ask(relay)).toBe(200);
        await world.advance(HOUR);
      }
      expect(await refreshes()).toEqual([403]);
      expect(relay.relay.status().credentials[0]!.disabled!.cause).toBe("relogin");
      const said = relay.lines.map(({ message }) => message).join("\n");
      expect(said).toContain(
        "credential a on upstream default is disabled: re-authentication required, FORBIDDEN (status:403)",
      );
      expect(said).not.toContain("could not be refreshed");
      expect(said + JSON.stringify(relay.relay.status())).not.toContain(KEY);
      await relay.close();

      const same = await start(KEY);
      expect(same.relay.status().credentials[0]!.disabled!.cause).toBe("relogin");
      await same.close();

      const other = await start(KEY.toLowerCase());
      expect(await ask(other)).toBe(200);
      expect(await refreshes()).toEqual([403, 200]);
      expect(world.tokens().at(-1)).not.toBe(spare.apiKey);
    });

    it("G12 is sent to the right URL when the endpoint ends with a slash", async () => {
      const { refreshToken } = await world.emulator.signUp();
      const tokenEndpoint = `${world.emulator.endpoints.tokenEndpoint}/`;
      const token = source(refreshToken, { tokenEndpoint });
      const relay = await world.start({ credentials: [{ id: "a", token }] });
      expect(await ask(relay)).toBe(200);
    });

    it.each([-2 * HOUR, 2 * HOUR])(
      "G3 expires by the emulator's clock, which is %i ms off",
      async (off) => {
        await world.part(off);
        const { refreshToken } = await world.emulator.signUp();
        const relay = await world.start({
          credentials: [{ id: "a", token: source(refreshToken) }],
        });
        for (let round = 1; round < 3; round++) {
          for (let nth = 0; nth < 3; nth++) expect(await ask(relay)).toBe(200);
          expect(await refreshes()).toEqual(Array(round).fill(200));
          const life = Date.parse(tokenOf(relay).expiresAt!) - world.clock.now();
          expect(Math.round(life / 1_000)).toBe(3_600);
          await world.advance(HOUR);
        }
        expect(world.tokens()).toHaveLength(6);
      },
    );
  });

  describe.each([-2 * HOUR, 2 * HOUR])("by a clock that is %i ms ahead of the relays'", (off) => {
    it("G3 G6 expires a token of another instance, or of an earlier process", async () => {
      await world.part(off);
      const { refreshToken } = await world.emulator.signUp();
      const options = { credentials: [{ id: "a", token: source(refreshToken) }] };
      const storage = createStorage();
      const first = await world.start({ ...options, storage });
      expect(await ask(first)).toBe(200);
      const second = await world.start({ ...options, storage });
      expect(await ask(second)).toBe(200);
      await second.close();
      const again = await world.start({ ...options, storage });
      expect(await ask(again)).toBe(200);
      expect(await refreshes()).toEqual([200]);
      await world.advance(HOUR);
      expect(await ask(again)).toBe(200);
      expect(await refreshes()).toEqual([200, 200]);
      // No call was made with an expired token.
      expect(world.tokens()).toHaveLength(4);
    });
  });

  describe("an ID token that is returned twice, since two were requested within one second", () => {
    it("E6 G9 is no failure when it was not refused", async () => {
      const { refreshToken } = await world.emulator.signUp();
      const credentials = ["a", "b"].map((id) => ({ id, token: source(refreshToken) }));
      const relay = await world.start({ credentials });
      for (let nth = 0; nth < 4; nth++) expect(await ask(relay)).toBe(200);
      expect(new Set(world.tokens()).size).toBe(1);
      expect(await refreshes()).toEqual([200, 200]);
      for (const { token } of relay.relay.status().credentials)
        expect(token).toMatchObject({ refreshes: 1, lastError: undefined });
    });

    it.each([true, false])(
      "E6 G9 is not requested again for each request when the upstream has refused it (another credential: %s)",
      async (hasOther) => {
        const { refreshToken } = await world.emulator.signUp();
        const others = hasOther ? [spare] : [];
        const relay = await world.start({
          credentials: [{ id: "a", token: source(refreshToken) }, ...others],
          limits: { perCaller: { concurrent: false }, maxWait: 0 },
        });
        expect(await ask(relay)).toBe(200);
        const [refused] = world.tokens();
        world.upstream.grants.revokeAccess(refused!);
        for (let nth = 0; nth < 10; nth++) expect(await ask(relay)).toBe(hasOther ? 200 : 503);
        expect(await refreshes()).toEqual([200, 200]);
        expect(world.tokens().filter((token) => token === refused)).toHaveLength(2);
        const [first] = relay.relay.status().credentials;
        expect(first).toMatchObject({ disabled: undefined, token: { lastError: "SAME" } });
        await world.advance(6_000);
        expect(await ask(relay)).toBe(200);
        expect(await refreshes()).toEqual([200, 200, 200]);
        expect(world.tokens().at(-1)).not.toBe(hasOther ? spare.apiKey : refused);
        expect(tokenOf(relay).lastError).toBeUndefined();
      },
    );
  });
}
