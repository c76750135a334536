/** `firebaseAnonymous` against the emulator, which counts its users. */
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createStorage } from "unstorage";
import { describe, expect, it, onTestFinished } from "vitest";
import { firebaseAnonymous, graphqlAnonymous } from "../../../src/index.ts";
import type {
  AnonymousCredential,
  CredentialOptions,
} from "../../../src/options/credential-types.ts";
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

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export function anonymousSuite(world: FirebaseWorld): void {
  const guests = (more: Partial<AnonymousCredential> = {}): CredentialOptions[] => [
    {
      id: "guests",
      anonymous: firebaseAnonymous({ apiKey: KEY, ...world.emulator.endpoints }),
      ...more,
    },
  ];
  const countOf = async (operation: string): Promise<(number | undefined)[]> =>
    (await world.emulator.calls(operation)).map(({ status }) => status);
  const acquirer = ({ relay }: RelayUnderTest) => relay.status().acquirers[0]!;

  describe("anonymous sign-in", () => {
    it("H1 H5 creates one user for 50 simultaneous requests, and sends its token to the upstream", async () => {
      const relay = await world.start({ credentials: guests() });
      await world.emulator.hold(true);
      const asking = times(50, () => ask(relay));
      await until(() => relay.relay.status().requests.waiting === 50);
      await world.emulator.hold(false);
      expect(new Set(await asking)).toEqual(new Set([200]));
      const users = await world.emulator.users();
      expect(users).toHaveLength(1);
      expect(await countOf("accounts:signUp")).toEqual([200]);
      expect(new Set(world.tokens()).size).toBe(1);
      expect((await world.emulator.userOf(world.tokens()[0]!)).localId).toBe(users[0]!.localId);
    });

    it("H1 G5 refreshes once for 100 requests when the token has expired, and creates no further user", async () => {
      const relay = await world.start({ credentials: guests() });
      expect(await ask(relay)).toBe(200);
      await world.advance(HOUR);
      await world.emulator.hold(true);
      const asking = times(100, () => ask(relay));
      await until(() => relay.relay.status().requests.open === 100);
      await world.emulator.hold(false);
      expect(new Set(await asking)).toEqual(new Set([200]));
      expect(await countOf("token")).toEqual([200]);
      const users = await world.emulator.users();
      expect(users).toHaveLength(1);
      const [first, ...later] = world.tokens();
      expect(later).not.toContain(first);
      expect((await world.emulator.userOf(later[0]!)).localId).toBe(users[0]!.localId);
    });

    it("H7 K1 uses the same user after a restart", async () => {
      const storage = createStorage();
      const relay = await world.start({ credentials: guests(), storage });
      expect(await ask(relay)).toBe(200);
      await relay.close();
      await world.advance(HOUR);
      const again = await world.start({ credentials: guests(), storage });
      expect(await ask(again)).toBe(200);
      expect(await world.emulator.users()).toHaveLength(1);
      expect(await countOf("token")).toEqual([200]);
    });

    it.skipIf(noRedis)(
      "H2 H5 G6 two instances on one Redis create one user, and refresh once",
      async () => {
        const place = redisPlace(REDIS_DB);
        onTestFinished(() => place.dispose());
        const relays = [
          await world.start({ credentials: guests(), storage: place.open() }),
          await world.start({ credentials: guests(), storage: place.open() }),
        ];
        const askAll = async (): Promise<number[]> =>
          (
            await world.during(Promise.all(relays.map((relay) => times(25, () => ask(relay)))))
          ).flat();
        expect(new Set(await askAll())).toEqual(new Set([200]));
        expect(await world.emulator.users()).toHaveLength(1);
        expect(await countOf("accounts:signUp")).toEqual([200]);
        await world.advance(HOUR);
        expect(new Set(await askAll())).toEqual(new Set([200]));
        expect(await countOf("token")).toEqual([200]);
        expect(await world.emulator.users()).toHaveLength(1);
      },
    );

    it("H4 H6 G8 removes a user that was deleted at the provider, and creates the next", async () => {
      const relay = await world.start({ credentials: guests() });
      expect(await ask(relay)).toBe(200);
      const [first] = await world.emulator.users();
      await world.emulator.delete(first!.localId);
      await world.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      for (let nth = 0; nth < 3; nth++) {
        await world.advance(10 * MINUTE);
        expect(await ask(relay)).toBe(200);
      }
      const users = await world.emulator.users();
      expect(users).toHaveLength(1);
      expect(users[0]!.localId).not.toBe(first!.localId);
      expect((await world.emulator.userOf(world.tokens()[1]!)).localId).toBe(users[0]!.localId);
      expect(await countOf("token")).toEqual([400]);
      expect(await countOf("accounts:signUp")).toEqual([200, 200]);
      expect(acquirer(relay)).toMatchObject({ live: 1, attempts: { day: 2 } });
    });

    it.each([-2 * HOUR, 2 * HOUR])(
      "H1 G3 expires by the emulator's clock, which is %i ms ahead",
      async (off) => {
        await world.part(off);
        const relay = await world.start({ credentials: guests() });
        for (let nth = 0; nth < 3; nth++) expect(await ask(relay)).toBe(200);
        expect(await countOf("token")).toEqual([]);
        await world.advance(HOUR);
        expect(await ask(relay)).toBe(200);
        expect(await countOf("token")).toEqual([200]);
        // No call was made with an expired token.
        expect(world.tokens()).toHaveLength(4);
      },
    );

    it("H1 J7 names the step that was refused without a key, and does not retry", async () => {
      const events: unknown[] = [];
      const relay = await world.start({
        credentials: guests(),
        hooks: { creation: (event) => void events.push(event) },
        fetch: withoutKey,
      });
      for (let nth = 0; nth < 3; nth++) {
        expect(await ask(relay)).toBe(503);
        await world.advance(10 * MINUTE);
      }
      expect(await countOf("accounts:signUp")).toEqual([403]);
      expect(await world.emulator.users()).toEqual([]);
      expect(events).toMatchObject([{ ok: false, step: "create", code: "FORBIDDEN" }]);
      const said = relay.lines.filter(({ message }) => message.includes("got no token"));
      expect(said).toMatchObject([
        {
          level: "warn",
          message: expect.stringContaining("create failed, FORBIDDEN (status:403)"),
        },
      ]);
      expect(JSON.stringify([relay.lines, relay.relay.status(), events])).not.toContain(KEY);
    });

    it("H1 exchanges a custom token of the operator's own server, and refreshes the ID token", async () => {
      const custom = JSON.stringify({ uid: "guest-1", claims: { plan: "trial" } });
      const api = await customTokens(custom);
      onTestFinished(api.close);
      const anonymous = graphqlAnonymous({
        url: api.url,
        query: "mutation { createUser { customToken } }",
        tokenPath: "data.createUser.customToken",
        exchange: { apiKey: KEY, ...world.emulator.endpoints },
      });
      const relay = await world.start({ credentials: guests({ anonymous }) });
      expect(await ask(relay)).toBe(200);
      await world.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      expect((await world.emulator.users()).map(({ localId }) => localId)).toEqual(["guest-1"]);
      expect(await countOf("accounts:signInWithCustomToken")).toEqual([200]);
      expect(await countOf("token")).toEqual([200]);
      for (const token of world.tokens())
        expect(Buffer.from(token.split(".")[1]!, "base64url").toString()).toContain("trial");
    });

    it("J7 H7 shows neither key nor token in lines, status or hooks", async () => {
      const events: unknown[] = [];
      const tell = (event: unknown): void => void events.push(event);
      const relay = await world.start({
        credentials: guests(),
        hooks: { creation: tell, refresh: tell, end: tell },
      });
      expect(await ask(relay)).toBe(200);
      const [{ localId }] = (await world.emulator.users()) as [{ localId: string }];
      await world.advance(HOUR);
      expect(await ask(relay)).toBe(200);
      await world.emulator.delete(localId);
      await world.advance(HOUR);
      await ask(relay);
      const shown = JSON.stringify([relay.relay.status(), relay.lines, events]);
      expect(shown).toContain("INVALID_REFRESH_TOKEN".toLowerCase());
      for (const secret of [KEY, localId, ...world.tokens()]) expect(shown).not.toContain(secret);
    });
  });
}

/** An API that creates users. Firebase exchanges the custom tokens of its answers. */
async function customTokens(customToken: string): Promise<{ url: string; close(): void }> {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ data: { createUser: { customToken } } }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
