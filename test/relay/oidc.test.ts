/** A real OpenID provider that rotates refresh tokens, and revokes the whole grant when one is used twice (G6, G7). */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { createStorage } from "unstorage";
import { afterEach, expect, it, vi } from "vitest";
import { oauth } from "../../src/index.ts";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { type RelayUnderTest, startRelay } from "../support/relay.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const HOUR = 3_600_000;
const CLIENT = { client_id: "relay", client_secret: "a-secret-of-the-client" };

let server: Server;
let upstream: Simulator;
const relays: RelayUnderTest[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
  await upstream.close();
  server.close();
});

/** Starts a provider with one grant, and returns its first refresh token. */
async function startProvider(): Promise<{
  tokenURL: string;
  refreshToken: string;
  refreshes: () => number;
}> {
  // It prints that its keys are for development only.
  for (const level of ["info", "warn"] as const)
    vi.spyOn(console, level).mockImplementation(() => {});
  server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        ...CLIENT,
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: [`${issuer}/back`],
      },
    ],
    rotateRefreshToken: true,
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  });
  server.on("request", provider.callback());
  let refreshes = 0;
  provider.on("grant.success", () => refreshes++);
  const scope = "openid offline_access";
  const grant = new provider.Grant({ accountId: "a", clientId: CLIENT.client_id });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const client = (await provider.Client.find(CLIENT.client_id))!;
  const token = new provider.RefreshToken({
    accountId: "a",
    client,
    grantId,
    scope,
    gty: "authorization_code",
  } as never);
  vi.restoreAllMocks();
  return {
    tokenURL: `${issuer}/token`,
    refreshToken: await token.save(),
    refreshes: () => refreshes,
  };
}

it("G6 G7 M4 two instances refresh once each time, and the grant survives", async () => {
  const { tokenURL, refreshToken, refreshes } = await startProvider();
  upstream = await createSimulator();
  const clock = createVirtualClock();
  const storage = createStorage();
  const token = oauth({
    tokenURL,
    clientId: CLIENT.client_id,
    clientSecret: CLIENT.client_secret,
    refreshToken,
  });
  for (let count = 0; count < 2; count++)
    relays.push(
      await startRelay({
        keep: upstream,
        clock,
        storage,
        credentials: [{ id: "a", token }],
        limits: { perCaller: { concurrent: false } },
      }),
    );
  for (const round of [1, 2, 3]) {
    const answers = relays.flatMap((relay) => Array.from({ length: 10 }, () => relay.chat()));
    let isOver = false;
    const statuses = Promise.all(
      answers.map((answer) => answer.then(({ status }) => status)),
    ).finally(() => (isOver = true));
    while (!isOver) {
      for (let turn = 0; turn < 200; turn++)
        await new Promise<void>((resolve) => setImmediate(resolve));
      await clock.advance(100);
    }
    expect(new Set(await statuses)).toEqual(new Set([200]));
    expect(refreshes()).toBe(round);
    await clock.advance(HOUR);
  }
  expect(relays[0]!.relay.status().credentials[0]).toMatchObject({
    disabled: undefined,
    token: { needsRelogin: undefined, unsure: 0 },
  });
});
